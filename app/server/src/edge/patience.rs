//! How long a connection may be quiet, by what it is in the middle of: it has said nothing yet, it is sending
//! headers, a request is being answered, or it is kept open for the next request.
//!
//! hyper has a header time-out of its own, but that one also closes connections that merely rest.

use std::{
    future::poll_fn,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll},
    time::Duration,
};

use axum::{
    body::{Body, HttpBody},
    response::Response,
};
use bytes::Bytes;
use http_body::{Frame, SizeHint};
use pin_project_lite::pin_project;
use steadfast::Clock;

use crate::bell::Bell;

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Phase {
    /// Connected, and not a byte has come.
    #[default]
    Silent,
    /// The first byte of a request has come, its last header has not.
    Headers,
    /// A request is being answered.
    Busy,
    /// Between two requests.
    Resting,
}

/// What one connection is doing; written by its socket and its requests, read by [`Pulse::ran_out`]. All of them live
/// in the connection's one task, so nobody has to be woken by a change: it happens while that task runs.
#[derive(Debug, Clone, Default)]
pub(super) struct Pulse(Arc<Mutex<Beat>>);

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Beat {
    phase: Phase,
    /// Counts the changes, so that a phase which came again is a new one.
    number: u64,
}

/// Held while a request is answered, down to the last byte of its response.
#[derive(Debug)]
pub(super) struct Busy(Pulse);

impl Pulse {
    pub(super) fn new() -> Self {
        Self::default()
    }

    pub(super) fn bytes_came(&self) {
        if matches!(self.beat().phase, Phase::Silent | Phase::Resting) {
            self.enter(Phase::Headers);
        }
    }

    pub(super) fn request_begins(&self) -> Busy {
        self.enter(Phase::Busy);
        Busy(self.clone())
    }

    /// Waits until the connection has been in one phase for longer than that phase may last. Poll it after whatever
    /// changes the phase.
    pub(super) async fn ran_out(&self, clock: &Clock) -> Phase {
        let (mut seen, mut due, mut bell) = (None, None, Bell::default());
        poll_fn(|context| {
            let beat = *self.beat();
            if seen.replace(beat) != Some(beat) {
                due = beat.phase.limit().map(|limit| clock.now() + limit);
            }
            let Some(due) = due else { return Poll::Pending };
            bell.poll(clock, due, context).map(|()| beat.phase)
        })
        .await
    }

    fn enter(&self, phase: Phase) {
        let mut beat = self.beat();
        *beat = Beat { phase, number: beat.number + 1 };
    }

    fn beat(&self) -> MutexGuard<'_, Beat> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Phase {
    fn limit(self) -> Option<Duration> {
        match self {
            Self::Silent => Some(FIRST_BYTE),
            Self::Headers => Some(HEADERS),
            Self::Busy => None,
            Self::Resting => Some(REST),
        }
    }
}

impl Busy {
    /// The response, which keeps the connection busy until its body has ended or was dropped.
    pub(super) fn until_sent(self, response: Response) -> Response {
        response.map(|body| Body::new(Sending { body, _busy: self }))
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.enter(Phase::Resting);
    }
}

pin_project! {
    struct Sending {
        #[pin]
        body: Body,
        _busy: Busy,
    }
}

impl HttpBody for Sending {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        self.project().body.poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

const FIRST_BYTE: Duration = Duration::from_secs(5);
const HEADERS: Duration = Duration::from_secs(10);
const REST: Duration = Duration::from_secs(60);

#[cfg(test)]
mod tests {
    use super::*;

    async fn seconds_until(pulse: &Pulse) -> (u64, Phase) {
        let clock = Clock::real();
        let start = clock.now();
        let phase = pulse.ran_out(&clock).await;
        ((clock.now() - start).as_secs(), phase)
    }

    #[tokio::test(start_paused = true)]
    async fn each_phase_has_its_own_patience() {
        let pulse = Pulse::new();
        assert_eq!(seconds_until(&pulse).await, (5, Phase::Silent));
        pulse.bytes_came();
        assert_eq!(seconds_until(&pulse).await, (10, Phase::Headers));
        drop(pulse.request_begins());
        assert_eq!(seconds_until(&pulse).await, (60, Phase::Resting));
    }

    #[tokio::test(start_paused = true)]
    async fn one_header_byte_after_another_buys_no_time() {
        let pulse = Pulse::new();
        pulse.bytes_came();
        let drip = async {
            loop {
                tokio::time::sleep(Duration::from_secs(1)).await;
                pulse.bytes_came();
            }
        };
        tokio::select! {
            (seconds, phase) = seconds_until(&pulse) => assert_eq!((seconds, phase), (10, Phase::Headers)),
            () = drip => {}
        }
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_may_take_as_long_as_it_takes() {
        let pulse = Pulse::new();
        let _busy = pulse.request_begins();
        let clock = Clock::real();
        let hour = Duration::from_secs(3600);
        tokio::select! {
            phase = pulse.ran_out(&clock) => panic!("closed in {phase:?}"),
            () = tokio::time::sleep(hour) => {}
        }
    }
}
