//! The error object of the OpenAI protocol, as a reply and as a frame in the middle of a stream.

use serde_json::{Value, json};
use steadfast::{Error, Report};

use super::status;
use crate::edge::RequestId;

/// Clients read the four members of `error`; ours are under `steadfast`, where no client trips over them.
pub(crate) fn body(error: &Error, report: &Report, id: &RequestId) -> Value {
    let mut own = json!({
        "code": report.code.name(),
        "retryable": report.retryable,
        "suggestion": report.suggestion,
        "request_id": id.as_str(),
    });
    if let Some(wait) = report.retry_after {
        own["retry_after"] = json!(wait.as_secs_f64());
    }
    if let Some(attempts) = error.attempts() {
        own["attempts"] = json!(attempts);
    }
    json!({ "error": {
        "message": report.message,
        "type": kind(error),
        "param": error.details().iter().find(|(key, _)| *key == PARAM).map(|(_, value)| value),
        "code": code(report.code.name()),
        "steadfast": own,
    } })
}

/// The detail that names the member of the request which is wrong.
pub(crate) const PARAM: &str = "param";

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
