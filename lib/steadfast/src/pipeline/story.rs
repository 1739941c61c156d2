//! Runs the attempts and tells how it went: how many, and where the time went. The clock is read only by what had to
//! wait.

use crate::{
    Again, Attempt, Call, Clock, Failed, Outcome, TimeSplit,
    error::Fault,
    policies::{Plan, Work, drive},
};
use pin_project_lite::pin_project;
use std::{
    pin::Pin,
    task::{Context, Poll, ready},
};
use tokio::time::Instant;

pub(super) async fn of<T, E, W, K>(plan: Option<(&Plan, &W)>, call: &Call, attempts: K) -> Result<Outcome<T>, Failed<E>>
where
    Failed<E>: Fault,
    W: Again<T>,
    K: Work<T, Failed<E>>,
{
    let mut work = Measured { work: attempts, clock: call.clock(), time: TimeSplit::default(), paused: None };
    let ran = drive(plan, call, &mut work).await;
    match ran.output {
        Ok(value) => Ok(Outcome { time: work.time, ..Outcome::new(value, ran.attempts) }),
        Err(failed) => Err(failed.after_attempts(ran.attempts, call.operation())),
    }
}

/// Work, and where its time went.
struct Measured<'a, K> {
    work: K,
    clock: &'a Clock,
    time: TimeSplit,
    /// Since when it has been waiting for the next attempt.
    paused: Option<Instant>,
}

impl<'a, T, X, K: Work<T, X>> Work<T, X> for Measured<'a, K> {
    type Future = Timed<'a, K::Future>;

    fn begin(&mut self, attempt: Attempt) -> Self::Future {
        if let Some(paused) = self.paused.take() {
            self.time.between_attempts += self.clock.now().saturating_duration_since(paused);
        }
        Timed { clock: self.clock, waited_since: None, work: self.work.begin(attempt) }
    }

    fn end(&mut self, (output, waited_since): (<K::Future as Future>::Output, Option<Instant>)) -> Result<T, X> {
        if let Some(since) = waited_since {
            self.time.in_attempts += self.clock.now().saturating_duration_since(since);
        }
        self.work.end(output)
    }

    fn pausing(&mut self) {
        self.paused = Some(self.clock.now());
        self.work.pausing();
    }

    fn repeatable(&self) -> bool {
        self.work.repeatable()
    }
}

pin_project! {
    /// An attempt that remembers since when it has had to wait.
    #[must_use = "futures do nothing unless awaited"]
    struct Timed<'a, F> {
        clock: &'a Clock,
        waited_since: Option<Instant>,
        #[pin]
        work: F,
    }
}

impl<F: Future> Future for Timed<'_, F> {
    type Output = (F::Output, Option<Instant>);

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let work = this.work.poll(context);
        if work.is_pending() {
            this.waited_since.get_or_insert_with(|| this.clock.now());
        }
        Poll::Ready((ready!(work), *this.waited_since))
    }
}
