//! The edge in front of a small router: hosts, origins, limits, headers.

use axum::{Router, body::Body, routing::get};
use http::{Request, StatusCode, header};
use http_body_util::BodyExt;
use serde_json::Value;
use steadfast::{CancelReason, CancelToken, Clock, Detail};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

use super::{Answerer, Edge, HostCheck};
use crate::settings::ConnectionLimits;

fn answerer(port: u16) -> Answerer {
    let router = Router::new()
        .route("/fine", get(async || "fine"))
        .route("/panics", get(async || -> &'static str { panic!("on purpose") }))
        .route("/v1/panics", get(async || -> &'static str { panic!("on purpose") }))
        .route("/held", get(async || std::future::pending::<&'static str>().await));
    let hosts = HostCheck::new(([127, 0, 0, 1], port).into(), &[]);
    Answerer { router, hosts, detail: Detail::Public, clock: Clock::real() }
}

async fn asked(request: http::request::Builder) -> (StatusCode, http::HeaderMap, Value) {
    let request = request.header(header::HOST, "localhost:8080").body(Body::empty()).unwrap();
    let (head, body) = answerer(8080).answer(request).await.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    (head.status, head.headers, serde_json::from_slice(&body).unwrap_or_default())
}

#[tokio::test]
async fn a_panic_becomes_an_internal_error_in_the_shape_of_its_face() {
    let (status, headers, problem) = asked(Request::get("/panics").header("x-request-id", "mine")).await;
    assert_eq!(status, StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!(headers["x-request-id"], "mine");
    assert_eq!((&problem["code"], &problem["instance"]), (&Value::from("INTERNAL"), &Value::from("mine")));
    let (_, _, openai) = asked(Request::get("/v1/panics")).await;
    assert_eq!(openai["error"]["steadfast"]["code"], "INTERNAL");
}

#[tokio::test]
async fn a_compressed_body_and_an_endless_address_are_refused() {
    assert_eq!(
        asked(Request::get("/fine").header(header::CONTENT_ENCODING, "gzip")).await.0,
        StatusCode::UNSUPPORTED_MEDIA_TYPE
    );
    assert_eq!(asked(Request::get(format!("/fine?{}", "x".repeat(8192)))).await.0, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn even_a_refusal_is_fenced() {
    let request = Request::get("/fine").header(header::ORIGIN, "http://evil.example");
    let (status, headers, _) = asked(request).await;
    assert_eq!(status, StatusCode::FORBIDDEN);
    assert!(headers.contains_key(header::CONTENT_SECURITY_POLICY) && headers.contains_key("x-request-id"));
}

struct Listening {
    port: u16,
    accepting: CancelToken,
    lines: CancelToken,
}

async fn listening() -> Listening {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let (accepting, lines) = (CancelToken::root("accepting"), CancelToken::root("lines"));
    drop(accepting.spawn(
        "accept",
        Edge::new(answerer(port), ConnectionLimits::default(), lines.clone()).accept(listener, accepting.clone()),
    ));
    Listening { port, accepting, lines }
}

impl Listening {
    async fn send(&self, path: &str) -> TcpStream {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).await.unwrap();
        let request = format!("GET {path} HTTP/1.1\r\nhost: localhost:{}\r\n\r\n", self.port);
        stream.write_all(request.as_bytes()).await.unwrap();
        stream
    }
}

#[tokio::test]
async fn a_resting_connection_ends_with_the_program_and_no_task_is_left() {
    let edge = listening().await;
    let mut stream = edge.send("/fine").await;
    let mut said = vec![0; 4096];
    assert!(stream.read(&mut said).await.unwrap() > 0);
    edge.accepting.cancel(CancelReason::Shutdown);
    edge.lines.cancel(CancelReason::Shutdown);
    assert_eq!(stream.read(&mut said).await.unwrap(), 0);
    edge.accepting.join().await;
    edge.lines.join().await;
}

#[tokio::test]
async fn a_client_that_leaves_takes_its_request_with_it() {
    let edge = listening().await;
    let stream = edge.send("/held").await;
    let begun = async {
        while edge.lines.running().is_empty() {
            tokio::task::yield_now().await;
        }
    };
    begun.await;
    drop(stream);
    edge.lines.join().await;
}
