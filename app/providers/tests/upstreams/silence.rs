//! Time limits, cancelling, and what becomes of the connection then.

use std::time::Duration;

use futures_util::StreamExt as _;
use steadfast::{CancelReason, CancelToken, Clock, Code, Deadline};
use steadfast_contract::{chunk::Chunk, provider::Provider as _};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    time::timeout,
};

use crate::line::{ask_server_with, ask_with, provider, short, stream_of, text};

/// Waits for the client to close, and fails when it does not.
async fn closed(mut socket: TcpStream) {
    timeout(Duration::from_secs(5), async {
        while socket.read_buf(&mut Vec::new()).await.is_ok_and(|read| read > 0) {}
    })
    .await
    .expect("the client must close");
}

#[tokio::test]
async fn no_answer_at_all_is_a_time_out() {
    let error = ask_server_with(short(), closed).await.unwrap_err();
    assert_eq!((error.code(), error.message()), (Code::TIMEOUT, "cloud-b did not answer in time."));
}

#[tokio::test]
async fn headers_that_never_end_are_a_time_out() {
    let slow = |mut socket: TcpStream| async move {
        socket.write_all(b"HTTP/1.1 200 OK\r\nx-").await.unwrap();
        closed(socket).await;
    };
    assert_eq!(ask_server_with(short(), slow).await.unwrap_err().code(), Code::TIMEOUT);
}

#[tokio::test]
async fn silence_in_the_middle_is_a_time_out_and_keeps_the_words() {
    let stalls = |mut socket: TcpStream| async move {
        socket.write_all(stream_of(&text("half")).as_bytes()).await.unwrap();
        closed(socket).await;
    };
    let outcome = ask_server_with(short(), stalls).await.unwrap();
    let error = outcome.error.unwrap();
    assert_eq!((outcome.text.as_str(), error.code()), ("half", Code::TIMEOUT));
    assert_eq!(error.message(), "cloud-b stopped in the middle of the answer.");
}

#[tokio::test]
async fn comments_keep_nothing_alive() {
    let chats = |mut socket: TcpStream| async move {
        socket.write_all(stream_of(&text("half")).as_bytes()).await.unwrap();
        let clock = Clock::real();
        while socket.write_all(b": still here\n\n").await.is_ok() {
            clock.sleep(Duration::from_millis(20)).await;
        }
    };
    let outcome = timeout(Duration::from_secs(5), ask_server_with(short(), chats)).await.unwrap().unwrap();
    assert_eq!((outcome.text.as_str(), outcome.error.unwrap().code()), ("half", Code::TIMEOUT));
}

#[tokio::test]
async fn the_deadline_ends_the_wait_before_the_time_limit() {
    let (provider, server) = stalling().await;
    let token = CancelToken::root("ask");
    let mut ask = ask_with("hello", &token);
    ask.deadline = Some(Deadline::after(&Clock::real(), Duration::from_millis(300)));
    let mut stream = provider.open(ask).await.unwrap();
    assert_eq!(stream.next().await.unwrap().unwrap().chunk, Chunk::Text("half".into()));
    assert_eq!(stream.next().await.unwrap().unwrap_err().code(), Code::TIMEOUT);
    server.await.unwrap();
}

#[tokio::test]
async fn dropping_the_stream_closes_the_connection_at_once() {
    let (provider, server) = stalling().await;
    let mut stream = provider.open(ask_with("hello", &CancelToken::root("ask"))).await.unwrap();
    assert_eq!(stream.next().await.unwrap().unwrap().chunk, Chunk::Text("half".into()));
    let clock = Clock::real();
    let before = clock.now();
    drop(stream);
    server.await.unwrap();
    assert!(clock.now() - before < Duration::from_millis(100), "{:?}", clock.now() - before);
}

#[tokio::test]
async fn cancelling_ends_the_stream_with_the_reason_and_closes_the_connection() {
    let (provider, server) = stalling().await;
    let token = CancelToken::root("ask");
    let mut stream = provider.open(ask_with("hello", &token)).await.unwrap();
    assert_eq!(stream.next().await.unwrap().unwrap().chunk, Chunk::Text("half".into()));
    token.cancel(CancelReason::UserStop);
    let error = stream.next().await.unwrap().unwrap_err();
    assert_eq!((error.code(), error.cancel_reason()), (Code::CANCELLED, Some(CancelReason::UserStop)));
    assert!(stream.next().await.is_none());
    server.await.unwrap();
}

#[tokio::test]
async fn cancelling_before_the_answer_closes_the_connection() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let provider = provider(listener.local_addr().unwrap());
    let token = CancelToken::root("ask");
    let canceller = token.clone();
    let server = CancelToken::root("server").spawn("server", async move {
        let (mut socket, _) = listener.accept().await.unwrap();
        socket.read_buf(&mut Vec::new()).await.unwrap();
        canceller.cancel(CancelReason::ModelSwitch);
        closed(socket).await;
    });
    let error = provider.open(ask_with("hello", &token)).await.err().unwrap();
    assert_eq!(error.cancel_reason(), Some(CancelReason::ModelSwitch));
    server.await.unwrap();
}

/// A server that says one word and then waits for the client to close.
async fn stalling() -> (steadfast_providers::OpenAiCompatible, steadfast::Task<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let provider = provider(listener.local_addr().unwrap());
    let server = CancelToken::root("server").spawn("server", async move {
        let (mut socket, _) = listener.accept().await.unwrap();
        socket.read_buf(&mut Vec::new()).await.unwrap();
        socket.write_all(stream_of(&text("half")).as_bytes()).await.unwrap();
        closed(socket).await;
    });
    (provider, server)
}
