//! A server that writes exactly what a test says, and a client to ask it with.

use std::{net::SocketAddr, time::Duration};

use futures_util::StreamExt as _;
use steadfast::{CancelToken, Clock, Error, Events};
use steadfast_contract::{
    chat::{ChatRequest, Message, Role, Sampling},
    chunk::{AnswerStream, Chunk, FinishReason, Piece},
    provider::{Ask, Delivery, Provider as _},
    usage::Usage,
};
use steadfast_providers::{ModelSettings, OpenAiCompatible, Secret, Timeouts, UpstreamSettings};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
};

/// What a stream came to.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) text: String,
    pub(crate) finish: Option<(FinishReason, Option<Usage>)>,
    pub(crate) error: Option<Error>,
    pub(crate) statuses: usize,
    pub(crate) pieces: Vec<Piece>,
}

pub(crate) fn provider(address: SocketAddr) -> OpenAiCompatible {
    provider_with(format!("http://{address}/v1"), Timeouts::default())
}

pub(crate) fn provider_with(url: String, timeouts: Timeouts) -> OpenAiCompatible {
    let model = ModelSettings::named("big-model");
    let mut settings = UpstreamSettings::new("cloud-b", url, vec![model]);
    settings.key = Some(Secret::new("sk-test"));
    settings.timeouts = timeouts;
    OpenAiCompatible::new(settings, Clock::real()).unwrap()
}

pub(crate) fn short() -> Timeouts {
    Timeouts { connect: Duration::from_secs(5), silence: Duration::from_millis(200), ..Timeouts::default() }
}

pub(crate) fn ask(text: &str) -> Ask {
    ask_with(text, &CancelToken::root("ask"))
}

pub(crate) fn ask_with(text: &str, token: &CancelToken) -> Ask {
    let messages = vec![Message::text(Role::User, text)];
    Ask {
        request: ChatRequest {
            model: "big-model".into(),
            messages,
            sampling: Sampling::default(),
            ..ChatRequest::default()
        },
        delivery: Delivery::Streamed,
        token: token.clone(),
        deadline: None,
        request_id: "req-1".into(),
        events: Events::none(),
    }
}

pub(crate) async fn read(mut stream: AnswerStream) -> Outcome {
    let mut outcome = Outcome { text: String::new(), finish: None, error: None, statuses: 0, pieces: vec![] };
    while let Some(chunk) = stream.next().await {
        assert!(outcome.finish.is_none() && outcome.error.is_none(), "nothing follows the end");
        outcome.pieces.extend(chunk.as_ref().ok().cloned());
        match chunk.map(|piece| piece.chunk) {
            Ok(Chunk::Text(text)) => outcome.text.push_str(&text),
            Ok(Chunk::Status(_)) => outcome.statuses += 1,
            Ok(Chunk::Reasoning(_) | Chunk::ToolCall(_) | Chunk::Other(_)) => {}
            Ok(Chunk::Finish { reason, usage }) => outcome.finish = Some((reason, usage)),
            Err(error) => outcome.error = Some(error),
        }
    }
    outcome
}

/// Asks a server that reads one request and then does `play`.
pub(crate) async fn ask_server<P, F>(play: P) -> Result<Outcome, Error>
where
    P: FnOnce(TcpStream) -> F + Send + 'static,
    F: Future<Output = ()> + Send,
{
    ask_server_with(Timeouts::default(), play).await
}

pub(crate) async fn ask_server_with<P, F>(timeouts: Timeouts, play: P) -> Result<Outcome, Error>
where
    P: FnOnce(TcpStream) -> F + Send + 'static,
    F: Future<Output = ()> + Send,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let provider = provider_with(format!("http://{}/v1", listener.local_addr().unwrap()), timeouts);
    let server = CancelToken::root("server").spawn("server", async move {
        let (mut socket, _) = listener.accept().await.unwrap();
        read_request(&mut socket).await;
        play(socket).await;
    });
    let outcome = match provider.open(ask("hello")).await {
        Ok(stream) => Ok(read(stream).await),
        Err(error) => Err(error),
    };
    drop(provider);
    server.await.unwrap();
    outcome
}

/// Asks a server that answers with exactly these bytes and closes.
pub(crate) async fn ask_bytes(bytes: impl Into<Vec<u8>>) -> Result<Outcome, Error> {
    let bytes = bytes.into();
    ask_server(|mut socket| async move {
        // A client that has seen enough may close before the last byte.
        socket.write_all(&bytes).await.ok();
        socket.shutdown().await.ok();
    })
    .await
}

/// A stream as a server sends it that ends with the connection.
pub(crate) fn stream_of(events: &str) -> String {
    format!("HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n{events}")
}

pub(crate) fn text(text: &str) -> String {
    format!(
        "data: {}\n\n",
        serde_json::json!({"choices": [{"index": 0, "delta": {"content": text}, "finish_reason": null}]})
    )
}

pub(crate) const STOP: &str = "data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n";
pub(crate) const DONE: &str = "data: [DONE]\n\n";

/// The head in small letters, and the body.
pub(crate) async fn read_request(socket: &mut TcpStream) -> (String, Vec<u8>) {
    let mut read = Vec::new();
    let end = loop {
        assert!(socket.read_buf(&mut read).await.unwrap() > 0, "the client left before its request was whole");
        if let Some(end) = read.windows(4).position(|four| four == b"\r\n\r\n") {
            break end + 4;
        }
    };
    let head = String::from_utf8_lossy(&read[..end]).to_lowercase();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap_or("0");
    while read.len() < end + length.trim().parse::<usize>().unwrap() {
        assert!(socket.read_buf(&mut read).await.unwrap() > 0, "the client left before its request was whole");
    }
    let body = read.split_off(end);
    (head, body)
}
