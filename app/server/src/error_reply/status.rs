//! The status of every code. A code that is missing here is a fault of ours, and answers as one.

use http::StatusCode;
use steadfast::{CancelReason, Error};

pub(super) fn of(error: &Error) -> StatusCode {
    match error.code().name() {
        "CANCELLED" => cancelled(error.cancel_reason()),
        // What kept failing says more than that it kept failing.
        "RETRY_EXHAUSTED" => last(error),
        name => named(name).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR),
    }
}

pub(super) fn named(code: &str) -> Option<StatusCode> {
    TABLE.iter().find(|(_, codes)| codes.contains(&code)).and_then(|(status, _)| StatusCode::from_u16(*status).ok())
}

fn last(error: &Error) -> StatusCode {
    let last = error.last_attempt().code();
    named(last.name()).filter(StatusCode::is_server_error).unwrap_or(StatusCode::SERVICE_UNAVAILABLE)
}

fn cancelled(reason: Option<CancelReason>) -> StatusCode {
    let number = match reason {
        Some(CancelReason::Deadline | CancelReason::AttemptTimeout) => 504,
        Some(CancelReason::Shutdown) => 503,
        // Nobody is there to read it: for logs, as nginx writes it.
        _ => 499,
    };
    StatusCode::from_u16(number).unwrap_or(StatusCode::SERVICE_UNAVAILABLE)
}

const TABLE: &[(u16, &[&str])] = &[
    (400, &["VALIDATION", "CONTEXT_TOO_LONG", "UNSUPPORTED_INPUT", "UNSUPPORTED_PARAMETER"]),
    (401, &["UNAUTHORIZED"]),
    (403, &["FORBIDDEN", "CROSS_SITE"]),
    (404, &["NOT_FOUND", "TOOL_NOT_FOUND"]),
    (405, &["METHOD_NOT_ALLOWED"]),
    (408, &["REQUEST_TIMEOUT"]),
    (409, &["CONFLICT"]),
    (410, &["STREAM_EXPIRED"]),
    (413, &["REQUEST_TOO_LARGE"]),
    (415, &["UNSUPPORTED_MEDIA_TYPE"]),
    (421, &["MISDIRECTED"]),
    (422, &["KEY_REUSED"]),
    (429, &["RATE_LIMITED", "QUOTA_EXHAUSTED"]),
    (500, &["INTERNAL", "CORRUPT", "INVALID_MODEL_FILE"]),
    (502, &["CONNECTION_LOST", "STREAM_CUT", "UPSTREAM_PROTOCOL", "TOOL_CALL_TRUNCATED"]),
    (
        503,
        &[
            "UNAVAILABLE",
            "OVERLOADED",
            "CIRCUIT_OPEN",
            "MODEL_LOADING",
            "MODEL_NOT_LOADED",
            "MODEL_CRASHED",
            "OUT_OF_MEMORY",
            "STORAGE_UNAVAILABLE",
            "INTERRUPTED",
        ],
    ),
    (504, &["TIMEOUT", "QUERY_TIMEOUT"]),
    (507, &["DISK_FULL"]),
];
