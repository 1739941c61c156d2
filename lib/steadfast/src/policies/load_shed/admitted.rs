//! Work behind a shedder: asked about once, when it is first polled.

use super::LoadShed;
use crate::{Call, error::Fault};
use pin_project_lite::pin_project;
use std::{
    pin::Pin,
    task::{Context, Poll},
};

pin_project! {
    #[must_use = "futures do nothing unless awaited"]
    pub struct Admitted<'a, F> {
        // Who asks; taken by the first poll.
        asking: Option<(&'a LoadShed, &'a Call)>,
        #[pin]
        work: F,
    }
}

impl<'a, F> Admitted<'a, F> {
    pub(super) fn new(shedder: &'a LoadShed, call: &'a Call, work: F) -> Self {
        Self { asking: Some((shedder, call)), work }
    }
}

impl<T, X: Fault, F: Future<Output = Result<T, X>>> Future for Admitted<'_, F> {
    type Output = Result<T, X>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        if let Some((shedder, call)) = this.asking.take()
            && let Err(rejection) = shedder.ask(call.priority(), call.events())
        {
            return Poll::Ready(Err(call.refused(rejection)));
        }
        this.work.poll(context)
    }
}
