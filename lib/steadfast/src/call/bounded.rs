//! Work that its call can end: by its token, its deadline or a limit. Written by hand and not as an `async fn`,
//! because those keep their argument twice, and policies nest: the third level would be eight times as large.

use super::Call;
use crate::{Cancelled, Deadline, clock::later, error::Fault};
use pin_project_lite::pin_project;
use std::{
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

pin_project! {
    #[must_use = "futures do nothing unless awaited"]
    pub struct Bounded<'a, F> {
        call: &'a Call,
        limit: Option<Duration>,
        // Both are set when the work first has to wait, so that ready work pays nothing.
        cancelled: Option<Cancelled>,
        timer: Option<Timer>,
        #[pin]
        work: F,
    }
}

struct Timer {
    after: Duration,
    sleep: Pin<Box<dyn Future<Output = ()> + Send>>,
}

impl<'a, F> Bounded<'a, F> {
    pub(crate) fn new(call: &'a Call, limit: Option<Duration>, work: F) -> Self {
        Self { call, limit, cancelled: None, timer: None, work }
    }
}

impl<T, X: Fault, F: Future<Output = Result<T, X>>> Future for Bounded<'_, F> {
    type Output = Result<T, X>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        if let Some(reason) = this.call.token.reason() {
            return Poll::Ready(Err(this.call.stopped(reason)));
        }
        if let Poll::Ready(output) = this.work.poll(context) {
            return Poll::Ready(output);
        }
        let cancelled = this.cancelled.get_or_insert_with(|| this.call.token.cancelled());
        if let Poll::Ready(reason) = Pin::new(cancelled).poll(context) {
            return Poll::Ready(Err(this.call.stopped(reason)));
        }
        if this.timer.is_none() {
            *this.timer = this.call.timer(*this.limit);
        }
        let Some(timer) = this.timer else { return Poll::Pending };
        ready!(timer.sleep.as_mut().poll(context));
        Poll::Ready(Err(this.call.timed_out(timer.after)))
    }
}

impl Call {
    /// Rings at the deadline or `limit` from now, whichever is earlier; `None` when there is neither.
    fn timer(&self, limit: Option<Duration>) -> Option<Timer> {
        if limit.is_none() && self.deadline.is_none() {
            return None;
        }
        let now = self.clock.now();
        let limit = limit.map(|limit| Deadline::at(later(now, limit)));
        let end = [self.deadline, limit].into_iter().flatten().reduce(Deadline::min)?.moment();
        let (clock, after) = (self.clock.clone(), end.saturating_duration_since(now));
        Some(Timer { after, sleep: Box::pin(async move { clock.sleep_until(end).await }) })
    }
}
