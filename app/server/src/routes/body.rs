//! Reading a JSON body: its type, its size, its patience. What it says is read by `steadfast_wire::json`.

use std::time::Duration;

use axum::{
    body::{Body, Bytes},
    extract::{FromRequest, Request},
};
use bytes::BytesMut;
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
    let (mut body, begun) = (Limited::new(body, BODY_BYTES), clock.now());
    // Copied: a slice of the connection's read buffer would keep all of that for as long as the answer takes.
    let mut read = BytesMut::new();
    loop {
        let until = begun + GRACE + Duration::from_secs_f64(read.len() as f64 / SLOWEST_BYTES_PER_S);
        let frame = tokio::select! {
            frame = body.frame() => frame,
            () = clock.sleep(until.saturating_duration_since(clock.now())) => return Err(Error::new(code::REQUEST_TIMEOUT)),
        };
        match frame {
            None => return Ok(read.freeze()),
            Some(Ok(frame)) => read.extend_from_slice(frame.data_ref().map_or(&[], |data| data)),
            Some(Err(error)) if error.is::<LengthLimitError>() => return Err(Error::new(code::REQUEST_TOO_LARGE)),
            Some(Err(_cut)) => return Err(Error::validation("The body of the request ended early.")),
        }
    }
}

const BODY_BYTES: usize = 8 * 1024 * 1024;
/// Whoever stays below this rate (after some grace) is holding us up; a poor mobile line is four times as fast.
const SLOWEST_BYTES_PER_S: f64 = 16.0 * 1024.0;
const GRACE: Duration = Duration::from_secs(10);

#[cfg(test)]
mod tests {
    use std::{
        pin::Pin,
        task::{Context, Poll},
    };

    use futures_util::{StreamExt, stream};
    use steadfast::Code;

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

    /// One piece a second, and how long it takes until the whole is read or given up.
    async fn piece_by_piece(size: usize, pieces: usize) -> (Result<usize, Code>, Duration) {
        let pieces = stream::repeat(Bytes::from(vec![b' '; size])).take(pieces).then(async |piece| {
            tokio::time::sleep(Duration::from_secs(1)).await;
            Ok::<_, std::io::Error>(piece)
        });
        let clock = Clock::real();
        let before = clock.now();
        let read = read(Body::from_stream(pieces), &clock).await;
        (read.map(|bytes| bytes.len()).map_err(|error| error.code()), clock.now() - before)
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_line_may_take_its_time() {
        assert_eq!(piece_by_piece(20 << 10, 400).await, (Ok(400 * (20 << 10)), Duration::from_secs(400)));
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_that_drips_is_given_up_after_ten_seconds() {
        let (read, took) = piece_by_piece(1, 60).await;
        assert_eq!((read, took.as_secs()), (Err(code::REQUEST_TIMEOUT), 10));
    }
}
