//! Work that its call can end: by its token, its deadline or a limit. Written by hand and not as an `async fn`,
//! because those keep their argument twice, and policies nest: the third level would be eight times as large.

use super::Call;
use crate::{
    Cancelled, Deadline,
    clock::{Sleep, later},
    error::Fault,
};
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
        // Set when the work first has to wait, so that ready work pays nothing. In a box, because a large future is
        // copied by each policy that takes it.
        wait: Option<Pin<Box<Wait>>>,
        #[pin]
        work: F,
    }
}

pin_project! {
    /// What can end work that waits.
    struct Wait {
        cancelled: Cancelled,
        after: Duration,
        // `None` when there is neither a deadline nor a limit.
        #[pin]
        sleep: Option<Sleep>,
    }
}

impl<'a, F> Bounded<'a, F> {
    pub(crate) fn new(call: &'a Call, limit: Option<Duration>, work: F) -> Self {
        Self { call, limit, wait: None, work }
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
        let (call, limit) = (*this.call, *this.limit);
        let wait = this.wait.get_or_insert_with(|| Box::pin(Wait::new(call, limit)));
        wait.as_mut().poll(call, context).map(Err)
    }
}

impl Wait {
    /// Rings at the deadline or `limit` from now, whichever is earlier.
    fn new(call: &Call, limit: Option<Duration>) -> Self {
        let cancelled = call.token.cancelled();
        if limit.is_none() && call.deadline.is_none() {
            return Self { cancelled, after: Duration::MAX, sleep: None };
        }
        let now = call.clock.now();
        let limit = limit.map(|limit| Deadline::at(later(now, limit)));
        let end = [call.deadline, limit].into_iter().flatten().reduce(Deadline::min).map(Deadline::moment);
        let after = end.map_or(Duration::MAX, |end| end.saturating_duration_since(now));
        Self { cancelled, after, sleep: end.map(|end| call.clock.sleeper(end)) }
    }

    fn poll<X: Fault>(self: Pin<&mut Self>, call: &Call, context: &mut Context<'_>) -> Poll<X> {
        let this = self.project();
        if let Poll::Ready(reason) = Pin::new(this.cancelled).poll(context) {
            return Poll::Ready(call.stopped(reason));
        }
        let Some(sleep) = this.sleep.as_pin_mut() else { return Poll::Pending };
        ready!(sleep.poll(context));
        Poll::Ready(call.timed_out(*this.after))
    }
}
