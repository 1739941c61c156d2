//! Work inside a breaker: asks to enter when it is first polled, and is judged when it ends or is dropped. By
//! hand for the same reason as `call/bounded.rs`. Work that is ready at once costs no look at the clock.

use super::{
    permit::{During, Guard},
    rule,
};
use crate::error::{Fault, Stop};
use pin_project_lite::pin_project;
use std::{
    pin::Pin,
    task::{Context, Poll},
};

pin_project! {
    #[must_use = "futures do nothing unless awaited"]
    pub struct Guarded<'a, F> {
        guard: Guard<During<'a>>,
        #[pin]
        work: F,
    }
}

impl<'a, F> Guarded<'a, F> {
    pub(super) fn new(asking: During<'a>, work: F) -> Self {
        Self { guard: Guard::outside(asking), work }
    }
}

impl<T, X: Fault, F: Future<Output = Result<T, X>>> Future for Guarded<'_, F> {
    type Output = Result<T, X>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        if this.guard.is_outside() {
            let operation = this.guard.admitted.call.operation();
            this.guard.enter().map_err(|rejection| X::from_stop(Stop::Rejected(rejection), operation))?;
        }
        match this.work.poll(context) {
            Poll::Ready(output) => {
                this.guard.settle(rule::judge(output.as_ref().err()));
                Poll::Ready(output)
            }
            Poll::Pending => {
                this.guard.begin();
                Poll::Pending
            }
        }
    }
}
