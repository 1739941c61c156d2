//! Work inside a breaker: asks to enter when it is first polled, and is judged when it ends or is dropped. By
//! hand for the same reason as `call/bounded.rs`.

use super::{
    permit::{During, Guard},
    rule,
};
use crate::error::{Fault, Stop};
use pin_project_lite::pin_project;
use std::{
    pin::Pin,
    task::{Context, Poll, ready},
};

pin_project! {
    #[must_use = "futures do nothing unless awaited"]
    pub struct Guarded<'a, F> {
        // Who asks; taken by the first poll. Without one, the work just passes.
        asking: Option<During<'a>>,
        guard: Option<Guard<During<'a>>>,
        #[pin]
        work: F,
    }
}

impl<'a, F> Guarded<'a, F> {
    pub(super) fn new(asking: Option<During<'a>>, work: F) -> Self {
        Self { asking, guard: None, work }
    }
}

impl<T, X: Fault, F: Future<Output = Result<T, X>>> Future for Guarded<'_, F> {
    type Output = Result<T, X>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        if let Some(asking) = this.asking.take() {
            let refused = |rejection| X::from_stop(Stop::Rejected(rejection), asking.call.operation());
            *this.guard = Some(Guard::enter(asking).map_err(refused)?);
        }
        let output = ready!(this.work.poll(context));
        if let Some(mut guard) = this.guard.take() {
            guard.settle(rule::judge(output.as_ref().err()));
        }
        Poll::Ready(output)
    }
}
