//! The work itself, its error put into the pipeline's words. A named future, because policies nest.

use pin_project_lite::pin_project;
use std::{
    pin::Pin,
    task::{Context, Poll},
};

pin_project! {
    #[must_use = "futures do nothing unless awaited"]
    pub(super) struct Mapped<F, G> {
        #[pin]
        work: F,
        error: G,
    }
}

impl<F, G> Mapped<F, G> {
    pub(super) fn new(work: F, error: G) -> Self {
        Self { work, error }
    }
}

impl<T, Y, X, F, G> Future for Mapped<F, G>
where
    F: Future<Output = Result<T, Y>>,
    G: Fn(Y) -> X,
{
    type Output = Result<T, X>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<T, X>> {
        let this = self.project();
        this.work.poll(context).map_err(&*this.error)
    }
}
