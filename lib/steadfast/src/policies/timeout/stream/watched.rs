//! One wait for one piece.

use super::StreamWatch;
use crate::Error;
use pin_project_lite::pin_project;
use std::{
    pin::Pin,
    task::{Context, Poll},
};

pin_project! {
    #[must_use = "futures do nothing unless awaited"]
    pub(super) struct Watched<'w, 'a, F> {
        watch: &'w mut StreamWatch<'a>,
        #[pin]
        piece: F,
    }
}

impl<'w, 'a, F> Watched<'w, 'a, F> {
    pub(super) fn new(watch: &'w mut StreamWatch<'a>, piece: F) -> Self {
        Self { watch, piece }
    }
}

impl<F: Future> Future for Watched<'_, '_, F> {
    type Output = Result<F::Output, Error>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        if let Some(reason) = this.watch.call.token().reason() {
            return Poll::Ready(Err(this.watch.call.stopped(reason)));
        }
        if let Poll::Ready(piece) = this.piece.poll(context) {
            this.watch.item();
            return Poll::Ready(Ok(piece));
        }
        this.watch.poll_end(context).map(Err)
    }
}
