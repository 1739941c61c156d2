//! Servers that refuse, reset, cut, lie or send garbage. Each gets its own code, and no garbage gets through.

use futures_util::StreamExt as _;
use steadfast::{CancelToken, Code, Error, RetryAdvice};
use steadfast_contract::{
    chunk::{Chunk, FinishReason},
    code,
    provider::Provider as _,
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    sync::oneshot,
};

use crate::line::{
    DONE, STOP, ask, ask_bytes, ask_server, provider, provider_with, read_request, short, stream_of, text,
};

fn reset(socket: &TcpStream) {
    socket.set_zero_linger().unwrap();
}

#[tokio::test]
async fn nobody_there_is_unavailable() {
    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let error = provider(closed).open(ask("hello")).await.err().unwrap();
    assert_eq!((error.code(), error.advice()), (Code::UNAVAILABLE, RetryAdvice::RetryNow));
    assert_eq!(error.message(), "cloud-b cannot be connected. It may not be running.");
}

#[tokio::test]
async fn an_unknown_name_is_said_as_such() {
    // The reserved top-level domain `invalid` never resolves.
    let error = provider_with("http://cloud-b.invalid/v1".into(), short()).open(ask("hello")).await.err().unwrap();
    // A machine without a resolver may take its time to say so.
    let expected = ["The address of cloud-b cannot be found.", "cloud-b did not answer in time."];
    assert!(expected.contains(&error.message()), "{error:?}");
}

#[tokio::test]
async fn a_server_without_tls_is_not_secure() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://{}/v1", listener.local_addr().unwrap());
    let server = CancelToken::root("server").spawn("server", async move {
        let (mut socket, _) = listener.accept().await.unwrap();
        socket.read_buf(&mut Vec::new()).await.unwrap();
        socket.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await.unwrap();
        socket
    });
    let error = provider_with(url, steadfast_providers::Timeouts::default()).open(ask("hello")).await.err().unwrap();
    assert_eq!((error.code(), error.advice()), (Code::UNAVAILABLE, RetryAdvice::TryElsewhere));
    assert_eq!(error.message(), "No secure connection to cloud-b can be made.");
    server.await.unwrap();
}

#[tokio::test]
async fn a_reset_after_the_request_is_a_lost_connection() {
    let error = ask_server(|socket| async move { reset(&socket) }).await.unwrap_err();
    assert_eq!((error.code(), error.advice()), (Code::CONNECTION_LOST, RetryAdvice::RetryNow));
}

#[tokio::test]
async fn a_close_without_an_answer_is_a_lost_connection() {
    let error = ask_server(|socket| async move { drop(socket) }).await.unwrap_err();
    assert_eq!(error.code(), Code::CONNECTION_LOST);
}

#[tokio::test]
async fn a_reset_in_the_middle_keeps_the_words_and_says_so() {
    let end = reset_after(text("half")).await.unwrap_err();
    assert_eq!(end.code(), Code::CONNECTION_LOST);
}

#[tokio::test]
async fn a_reset_after_the_finish_is_still_whole() {
    let end = reset_after(format!("{}{STOP}", text("half"))).await.unwrap();
    assert_eq!(end, Chunk::Finish { reason: FinishReason::Stop, usage: None });
}

/// What comes after "half", from a server that says `events` and resets the line once the client has read them.
async fn reset_after(events: String) -> Result<Chunk, Error> {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let provider = provider(listener.local_addr().unwrap());
    let (seen, client_saw) = oneshot::channel();
    let server = CancelToken::root("server").spawn("server", async move {
        let (mut socket, _) = listener.accept().await.unwrap();
        read_request(&mut socket).await;
        socket.write_all(stream_of(&events).as_bytes()).await.unwrap();
        client_saw.await.unwrap();
        reset(&socket);
    });
    let mut stream = provider.open(ask("hello")).await.unwrap();
    assert_eq!(stream.next().await.unwrap().unwrap().chunk, Chunk::Text("half".into()));
    seen.send(()).unwrap();
    let end = stream.next().await.unwrap();
    assert!(stream.next().await.is_none());
    server.await.unwrap();
    end.map(|piece| piece.chunk)
}

#[tokio::test]
async fn a_clean_end_without_a_finish_is_a_cut() {
    let chunked = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n";
    let event = text("half");
    let outcome = ask_bytes(format!("{chunked}{:x}\r\n{event}\r\n0\r\n\r\n", event.len())).await.unwrap();
    assert_eq!((outcome.text.as_str(), outcome.error.unwrap().code()), ("half", code::STREAM_CUT));
    let outcome = ask_bytes(format!("{chunked}{:x}\r\n{event}\r\n", event.len())).await.unwrap();
    assert_eq!((outcome.text.as_str(), outcome.error.unwrap().code()), ("half", Code::CONNECTION_LOST));
}

#[tokio::test]
async fn an_error_in_the_middle_has_its_own_code() {
    let error = "data: {\"error\":{\"message\":\"CUDA out of memory\",\"type\":\"server_error\"}}\n\n";
    let outcome = ask_bytes(stream_of(&format!("{}{error}{DONE}", text("half")))).await.unwrap();
    assert_eq!((outcome.text.as_str(), outcome.error.unwrap().code()), ("half", Code::OUT_OF_MEMORY));
    let named = "event: error\ndata: {\"message\":\"busy\",\"type\":\"overloaded_error\"}\n\n";
    let outcome = ask_bytes(stream_of(&format!("{}{named}", text("half")))).await.unwrap();
    assert_eq!(outcome.error.unwrap().code(), Code::OVERLOADED);
}

#[tokio::test]
async fn a_broken_event_ends_the_answer_instead_of_losing_words() {
    let outcome =
        ask_bytes(stream_of(&format!("{}data: {{\"choices\":[{{\n\n{}{STOP}{DONE}", text("one "), text("three"))))
            .await
            .unwrap();
    assert_eq!((outcome.text.as_str(), outcome.error.unwrap().code()), ("one ", code::UPSTREAM_PROTOCOL));
    let outcome = ask_bytes(stream_of(&format!("{}data: {{\"choices\":[{{", text("one ")))).await.unwrap();
    assert_eq!(outcome.error.unwrap().code(), code::STREAM_CUT, "what the end cut short was cut");
}

#[tokio::test]
async fn a_giant_line_is_refused() {
    let outcome = ask_bytes(stream_of(&format!("{}data: {}", text("half"), "x".repeat(3 << 20)))).await.unwrap();
    let error = outcome.error.unwrap();
    assert_eq!((outcome.text.as_str(), error.code()), ("half", code::UPSTREAM_PROTOCOL));
    assert_eq!(error.message(), "cloud-b sent something that is not an answer.");
}

#[tokio::test]
async fn a_page_is_not_an_answer() {
    for (head, code) in [
        ("HTTP/1.1 200 OK\r\ncontent-type: text/html\r\n\r\n", code::UPSTREAM_PROTOCOL),
        ("HTTP/1.1 502 Bad Gateway\r\ncontent-type: text/html\r\n\r\n", Code::UNAVAILABLE),
    ] {
        let outcome = ask_bytes(format!("{head}<html><h1>502 Bad Gateway</h1>nginx/1.24.0</html>")).await;
        let error = outcome.map_or_else(|error| error, |outcome| outcome.error.unwrap());
        assert_eq!(error.code(), code);
        assert!(!format!("{error:?}").contains("nginx"), "{error:?}");
    }
}

#[tokio::test]
async fn what_does_not_speak_http_is_said_as_such() {
    let error = ask_bytes("SSH-2.0-OpenSSH_9.6\r\n").await.unwrap_err();
    assert_eq!(error.message(), "What answers at the address of cloud-b does not speak HTTP.");
}

#[tokio::test]
async fn a_redirect_is_not_followed_and_the_key_stays_here() {
    let trap = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    trap.set_nonblocking(true).unwrap();
    let there = trap.local_addr().unwrap();
    let error = ask_bytes(format!(
        "HTTP/1.1 307 Temporary Redirect\r\nlocation: http://{there}/v1/chat/completions\r\ncontent-length: 0\r\n\r\n"
    ))
    .await
    .unwrap_err();
    assert!(error.message().contains("another address"), "{error:?}");
    // Whoever had followed would have been here before the error was.
    let nobody = trap.accept().unwrap_err();
    assert_eq!(nobody.kind(), std::io::ErrorKind::WouldBlock);
}

#[tokio::test]
async fn broken_json_in_one_body_is_not_an_answer() {
    let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\r\n";
    for body in [r#"{"id":"x","choices":["#, r#"{"choices":[]}"#, "{}", ""] {
        let outcome = ask_bytes(format!("{head}{body}")).await.unwrap();
        assert_eq!(outcome.error.unwrap().code(), code::UPSTREAM_PROTOCOL, "{body}");
    }
}
