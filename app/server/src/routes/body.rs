//! Reading a JSON body: its type, its size, its depth, its patience, and errors that name the member.

use std::time::Duration;

use axum::{
    body::{Body, Bytes},
    extract::{FromRequest, Request},
};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use serde::de::DeserializeOwned;
use steadfast::{Clock, Error};

use crate::{
    edge::{MediaType, code},
    error_reply::{PARAM, Refusal},
};

/// A decoded body.
#[derive(Debug)]
pub(super) struct Json<T>(pub(super) T);

impl<T: DeserializeOwned, S: Sync> FromRequest<S> for Json<T> {
    type Rejection = Refusal;

    async fn from_request(request: Request, _state: &S) -> Result<Self, Refusal> {
        if MediaType::of(request.headers()) != MediaType::PlainJson {
            return Err(Error::new(code::UNSUPPORTED_MEDIA_TYPE).into());
        }
        let bytes = read(request.into_body(), &Clock::real()).await?;
        Ok(Self(decode(&bytes)?))
    }
}

async fn read(body: Body, clock: &Clock) -> Result<Bytes, Error> {
    let whole = Limited::new(body, BODY_BYTES).collect();
    let collected = tokio::select! {
        collected = whole => collected,
        () = clock.sleep(BODY_TIME) => return Err(Error::new(code::REQUEST_TIMEOUT)),
    };
    collected.map(http_body_util::Collected::to_bytes).map_err(|error| match error.is::<LengthLimitError>() {
        true => Error::new(code::REQUEST_TOO_LARGE),
        false => Error::validation("The body of the request ended early."),
    })
}

pub(super) fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Error> {
    if depth(bytes) > DEPTH {
        return Err(Error::validation(format!("The JSON is nested deeper than {DEPTH} levels.")));
    }
    let mut json = serde_json::Deserializer::from_slice(bytes);
    let value = serde_path_to_error::deserialize(&mut json).map_err(|error| {
        let member = error.path().to_string();
        let why = error.into_inner();
        if member == "." {
            return Error::validation(format!("The JSON is not valid: {why}."));
        }
        Error::validation(format!("`{member}` is not valid: {why}.")).with_detail(PARAM, member)
    })?;
    json.end().map_err(|_more| Error::validation("There is something behind the end of the JSON."))?;
    Ok(value)
}

/// How deep the arrays and objects go, without building anything.
fn depth(bytes: &[u8]) -> usize {
    let (mut now, mut deepest, mut in_string, mut escaped) = (0_usize, 0, false, false);
    for byte in bytes {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            b'[' | b'{' if !in_string => {
                now += 1;
                deepest = deepest.max(now);
            }
            b']' | b'}' if !in_string => now = now.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}

const BODY_BYTES: usize = 8 * 1024 * 1024;
/// 8 MiB take this long at 1.2 Mbit/s; whoever is slower than that is holding us up.
const BODY_TIME: Duration = Duration::from_secs(60);
const DEPTH: usize = 64;

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize)]
    struct Thing {
        #[expect(dead_code, reason = "only its type matters")]
        parts: Vec<u32>,
    }

    #[test]
    fn a_wrong_type_is_told_with_the_member_that_has_it() {
        let error = decode::<Thing>(br#"{"parts": [1, "two"]}"#).unwrap_err();
        assert!(error.message().contains("`parts[1]`"), "{error}");
        assert!(error.details().contains(&(PARAM, "parts[1]".to_owned())));
    }

    #[test]
    fn json_that_is_cut_or_followed_by_more_is_refused() {
        assert!(decode::<Thing>(br#"{"parts": ["#).is_err());
        assert!(decode::<Thing>(br#"{"parts": []} {}"#).is_err());
        assert!(decode::<Thing>(b"").is_err());
    }

    #[test]
    fn depth_is_counted_outside_of_strings() {
        assert_eq!(depth(br#"{"a": ["[[[[\"[[", {}]}"#), 3);
        let deep = [vec![b'['; 65], vec![b']'; 65]].concat();
        assert!(decode::<serde_json::Value>(&deep).unwrap_err().message().contains("64 levels"));
    }

    #[tokio::test]
    async fn a_body_beyond_the_limit_is_refused_before_it_is_kept() {
        let body = Body::from(vec![b' '; BODY_BYTES + 1]);
        let error = read(body, &Clock::real()).await.unwrap_err();
        assert_eq!(error.code(), code::REQUEST_TOO_LARGE);
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_that_never_ends_is_given_up() {
        let body = Body::from_stream(futures_util::stream::pending::<Result<Bytes, std::io::Error>>());
        assert_eq!(read(body, &Clock::real()).await.unwrap_err().code(), code::REQUEST_TIMEOUT);
    }
}
