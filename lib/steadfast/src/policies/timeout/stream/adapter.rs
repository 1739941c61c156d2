//! The watch as a `Stream` around a `Stream`.

use super::StreamWatch;
use crate::error::Fault;
use futures_core::Stream;
use pin_project_lite::pin_project;
use std::{
    pin::Pin,
    task::{Context, Poll, ready},
};

pin_project! {
    /// A stream that ends with an error when it is silent for too long; made by
    /// [`StreamTimeout::around`](crate::StreamTimeout::around).
    #[derive(Debug)]
    #[must_use = "streams do nothing unless polled"]
    pub struct TimedStream<'a, S> {
        watch: StreamWatch<'a>,
        over: bool,
        #[pin]
        stream: S,
    }
}

impl<'a, S> TimedStream<'a, S> {
    pub(super) fn new(watch: StreamWatch<'a>, stream: S) -> Self {
        Self { watch, over: false, stream }
    }
}

impl<T, X: Fault, S: Stream<Item = Result<T, X>>> Stream for TimedStream<'_, S> {
    type Item = Result<T, X>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.project();
        if *this.over {
            return Poll::Ready(None);
        }
        let error = match this.watch.call.token().reason() {
            Some(reason) => this.watch.call.stopped(reason),
            None => match this.stream.poll_next(context) {
                Poll::Ready(item) => {
                    this.watch.item();
                    *this.over = item.is_none();
                    return Poll::Ready(item);
                }
                Poll::Pending => ready!(this.watch.poll_end(context)),
            },
        };
        *this.over = true;
        Poll::Ready(Some(Err(error)))
    }
}
