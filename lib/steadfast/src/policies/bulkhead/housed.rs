//! Work inside a bulkhead: takes a place when it is first polled, and gives it back when it ends or is dropped.

use super::Settings;
use crate::{
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
    pub struct Housed<'a, F> {
        // First, so that it is gone before its place is given to somebody else.
        #[pin]
        work: F,
        entering: Entering<'a, &'a Places>,
        inside: bool,
        settings: &'a Settings,
    }
}

impl<'a, F> Housed<'a, F> {
    pub(super) fn new(entering: Entering<'a, &'a Places>, settings: &'a Settings, work: F) -> Self {
        Self { work, entering, inside: false, settings }
    }
}

impl<T, X: Fault, F: Future<Output = Result<T, X>>> Future for Housed<'_, F> {
    type Output = Result<T, X>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        if !*this.inside {
            if let Err(no_place) = ready!(this.entering.poll(context)) {
                return Poll::Ready(Err(no_place.tell(this.entering.call(), || this.settings.refusal())));
            }
            *this.inside = true;
        }
        let output = ready!(this.work.poll(context));
        this.entering.claim().release();
        Poll::Ready(output)
    }
}
