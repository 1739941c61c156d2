//! From an error to an HTTP response. The only place that knows status codes.
//!
//! Handlers return a [`Refusal`]; the edge turns it into one of three shapes, because only the edge knows the path
//! and the request id. The headers are what the OpenAI clients obey: they retry by themselves unless told not to,
//! and some sleep for as long as we say, so a wait is clamped to 1 to 59 seconds.

mod anthropic;
mod openai;
mod problem;
mod status;

use std::{sync::Arc, time::Duration};

use axum::{
    body::Body,
    response::{IntoResponse, Response},
};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use serde_json::Value;
use steadfast::{Code, Detail, Error, Report};

use crate::edge::RequestId;
pub(crate) use steadfast_wire::json::PARAM;

/// Which of the two faces was asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shape {
    /// `/v1`
    OpenAi,
    /// `/v1/messages`
    Anthropic,
    /// Everything else: RFC 9457.
    Problem,
}

/// An error on its way out of a handler.
#[derive(Debug, Clone)]
pub(crate) struct Refusal(Arc<Error>);

/// The reply as a handler returns it.
pub(crate) type Reply = Result<Response, Refusal>;

impl Shape {
    pub(crate) fn of(path: &str) -> Self {
        match path.strip_prefix("/v1/") {
            Some("messages" | "messages/count_tokens") => Self::Anthropic,
            Some(_) => Self::OpenAi,
            None => Self::Problem,
        }
    }
}

impl Refusal {
    /// Carries the error to the edge, which writes the response.
    pub(crate) fn into_empty_response(self) -> Response {
        let mut response = Response::new(Body::empty());
        response.extensions_mut().insert(self);
        response
    }
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        Self(Arc::new(error))
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        self.into_empty_response()
    }
}

pub(crate) fn reply(Refusal(error): &Refusal, shape: Shape, id: &RequestId, detail: Detail) -> Response {
    let status = status::of(error);
    let report = error.report(detail);
    let (content_type, body) = match shape {
        Shape::OpenAi => ("application/json", openai::body(error, &report, id)),
        Shape::Anthropic => ("application/json", anthropic::body(error, &report, id)),
        Shape::Problem => ("application/problem+json", problem::body(status, &report, id)),
    };
    let mut response = Response::new(Body::from(body.to_string()));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    if status == StatusCode::PAYLOAD_TOO_LARGE {
        // What is still on its way is not read; without this word a client would use the closed line once more.
        response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    advise(response.headers_mut(), error, &report);
    response
}

/// For tests of handlers, which the edge does not stand around.
#[cfg(test)]
pub(crate) fn status_of(Refusal(error): &Refusal) -> StatusCode {
    status::of(error)
}

/// The error object of a protocol, for the last frame of a stream.
pub(crate) fn object(error: &Error, shape: Shape, id: &RequestId, detail: Detail) -> Value {
    let report = error.report(detail);
    match shape {
        Shape::OpenAi => openai::object(error, &report, id),
        Shape::Anthropic => anthropic::object(error, &report, id),
        Shape::Problem => problem::body(status::of(error), &report, id),
    }
}

/// What the client's own retry layer should do. Retries live in one layer, and that layer is ours: an error that
/// waiting alone does not mend is final.
fn advise(headers: &mut HeaderMap, error: &Error, report: &Report) {
    let wait = report.retry_after;
    if let Some(wait) = wait {
        let seconds = wait.as_secs_f64().ceil() as u64;
        let seconds = if wait < LONGEST_WAIT { seconds.clamp(1, 59) } else { seconds };
        headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        headers.insert("retry-after-ms", HeaderValue::from(u64::try_from(wait.as_millis()).unwrap_or(u64::MAX)));
    }
    if is_final(error, wait) {
        headers.insert("x-should-retry", HeaderValue::from_static("false"));
    }
}

fn is_final(error: &Error, wait: Option<Duration>) -> bool {
    !error.retryable() || error.code() == Code::CIRCUIT_OPEN || wait.is_some_and(|wait| wait >= LONGEST_WAIT)
}

/// From here on the official clients disagree about obeying: some sleep, some retry at once.
const LONGEST_WAIT: Duration = Duration::from_secs(60);

/// The whole answer to a connection for which there is no room; nothing of its request was read.
pub(crate) const NO_ROOM: &str =
    "HTTP/1.1 503 Service Unavailable\r\nretry-after: 5\r\nconnection: close\r\ncontent-length: 0\r\n\r\n";

#[cfg(test)]
mod tests;
