//! Answers in one body: asked for as such, read as such, passed on as such.

use serde_json::Value;
use steadfast::CancelToken;
use steadfast_contract::{
    chunk::{Chunk, FinishReason},
    provider::{Delivery, Provider as _},
};
use tokio::{io::AsyncWriteExt as _, net::TcpListener};

use crate::line::{DONE, Outcome, STOP, ask, provider, read, read_request, stream_of, text};

async fn ask_whole(answer: String) -> (Outcome, Value) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let provider = provider(listener.local_addr().unwrap());
    let server = CancelToken::root("server").spawn("server", async move {
        let (mut socket, _) = listener.accept().await.unwrap();
        let (_, body) = read_request(&mut socket).await;
        socket.write_all(answer.as_bytes()).await.unwrap();
        socket.shutdown().await.ok();
        body
    });
    let mut ask = ask("hello");
    ask.delivery = Delivery::Whole;
    let outcome = read(provider.open(ask).await.unwrap()).await;
    (outcome, serde_json::from_slice(&server.await.unwrap()).unwrap())
}

#[tokio::test]
async fn one_body_is_asked_for_and_passed_on_untouched() {
    let body = include_str!("../../fixtures/openai_compatible/whole_answer.json");
    let (outcome, asked) = ask_whole(format!("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\r\n{body}")).await;
    assert_eq!((&asked["stream"], asked.get("stream_options")), (&Value::Bool(false), None));
    assert_eq!(outcome.text, "Hello! How can I help?");
    let frames: Vec<_> = outcome.pieces.iter().flat_map(|piece| &piece.wire).map(|frame| &frame.data).collect();
    assert_eq!(frames, [body]);
}

#[tokio::test]
async fn an_upstream_that_streams_all_the_same_is_understood() {
    let (outcome, _) = ask_whole(stream_of(&format!("{}{STOP}{DONE}", text("Hi")))).await;
    assert_eq!(outcome.finish, Some((FinishReason::Stop, None)));
    assert_eq!(outcome.pieces[0].chunk, Chunk::Text("Hi".into()));
    assert!(outcome.pieces.iter().all(|piece| piece.wire.is_empty()), "a stream's frames are no body");
}
