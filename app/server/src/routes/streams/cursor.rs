//! Where a reader wants to begin: `Last-Event-ID`, `?after=` or `?mode=snapshot`. Anything that is not exactly a place
//! is refused, and never guessed at.

use http::HeaderMap;
use serde::Deserialize;
use steadfast::Error;

use crate::error_reply::PARAM;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::routes) struct Cursor {
    after: Option<String>,
    mode: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    Start,
    After { epoch: Option<u64>, seq: u64 },
    Snapshot,
}

impl Cursor {
    /// A browser that reconnects sends `Last-Event-ID`, which is newer than the address it began with.
    pub(super) fn place(&self, headers: &HeaderMap) -> Result<Place, Error> {
        match self.mode.as_deref() {
            None | Some("events") => {}
            Some("snapshot") => return Ok(Place::Snapshot),
            Some(_) => return Err(wrong("mode", "it is `events` or `snapshot`")),
        }
        let mut ids = headers.get_all("last-event-id").iter();
        let (member, place) = match (ids.next(), ids.next()) {
            (Some(id), None) => ("Last-Event-ID", id.to_str().ok()),
            (Some(_), Some(_)) => ("Last-Event-ID", None),
            (None, _) => match &self.after {
                Some(after) => ("after", Some(after.as_str())),
                None => return Ok(Place::Start),
            },
        };
        place.and_then(parse).ok_or_else(|| wrong(member, "it is the id of an event, such as `1-17`"))
    }
}

/// `EPOCH-SEQ`, or the number alone.
fn parse(place: &str) -> Option<Place> {
    let number = |digits: &str| {
        let is_plain = (1..=20).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit());
        is_plain.then(|| digits.parse().ok()).flatten()
    };
    match place.split_once('-') {
        Some((epoch, seq)) => Some(Place::After { epoch: Some(number(epoch)?), seq: number(seq)? }),
        None => Some(Place::After { epoch: None, seq: number(place)? }),
    }
}

fn wrong(member: &'static str, what: &str) -> Error {
    Error::validation(format!("`{member}` is not valid: {what}.")).with_detail(PARAM, member)
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn place(after: Option<&str>, header: Option<&str>) -> Result<Place, Error> {
        let mut headers = HeaderMap::new();
        if let Some(id) = header {
            headers.insert("last-event-id", HeaderValue::from_str(id).unwrap());
        }
        Cursor { after: after.map(ToOwned::to_owned), mode: None }.place(&headers)
    }

    #[test]
    fn a_place_is_an_event_id_and_the_header_is_newer() {
        assert_eq!(place(None, None).unwrap(), Place::Start);
        assert_eq!(place(Some("17"), None).unwrap(), Place::After { epoch: None, seq: 17 });
        assert_eq!(place(Some("1-3"), Some("2-17")).unwrap(), Place::After { epoch: Some(2), seq: 17 });
    }

    #[test]
    fn what_is_no_place_is_refused() {
        let long = "1".repeat(1024 * 1024);
        for bad in ["", "-1", "1-", "-", "+1", "1-1-1", " 1", "1.0", "0x1", "1e3", "99999999999999999999", "٣", &long]
        {
            assert!(place(Some(bad), None).is_err(), "{bad:.20}");
        }
        for bad in ["-1", "abc", "1-1 X: y", ""] {
            assert_eq!(place(Some("1"), Some(bad)).unwrap_err().code(), steadfast::Code::VALIDATION, "{bad}");
        }
        assert!(HeaderValue::from_str("1-1\r\nX: y").is_err()); // never reaches us
    }
}
