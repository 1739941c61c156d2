//! The error object of the OpenAI protocol, as a reply and as a frame in the middle of a stream.

use serde_json::{Value, json};
use steadfast::{Error, Report};

use super::{PARAM, status};
use crate::edge::RequestId;

pub(super) fn body(error: &Error, report: &Report, id: &RequestId) -> Value {
    json!({ "error": object(error, report, id) })
}

/// Clients read the first four members; ours are under `steadfast`, where no client trips over them.
pub(super) fn object(error: &Error, report: &Report, id: &RequestId) -> Value {
    json!({
        "message": report.message,
        "type": kind(error),
        "param": detail(error, PARAM),
        "code": code(report.code.name()),
        "steadfast": own(error, report, id),
    })
}

/// What only we tell: what was tried, and what may be tried next.
pub(super) fn own(error: &Error, report: &Report, id: &RequestId) -> Value {
    let mut own = json!({
        "code": report.code.name(),
        "retryable": report.retryable,
        "suggestion": report.suggestion,
        "request_id": id.as_str(),
    });
    if let Some(wait) = report.retry_after {
        own["retry_after"] = json!(wait.as_secs_f64());
        own["retry_after_ms"] = json!(wait.as_millis());
    }
    // The gateway's notes say more than the number of a retry's attempts.
    let notes = detail(error, "attempts").and_then(|notes| serde_json::from_str::<Value>(notes).ok());
    if let Some(attempts) = notes.or_else(|| error.attempts().map(Value::from)) {
        own["attempts"] = attempts;
    }
    own
}

fn detail<'a>(error: &'a Error, name: &str) -> Option<&'a str> {
    error.details().iter().find(|(key, _)| *key == name).map(|(_, value)| value.as_str())
}

fn kind(error: &Error) -> &'static str {
    match status::of(error).as_u16() {
        401 => "authentication_error",
        403 => "permission_error",
        408 | 504 => "timeout_error",
        413 => "request_too_large",
        429 => "rate_limit_exceeded",
        400..=499 => "invalid_request_error",
        502 => "upstream_error",
        503 => "overloaded_error",
        _ => "server_error",
    }
}

/// The names that clients and frameworks already look for; otherwise our own in small letters.
fn code(name: &str) -> String {
    match name {
        "CONTEXT_TOO_LONG" => "context_length_exceeded".to_owned(),
        "NOT_FOUND" => "model_not_found".to_owned(),
        "RATE_LIMITED" => "rate_limit_exceeded".to_owned(),
        _ => name.to_ascii_lowercase(),
    }
}
