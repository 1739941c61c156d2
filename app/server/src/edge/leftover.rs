//! What of a request's body nobody has read by the time its answer is ready.
//!
//! Whoever is refused early is often still sending. A socket that is closed while unread bytes lie in it is reset,
//! and the reset overtakes the answer: the client hears of a broken pipe and never learns what was wrong. So the rest
//! is read and thrown away before the answer is written, within limits. A client that asked to be told whether to
//! send at all (`Expect`) has sent nothing yet, and is answered at once.

use std::{
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll, ready},
    time::Duration,
};

use axum::body::HttpBody;
use bytes::Bytes;
use http::{Request, header};
use http_body::{Frame, SizeHint};
use http_body_util::BodyExt;
use steadfast::Clock;

use super::answer::Body;

/// A body on loan to the routes: whatever is left when they drop it goes home.
pub(super) struct Lent<B: Body> {
    /// `None` once it has ended.
    body: Option<B>,
    home: Leftover<B>,
}

pub(super) struct Leftover<B>(Arc<Mutex<Option<B>>>);

/// The same request with its body on loan, and where the rest of it will be found.
pub(super) fn lend<B: Body>(request: Request<B>) -> (Request<Lent<B>>, Leftover<B>) {
    let home = Leftover(Arc::default());
    let lent = request.map(|body| Lent { body: Some(body), home: Leftover(Arc::clone(&home.0)) });
    (lent, home)
}

pub(super) fn asks_before_it_sends<B>(request: &Request<B>) -> bool {
    request.headers().contains_key(header::EXPECT)
}

impl<B: Body> Leftover<B> {
    pub(super) async fn discard(self, clock: &Clock) {
        let Some(body) = self.0.lock().unwrap_or_else(PoisonError::into_inner).take() else { return };
        tokio::select! {
            () = read_to_the_end(body) => {}
            () = clock.sleep(PATIENCE) => {}
        }
    }
}

async fn read_to_the_end<B: Body>(mut body: B) {
    let mut read = 0;
    while let Some(Ok(frame)) = body.frame().await
        && read < MOST_BYTES
    {
        read += frame.data_ref().map_or(0, Bytes::len);
    }
}

impl<B: Body> HttpBody for Lent<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let Some(body) = &mut self.body else { return Poll::Ready(None) };
        let frame = ready!(Pin::new(body).poll_frame(context));
        if !matches!(frame, Some(Ok(_))) {
            self.body = None;
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.as_ref().is_none_or(HttpBody::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.body.as_ref().map_or_else(|| SizeHint::with_exact(0), HttpBody::size_hint)
    }
}

impl<B: Body> Drop for Lent<B> {
    fn drop(&mut self) {
        if let Some(body) = self.body.take().filter(|body| !body.is_end_stream()) {
            *self.home.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(body);
        }
    }
}

/// Who sends more than this after having been refused hears of a broken pipe after all.
const MOST_BYTES: usize = 64 << 20;
const PATIENCE: Duration = Duration::from_secs(5);

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use futures_util::{StreamExt, stream};

    use super::*;

    /// A body of `pieces` pieces of 1 MiB that counts how many were taken.
    fn counting(pieces: usize, taken: &Arc<Mutex<usize>>) -> Body {
        let taken = Arc::clone(taken);
        Body::from_stream(stream::repeat(Bytes::from(vec![0; 1 << 20])).take(pieces).map(move |piece| {
            *taken.lock().unwrap() += 1;
            Ok::<_, std::io::Error>(piece)
        }))
    }

    #[tokio::test]
    async fn what_nobody_read_is_read_to_its_end() {
        let taken = Arc::default();
        let (request, leftover) = lend(Request::new(counting(9, &taken)));
        request.into_body().frame().await.unwrap().unwrap();
        assert_eq!(*taken.lock().unwrap(), 1);
        leftover.discard(&Clock::real()).await;
        assert_eq!(*taken.lock().unwrap(), 9);
    }

    #[tokio::test]
    async fn nobody_sends_for_ever() {
        let taken = Arc::default();
        let (request, leftover) = lend(Request::new(counting(usize::MAX, &taken)));
        drop(request);
        leftover.discard(&Clock::real()).await;
        assert_eq!(*taken.lock().unwrap(), 65);
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_that_stands_still_is_not_waited_for_long() {
        let silent = stream::pending::<Result<Bytes, std::io::Error>>();
        let (request, leftover) = lend(Request::new(Body::from_stream(silent)));
        drop(request);
        let clock = Clock::real();
        let before = clock.now();
        leftover.discard(&clock).await;
        assert_eq!(clock.now() - before, PATIENCE);
    }
}
