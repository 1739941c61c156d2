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
    ///
    /// ```
    /// use std::{pin::Pin, time::Duration};
    /// use steadfast::{Call, CancelToken, Code, Error, StreamTimeout, TimedStream};
    ///
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() {
    /// # use {futures_core::Stream, std::{future::poll_fn, task::{Context, Poll}}};
    /// # struct Silence;
    /// # impl Stream for Silence {
    /// #     type Item = Result<u8, Error>;
    /// #     fn poll_next(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Self::Item>> {
    /// #         Poll::Pending
    /// #     }
    /// # }
    /// # async fn next<S: Stream + Unpin>(stream: &mut S) -> Option<S::Item> {
    /// #     poll_fn(|context| Pin::new(&mut *stream).poll_next(context)).await
    /// # }
    /// let call = Call::new("listen", &CancelToken::root("program"));
    /// let limits = StreamTimeout::new().first_byte(Duration::from_secs(60));
    /// let mut stream: Pin<Box<TimedStream<'_, Silence>>> = Box::pin(limits.around(&call, Silence));
    /// assert_eq!(next(&mut stream).await.unwrap().unwrap_err().code(), Code::TIMEOUT);
    /// assert!(next(&mut stream).await.is_none()); // after the error it is over
    /// # }
    /// ```
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
