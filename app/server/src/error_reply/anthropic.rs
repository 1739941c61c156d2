//! The error object of Anthropic's protocol, as a reply and as the last event of a stream.

use serde_json::{Value, json};
use steadfast::{Error, Report};

use super::{openai, status};
use crate::edge::RequestId;

pub(super) fn body(error: &Error, report: &Report, id: &RequestId) -> Value {
    json!({ "type": "error", "error": object(error, report, id), "request_id": id.as_str() })
}

/// Clients read the first two members; ours are under `steadfast`, where no client trips over them.
pub(super) fn object(error: &Error, report: &Report, id: &RequestId) -> Value {
    json!({ "type": kind(error), "message": report.message, "steadfast": openai::own(error, report, id) })
}

fn kind(error: &Error) -> &'static str {
    match status::of(error).as_u16() {
        401 => "authentication_error",
        403 => "permission_error",
        404 => "not_found_error",
        413 => "request_too_large",
        429 => "rate_limit_error",
        408 | 504 => "timeout_error",
        503 => "overloaded_error",
        400..=499 => "invalid_request_error",
        _ => "api_error",
    }
}
