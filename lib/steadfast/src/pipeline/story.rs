//! How a run went: how many attempts, and where the time went. The clock is read only by what had to wait.

use crate::{
    Attempt, Clock, Failed, Outcome, TimeSplit,
    outcome::Inside,
    policies::{Begin, Ran, Work},
};
use pin_project_lite::pin_project;
use std::{
    pin::Pin,
    sync::atomic::{AtomicU64, Ordering},
    task::{Context, Poll},
    time::Duration,
};
use tokio::time::Instant;

/// The answer with its story.
pub(super) fn tell<T, E>(ran: Ran<T, Inside<E>>, meter: &Meter<'_>) -> Result<Outcome<T>, Failed<E>> {
    match ran.output {
        Ok(value) => Ok(Outcome { time: meter.read(), ..Outcome::new(value, ran.attempts) }),
        Err(failed) => Err(failed.out().after(ran.attempts)),
    }
}

/// Adds up where the time went. Atomics only because the future must be `Send`: nobody else writes.
pub(super) struct Meter<'a> {
    clock: &'a Clock,
    in_attempts_ns: AtomicU64,
    between_attempts_ns: AtomicU64,
}

impl<'a> Meter<'a> {
    pub(super) fn new(clock: &'a Clock) -> Self {
        Self { clock, in_attempts_ns: AtomicU64::new(0), between_attempts_ns: AtomicU64::new(0) }
    }

    pub(super) fn measure<F>(&'a self, work: F) -> Timed<'a, F> {
        Timed { meter: self, waited_since: None, work }
    }

    pub(super) fn read(&self) -> TimeSplit {
        let read = |sum: &AtomicU64| Duration::from_nanos(sum.load(Ordering::Relaxed));
        TimeSplit { in_attempts: read(&self.in_attempts_ns), between_attempts: read(&self.between_attempts_ns) }
    }

    fn add(&self, sum: &AtomicU64, since: Instant) {
        let passed = self.clock.now().saturating_duration_since(since).as_nanos();
        sum.fetch_add(u64::try_from(passed).unwrap_or(u64::MAX), Ordering::Relaxed);
    }
}

/// Work that tells its meter how long it was not under way.
pub(super) struct Measured<'a, K> {
    meter: &'a Meter<'a>,
    work: K,
    paused_since: Option<Instant>,
}

impl<'a, K> Measured<'a, K> {
    pub(super) fn new(meter: &'a Meter<'a>, work: K) -> Self {
        Self { meter, work, paused_since: None }
    }
}

impl<K: Begin> Begin for Measured<'_, K> {
    type Future = K::Future;

    fn begin(&mut self, attempt: Attempt) -> K::Future {
        if let Some(since) = self.paused_since.take() {
            self.meter.add(&self.meter.between_attempts_ns, since);
        }
        self.work.begin(attempt)
    }
}

impl<T, X, K: Work<T, X>> Work<T, X> for Measured<'_, K> {
    fn end(&mut self, output: <K::Future as Future>::Output) -> Result<T, X> {
        self.work.end(output)
    }

    fn pausing(&mut self) {
        self.paused_since = Some(self.meter.clock.now());
        self.work.pausing();
    }

    fn repeatable(&self) -> bool {
        self.work.repeatable()
    }
}

pin_project! {
    /// An attempt that tells the meter how long it had to wait.
    #[must_use = "futures do nothing unless awaited"]
    pub(super) struct Timed<'a, F> {
        meter: &'a Meter<'a>,
        waited_since: Option<Instant>,
        #[pin]
        work: F,
    }
}

impl<F: Future> Future for Timed<'_, F> {
    type Output = F::Output;

    #[inline]
    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        let work = this.work.poll(context);
        if work.is_pending() {
            this.waited_since.get_or_insert_with(|| this.meter.clock.now());
        } else if let Some(since) = *this.waited_since {
            this.meter.add(&this.meter.in_attempts_ns, since);
        }
        work
    }
}
