//! What kind of body a request says it has. A form of another website can only say other kinds than JSON.

use http::{HeaderMap, header};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum MediaType {
    Unsaid,
    PlainJson,
    Other,
}

impl MediaType {
    pub(crate) fn of(headers: &HeaderMap) -> Self {
        if headers.contains_key(header::CONTENT_ENCODING) {
            return Self::Other;
        }
        let Some(said) = headers.get(header::CONTENT_TYPE) else { return Self::Unsaid };
        let essence = said.to_str().unwrap_or_default().split(';').next().unwrap_or_default().trim();
        if essence.eq_ignore_ascii_case("application/json") { Self::PlainJson } else { Self::Other }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(headers: &[(&str, &str)]) -> MediaType {
        let pairs =
            headers.iter().map(|(name, value)| (name.parse::<http::HeaderName>().unwrap(), value.parse().unwrap()));
        MediaType::of(&pairs.collect())
    }

    #[test]
    fn json_may_name_its_characters_and_may_not_be_compressed() {
        assert_eq!(of(&[("content-type", "application/json; charset=utf-8")]), MediaType::PlainJson);
        assert_eq!(of(&[("content-type", "application/json"), ("content-encoding", "gzip")]), MediaType::Other);
        assert_eq!(of(&[("content-type", "text/plain")]), MediaType::Other);
        assert_eq!(of(&[("content-type", "application/jsonp")]), MediaType::Other);
        assert_eq!(of(&[]), MediaType::Unsaid);
    }
}
