//! Polls subjects by hand, so that a probe decides when a call goes on, and nothing that a subject does can stop
//! the run: a panic becomes an end, a wait that does not end is left after so many polls, a probe after so much
//! of the machine's time.

use super::{Answer, Calling, Verdict};
use std::{
    any::Any,
    future::poll_fn,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::Pin,
    task::{Context, Poll},
    time::{Duration, Instant},
};

/// A call and how it ended, as far as it has.
pub(super) struct Running {
    call: Calling,
    end: Option<End>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum End {
    Answered(Answer),
    Panicked,
}

impl Running {
    pub(super) fn new(call: Calling) -> Self {
        Self { call, end: None }
    }

    /// Lets it get as far as it can without time passing.
    pub(super) async fn go_on(&mut self) -> Option<&End> {
        for _ in 0..POLLS {
            if self.end.is_some() {
                break;
            }
            self.end = poll_fn(|context| Poll::Ready(self.poll(context))).await;
            if self.end.is_none() {
                tokio::task::yield_now().await;
            }
        }
        self.end.as_ref()
    }

    fn poll(&mut self, context: &mut Context<'_>) -> Option<End> {
        match caught(self.call.as_mut(), context) {
            Ok(Poll::Ready(answer)) => Some(End::Answered(answer)),
            Ok(Poll::Pending) => None,
            Err(_) => Some(End::Panicked),
        }
    }
}

/// A call from beginning to end; `None` when it does not end.
pub(super) async fn finish(call: Calling) -> Option<End> {
    Running::new(call).go_on().await.cloned()
}

/// Many calls at once, each as far as it can.
pub(super) async fn begin_all(calls: impl IntoIterator<Item = Calling>) -> Vec<Running> {
    let mut running: Vec<_> = calls.into_iter().map(Running::new).collect();
    for call in &mut running {
        call.go_on().await;
    }
    running
}

/// A whole probe, within its limits.
pub(super) async fn limited(mut probe: super::verdict::Asking<'_>) -> Verdict {
    let began = machine_now();
    poll_fn(|context| match caught(probe.as_mut(), context) {
        Ok(Poll::Pending) if began.elapsed() > PROBE_LIMIT => {
            Poll::Ready(Verdict::Failed(format!("no end after {PROBE_LIMIT:?}")))
        }
        Ok(poll) => poll,
        Err(_) => Poll::Ready(Verdict::Failed("the subject panicked".to_owned())),
    })
    .await
}

/// The machine's time, which no test can stop; for costs and limits.
#[expect(clippy::disallowed_methods, reason = "a cost is measured in real time, whatever the clocks are told")]
pub(super) fn machine_now() -> Instant {
    Instant::now()
}

fn caught<F: Future + ?Sized>(
    future: Pin<&mut F>,
    context: &mut Context<'_>,
) -> Result<Poll<F::Output>, Box<dyn Any + Send>> {
    catch_unwind(AssertUnwindSafe(|| future.poll(context)))
}

/// More than any breaker needs to get past its own locks.
const POLLS: u32 = 16;

/// The dearest probe, 50,000 calls of a subject whose cost grows with each, takes about 15 s.
const PROBE_LIMIT: Duration = Duration::from_secs(60);
