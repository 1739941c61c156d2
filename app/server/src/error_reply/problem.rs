//! RFC 9457, with our guidance beside the standard members.

use http::StatusCode;
use serde_json::{Map, Value, json};
use steadfast::Report;

use crate::edge::RequestId;

pub(super) fn body(status: StatusCode, report: &Report, id: &RequestId) -> Value {
    let mut problem = json!({
        "type": format!("/errors/{}", report.code),
        "title": report.code.spec().message,
        "status": status.as_u16(),
        "detail": report.message,
        "instance": id.as_str(),
        "code": report.code.name(),
        "retryable": report.retryable,
        "suggestion": report.suggestion,
    });
    if let Some(wait) = report.retry_after {
        problem["retry_after"] = json!(wait.as_secs_f64());
    }
    if !report.details.is_empty() {
        problem["details"] =
            report.details.iter().map(|(key, value)| ((*key).to_owned(), json!(value))).collect::<Map<_, _>>().into();
    }
    problem
}
