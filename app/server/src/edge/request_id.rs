//! The name of one request, in the log, in every reply and upstream. A caller may bring its own.

use http::{HeaderMap, HeaderName, HeaderValue};
use uuid::Uuid;

use crate::error_reply::Shape;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RequestId(String);

impl RequestId {
    pub(crate) fn of(headers: &HeaderMap) -> Self {
        let brought = headers.get(HEADER).and_then(|value| value.to_str().ok()).filter(|id| is_tame(id));
        Self(brought.map_or_else(|| format!("req_{}", Uuid::now_v7().simple()), str::to_owned))
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    pub(super) fn put_on(&self, headers: &mut HeaderMap, shape: Shape) {
        if let Ok(value) = HeaderValue::from_str(&self.0) {
            if shape == Shape::Anthropic {
                headers.insert(ANTHROPICS, value.clone());
            }
            headers.insert(HEADER, value);
        }
    }
}

/// Harmless in a log line and in a header.
fn is_tame(id: &str) -> bool {
    (1..=128).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte))
}

const HEADER: HeaderName = HeaderName::from_static("x-request-id");
/// Where Anthropic's clients look for it.
const ANTHROPICS: HeaderName = HeaderName::from_static("request-id");

#[cfg(test)]
mod tests {
    use super::*;

    fn of(id: &'static str) -> RequestId {
        RequestId::of(&HeaderMap::from_iter([(HEADER, HeaderValue::from_static(id))]))
    }

    #[test]
    fn a_tame_id_is_kept_and_a_wild_one_replaced() {
        assert_eq!(of("abc-1_2").as_str(), "abc-1_2");
        assert!(of("a b").as_str().starts_with("req_"));
        assert!(of("").as_str().starts_with("req_"));
    }
}
