//! Whether a model goes on from a given beginning: asked, remembered, forgotten when it says no.

use serde_json::{Value, json};
use steadfast::{CancelToken, Clock, Code};
use steadfast_contract::{
    chat::{Message, Role},
    code,
    provider::{Continuation, Provider as _},
};
use steadfast_providers::{ModelSettings, OpenAiCompatible, UpstreamSettings};
use tokio::{io::AsyncWriteExt as _, net::TcpListener};

use crate::line::{STOP, ask, read, read_request, stream_of, text};

/// An upstream that answers one question after the other with these bytes.
async fn upstream(answers: Vec<String>, said: Continuation) -> (OpenAiCompatible, steadfast::Task<Vec<Value>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/v1", listener.local_addr().unwrap());
    let server = CancelToken::root("server").spawn("server", async move {
        let mut asked = Vec::new();
        for answer in answers {
            let (mut socket, _) = listener.accept().await.unwrap();
            asked.push(serde_json::from_slice(&read_request(&mut socket).await.1).unwrap());
            socket.write_all(answer.as_bytes()).await.unwrap();
            socket.shutdown().await.ok();
        }
        asked
    });
    let model = ModelSettings { continuation: said, ..ModelSettings::named("big-model") };
    let settings = UpstreamSettings::new("cloud-b", url, vec![model]);
    (OpenAiCompatible::new(settings, Clock::real()).unwrap(), server)
}

fn refused(body: &str) -> String {
    format!("HTTP/1.1 400 Bad Request\r\ncontent-length: {}\r\n\r\n{body}", body.len())
}

#[tokio::test]
async fn a_model_that_goes_on_is_verified_and_then_made_to() {
    let answer = stream_of(&format!("{}{}{STOP}", text(" 4, 5,"), text(" 6, 7, 8, 9, 10")));
    let (provider, server) =
        upstream(vec![answer, stream_of(&format!("{}{STOP}", text("more")))], Continuation::Unknown).await;
    assert_eq!(provider.continuation("big-model"), Continuation::Unknown);
    let token = CancelToken::root("probe");
    assert_eq!(provider.verify_continuation("big-model", &token).await.unwrap(), Continuation::Verified);
    assert_eq!(provider.continuation("big-model"), Continuation::Verified);
    let mut ask = ask("hello");
    ask.request.messages.push(Message::text(Role::Assistant, "some text "));
    assert_eq!(read(provider.open(ask).await.unwrap()).await.text, "more");
    for asked in server.await.unwrap() {
        assert_eq!(
            (&asked["continue_final_message"], &asked["add_generation_prompt"]),
            (&json!(true), &json!(false)),
            "{asked}"
        );
    }
}

#[tokio::test]
async fn a_model_that_begins_anew_is_not() {
    let (provider, server) =
        upstream(vec![stream_of(&format!("{}{STOP}", text("1, 2, 3, 4")))], Continuation::Unknown).await;
    let found = provider.verify_continuation("big-model", &CancelToken::root("probe")).await.unwrap();
    assert_eq!((found, provider.continuation("big-model")), (Continuation::Unsupported, Continuation::Unsupported));
    server.await.unwrap();
}

#[tokio::test]
async fn an_upstream_that_has_no_time_shows_nothing() {
    let busy = "HTTP/1.1 503 Busy\r\ncontent-length: 0\r\n\r\n".to_owned();
    let (provider, server) = upstream(vec![busy], Continuation::Unknown).await;
    let error = provider.verify_continuation("big-model", &CancelToken::root("probe")).await.unwrap_err();
    assert_eq!((error.code(), provider.continuation("big-model")), (Code::OVERLOADED, Continuation::Unknown));
    server.await.unwrap();
}

#[tokio::test]
async fn a_refusal_counts_more_than_the_settings() {
    let body = r#"{"error":{"message":"This model does not support assistant message prefill."}}"#;
    let (provider, server) = upstream(vec![refused(body)], Continuation::Verified).await;
    let mut ask = ask("hello");
    ask.request.messages.push(Message::text(Role::Assistant, "some text"));
    let error = provider.open(ask).await.err().unwrap();
    assert_eq!(error.code(), code::UNSUPPORTED_INPUT);
    assert_eq!(provider.continuation("big-model"), Continuation::Unsupported);
    server.await.unwrap();
}
