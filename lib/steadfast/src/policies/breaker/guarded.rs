//! Work inside a breaker: asks to enter when it is first polled, and is judged when it ends or is dropped. By
//! hand for the same reason as `call/bounded.rs`.

use super::{
    permit::{Admitted, Guard},
    rule,
};
use crate::Error;
use pin_project_lite::pin_project;
use std::{
    pin::Pin,
    task::{Context, Poll, ready},
};

pin_project! {
    #[must_use = "futures do nothing unless awaited"]
    pub(super) struct Guarded<A: Admitted, F> {
        // Who asks; taken by the first poll.
        asking: Option<A>,
        guard: Option<Guard<A>>,
        #[pin]
        work: F,
    }
}

impl<A: Admitted, F> Guarded<A, F> {
    pub(super) fn new(asking: A, work: F) -> Self {
        Self { asking: Some(asking), guard: None, work }
    }
}

impl<T, A: Admitted, F: Future<Output = Result<T, Error>>> Future for Guarded<A, F> {
    type Output = Result<T, Error>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        if let Some(asking) = this.asking.take() {
            *this.guard = Some(Guard::enter(asking)?);
        }
        let output = ready!(this.work.poll(context));
        if let Some(mut guard) = this.guard.take() {
            guard.settle(rule::judge(output.as_ref().err()));
        }
        Poll::Ready(output)
    }
}
