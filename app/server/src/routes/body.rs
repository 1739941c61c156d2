//! Reading a JSON body: its type, its size, its patience. What it says is read by `steadfast_wire::json`.

use std::time::Duration;

use axum::{
    body::{Body, Bytes},
    extract::{FromRequest, Request},
};
use http_body::Body as _;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use serde::de::DeserializeOwned;
use steadfast::{Clock, Error};
use steadfast_wire::json::decode;

use crate::{
    edge::{MediaType, code},
    error_reply::Refusal,
};

/// A decoded body.
#[derive(Debug)]
pub(super) struct Json<T>(pub(super) T);

/// A body that says it is JSON, for whoever decodes it and passes it on.
#[derive(Debug)]
pub(super) struct JsonBytes(pub(super) Bytes);

impl<S: Sync> FromRequest<S> for JsonBytes {
    type Rejection = Refusal;

    async fn from_request(request: Request, _state: &S) -> Result<Self, Refusal> {
        if MediaType::of(request.headers()) != MediaType::PlainJson {
            return Err(Error::new(code::UNSUPPORTED_MEDIA_TYPE).into());
        }
        Ok(Self(read(request.into_body(), &Clock::real()).await?))
    }
}

impl<T: DeserializeOwned, S: Sync> FromRequest<S> for Json<T> {
    type Rejection = Refusal;

    async fn from_request(request: Request, state: &S) -> Result<Self, Refusal> {
        let JsonBytes(bytes) = JsonBytes::from_request(request, state).await?;
        Ok(Self(decode(&bytes)?))
    }
}

async fn read(body: Body, clock: &Clock) -> Result<Bytes, Error> {
    // Who says beforehand that it is too much hears so beforehand.
    if body.size_hint().lower() > BODY_BYTES as u64 {
        return Err(Error::new(code::REQUEST_TOO_LARGE));
    }
    let whole = Limited::new(body, BODY_BYTES).collect();
    let collected = tokio::select! {
        collected = whole => collected,
        () = clock.sleep(BODY_TIME) => return Err(Error::new(code::REQUEST_TIMEOUT)),
    };
    collected.map(|whole| of_its_own(whole.to_bytes())).map_err(|error| match error.is::<LengthLimitError>() {
        true => Error::new(code::REQUEST_TOO_LARGE),
        false => Error::validation("The body of the request ended early."),
    })
}

/// A small body is a slice of the connection's read buffer, and would keep all of that for as long as the answer takes.
fn of_its_own(body: Bytes) -> Bytes {
    if body.len() < SMALL { Bytes::copy_from_slice(&body) } else { body }
}

/// As large as hyper's smallest buffer.
const SMALL: usize = 8 * 1024;
const BODY_BYTES: usize = 8 * 1024 * 1024;
/// 8 MiB take this long at 1.2 Mbit/s; whoever is slower than that is holding us up.
const BODY_TIME: Duration = Duration::from_secs(60);

#[cfg(test)]
mod tests {
    use std::{
        pin::Pin,
        task::{Context, Poll},
    };

    use super::*;

    #[tokio::test]
    async fn a_body_beyond_the_limit_is_refused_before_it_is_kept() {
        let body = Body::from(vec![b' '; BODY_BYTES + 1]);
        let error = read(body, &Clock::real()).await.unwrap_err();
        assert_eq!(error.code(), code::REQUEST_TOO_LARGE);
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_that_is_said_to_be_too_large_is_not_waited_for() {
        let said = SaysItIsLarge;
        let error = read(Body::new(said), &Clock::real()).await.unwrap_err();
        assert_eq!(error.code(), code::REQUEST_TOO_LARGE);
    }

    /// Announces a byte too many, and never sends one.
    struct SaysItIsLarge;

    impl http_body::Body for SaysItIsLarge {
        type Data = Bytes;
        type Error = std::io::Error;

        fn poll_frame(
            self: Pin<&mut Self>,
            _context: &mut Context<'_>,
        ) -> Poll<Option<Result<http_body::Frame<Bytes>, Self::Error>>> {
            Poll::Pending
        }

        fn size_hint(&self) -> http_body::SizeHint {
            http_body::SizeHint::with_exact(BODY_BYTES as u64 + 1)
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_that_never_ends_is_given_up() {
        let body = Body::from_stream(futures_util::stream::pending::<Result<Bytes, std::io::Error>>());
        assert_eq!(read(body, &Clock::real()).await.unwrap_err().code(), code::REQUEST_TIMEOUT);
    }
}
