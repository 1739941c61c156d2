//! What the upstream is sent: the client's bytes, or ours; and what else it can be asked.

use bytes::Bytes;
use serde_json::{Value, json};
use steadfast::{CancelToken, Clock, Code, Events};
use steadfast_contract::{
    chat::{Protocol, Source},
    code,
    provider::{EmbedAsk, Provider as _},
};
use steadfast_providers::{FoundModels, ModelSettings, OpenAiCompatible, Secret, UpstreamSettings};
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpListener;

use crate::line::{DONE, STOP, ask, provider, read, read_request, stream_of, text};

/// Answers one request with these bytes; gives back what was asked.
async fn serve(bytes: String) -> (std::net::SocketAddr, steadfast::Task<(String, Vec<u8>)>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let server = CancelToken::root("server").spawn("server", async move {
        let (mut socket, _) = listener.accept().await.unwrap();
        let asked = read_request(&mut socket).await;
        socket.write_all(bytes.as_bytes()).await.unwrap();
        socket.shutdown().await.unwrap();
        asked
    });
    (address, server)
}

fn json_answer(body: &str) -> String {
    format!("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}", body.len())
}

#[tokio::test]
async fn the_clients_own_bytes_reach_the_upstream() {
    let (address, server) = serve(stream_of(&format!("{}{STOP}{DONE}", text("Hi")))).await;
    let body =
        r#"{ "model":"big-model","messages":[],"odd":1e2,"stream":true,"stream_options":{"include_usage":true} }"#;
    let mut ask = ask("hello");
    ask.request.source = Some(Source { protocol: Protocol::ChatCompletions, body: body.into(), headers: vec![] });
    assert_eq!(read(provider(address).open(ask).await.unwrap()).await.text, "Hi");
    let (head, sent) = server.await.unwrap();
    assert_eq!(sent, body.as_bytes());
    assert!(head.contains("authorization: bearer sk-test") && head.contains("x-request-id: req-1"), "{head}");
    assert!(head.starts_with("post /v1/chat/completions http/1.1"), "{head}");
}

#[tokio::test]
async fn a_question_in_another_protocol_is_written_anew() {
    let (address, server) = serve(stream_of(&format!("{}{STOP}", text("Hi")))).await;
    let mut ask = ask("hello");
    ask.request.source =
        Some(Source { protocol: Protocol::Messages, body: Bytes::from_static(b"{}"), headers: vec![] });
    read(provider(address).open(ask).await.unwrap()).await;
    let sent: Value = serde_json::from_slice(&server.await.unwrap().1).unwrap();
    assert_eq!(
        sent,
        json!({"model": "big-model", "messages": [{"role": "user", "content": "hello"}], "stream": true,
            "stream_options": {"include_usage": true}})
    );
}

#[tokio::test]
async fn the_models_of_an_upstream_are_found_when_that_is_wanted() {
    let body = r#"{"object":"list","data":[{"id":"big-model"},{"id":"other","context_length":4096}]}"#;
    let (address, server) = serve(json_answer(body)).await;
    let mut settings =
        UpstreamSettings::new("cloud-b", format!("http://{address}/v1"), vec![ModelSettings::named("big-model")]);
    settings.key = Some(Secret::new("sk-test"));
    let token = CancelToken::root("discover");
    let unwanted = OpenAiCompatible::new(settings.clone(), Clock::real()).unwrap();
    unwanted.discover(&token).await.unwrap();
    assert_eq!(unwanted.models().len(), 1);
    settings.found = FoundModels::Added;
    let provider = OpenAiCompatible::new(settings, Clock::real()).unwrap();
    assert_eq!(provider.models().len(), 1, "before anybody asked");
    provider.discover(&token).await.unwrap();
    let models: Vec<_> = provider.models().into_iter().map(|model| (model.id, model.context_tokens)).collect();
    assert_eq!(models, [("big-model".into(), None), ("other".into(), Some(4096))]);
    let (head, _) = server.await.unwrap();
    assert!(head.starts_with("get /v1/models http/1.1") && head.contains("bearer sk-test"), "{head}");
    // Nobody is there any more: what was known stays known.
    assert_eq!(provider.discover(&token).await.unwrap_err().code(), Code::UNAVAILABLE);
    assert_eq!(provider.models().len(), 2);
}

#[tokio::test]
async fn embeddings_are_passed_on_with_the_models_own_name() {
    let body = r#"{"object":"list","data":[{"embedding":[0.10]}],"usage":{"prompt_tokens":1}}"#;
    let (address, server) = serve(json_answer(body)).await;
    let embedded = provider(address).embed(embed_ask()).await.unwrap();
    assert_eq!(embedded, body);
    let (head, sent) = server.await.unwrap();
    assert_eq!(sent, br#"{"model":"embedder","input":["a"],"encoding_format":"float"}"#);
    assert!(head.starts_with("post /v1/embeddings http/1.1"), "{head}");
    for (answer, code) in [
        (json_answer(r#"{"error":{"message":"slow down","code":429}}"#), Code::RATE_LIMITED),
        (json_answer("<html>"), code::UPSTREAM_PROTOCOL),
        ("HTTP/1.1 402 Payment Required\r\ncontent-length: 0\r\n\r\n".into(), code::QUOTA_EXHAUSTED),
    ] {
        let (address, server) = serve(answer).await;
        assert_eq!(provider(address).embed(embed_ask()).await.unwrap_err().code(), code);
        server.await.unwrap();
    }
}

fn embed_ask() -> EmbedAsk {
    EmbedAsk {
        model: "embedder".into(),
        body: Bytes::from_static(br#"{"model":"alias","input":["a"],"encoding_format":"float"}"#),
        token: CancelToken::root("embed"),
        deadline: None,
        request_id: "req-2".into(),
        events: Events::none(),
    }
}
