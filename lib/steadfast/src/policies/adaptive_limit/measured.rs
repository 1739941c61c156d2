//! Work inside an adaptive limit: takes a place, and is learned from when it ends or is cut short.

use super::{AdaptiveLimit, Begun, Signal, signal};
use crate::{
    Call,
    error::Fault,
    policies::places::{Entering, Places},
};
use pin_project_lite::pin_project;
use std::{
    pin::Pin,
    task::{Context, Poll, ready},
};

pin_project! {
    #[must_use = "futures do nothing unless awaited"]
    pub struct Measured<'a, F> {
        // First, so that it is gone before its place is given to somebody else.
        #[pin]
        work: F,
        stay: Stay<'a>,
        entering: Entering<'a, &'a Places>,
    }
}

/// From the place taken to the end, or the drop.
struct Stay<'a> {
    limit: &'a AdaptiveLimit,
    call: &'a Call,
    begun: Option<Begun>,
}

impl<'a, F> Measured<'a, F> {
    pub(super) fn new(limit: &'a AdaptiveLimit, entering: Entering<'a, &'a Places>, work: F) -> Self {
        Self { work, stay: Stay { limit, call: entering.call(), begun: None }, entering }
    }
}

impl<T, X: Fault, F: Future<Output = Result<T, X>>> Future for Measured<'_, F> {
    type Output = Result<T, X>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let stay = this.stay;
        let shared = &stay.limit.shared;
        if stay.begun.is_none() {
            if let Err(no_place) = ready!(this.entering.poll(context)) {
                return Poll::Ready(Err(no_place.tell(stay.call, || shared.settings.refusal())));
            }
            stay.begun = Some(shared.begin());
        }
        let output = ready!(this.work.poll(context));
        stay.learn(signal::judge(output.as_ref().err()));
        this.entering.claim().release();
        Poll::Ready(output)
    }
}

impl Stay<'_> {
    fn learn(&mut self, signal: Signal) {
        if let Some(begun) = self.begun.take() {
            self.limit.shared.learn(&self.limit.places, begun, signal, None);
        }
    }
}

impl Drop for Stay<'_> {
    fn drop(&mut self) {
        // A panic says nothing about the load.
        if self.begun.is_some() && !std::thread::panicking() {
            let signal = self.call.cut_by().map_or(Signal::Neutral, signal::judge_cancelled);
            self.learn(signal);
        }
    }
}
