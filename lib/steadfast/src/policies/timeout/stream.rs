//! Time limits for answers that come piece by piece: how long until the first piece, and how long between two. It
//! measures how long the reader waited; what the reader itself takes between two pieces is not counted.
//! Surprise: a piece does not touch the timer. It rings too early once, is moved then, and never allocated again.

use crate::{
    Call, Cancelled, Error,
    clock::{Timer, later},
    error::Fault,
};
use std::{
    borrow::Cow,
    future::poll_fn,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};
use tokio::time::Instant;
use watched::Watched;

#[cfg(feature = "stream")]
mod adapter;
mod watched;

#[cfg(feature = "stream")]
pub use adapter::TimedStream;

/// Time limits for a stream. Nothing is limited until you say so, but the call's deadline always counts.
///
/// ```
/// use std::time::Duration;
/// use steadfast::{Call, CancelToken, Code, Error, StreamTimeout};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Error> {
/// let (pieces, mut source) = tokio::sync::mpsc::unbounded_channel();
/// pieces.send("Once upon").unwrap();
///
/// let call = Call::new("tell", &CancelToken::root("program"));
/// let limits = StreamTimeout::new().first_byte(Duration::from_secs(60)).idle(Duration::from_millis(10));
/// let mut watch = limits.watch(&call);
/// assert_eq!(watch.next(source.recv()).await?, Some("Once upon"));
/// let error = watch.next(source.recv()).await.unwrap_err(); // silence
/// assert_eq!(error.code(), Code::TIMEOUT);
/// # Ok(()) }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct StreamTimeout {
    first_byte: Option<Duration>,
    idle: Option<Duration>,
}

impl StreamTimeout {
    /// No limit but the call's deadline.
    ///
    /// ```
    /// use std::time::Duration;
    /// use steadfast::{Call, CancelToken, StreamTimeout};
    ///
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() -> Result<(), steadfast::Error> {
    /// let call = Call::new("tell", &CancelToken::root("program"));
    /// let mut watch = StreamTimeout::new().watch(&call);
    /// let late = async {
    ///     call.clock().sleep(Duration::from_secs(3600)).await;
    ///     "at last"
    /// };
    /// assert_eq!(watch.next(late).await?, "at last");
    /// # Ok(()) }
    /// ```
    pub fn new() -> Self {
        Self::default()
    }

    /// The longest wait for the first piece. Default: as between two pieces.
    ///
    /// ```
    /// use std::time::Duration;
    /// use steadfast::{Call, CancelToken, StreamTimeout};
    ///
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() {
    /// let call = Call::new("tell", &CancelToken::root("program"));
    /// let began = call.clock().now();
    /// let limits = StreamTimeout::new().first_byte(Duration::from_secs(60)).idle(Duration::from_secs(5));
    /// limits.watch(&call).ended().await;
    /// assert_eq!((call.clock().now() - began).as_secs(), 60); // before the first piece, `idle` means nothing
    /// # }
    /// ```
    #[must_use]
    pub fn first_byte(self, first_byte: Duration) -> Self {
        Self { first_byte: Some(first_byte), ..self }
    }

    /// The longest wait between two pieces. Default: no limit.
    ///
    /// ```
    /// use std::time::Duration;
    /// use steadfast::{Call, CancelToken, StreamTimeout};
    ///
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() -> Result<(), steadfast::Error> {
    /// let call = Call::new("tell", &CancelToken::root("program"));
    /// let mut watch = StreamTimeout::new().idle(Duration::from_secs(30)).watch(&call);
    /// for _ in 0..10 {
    ///     let wait = call.clock().sleep(Duration::from_secs(20));
    ///     watch.next(wait).await?; // 200 s in all: a limit on silence is none on length
    /// }
    /// assert!(watch.next(std::future::pending::<()>()).await.is_err());
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn idle(self, idle: Duration) -> Self {
        Self { idle: Some(idle), ..self }
    }

    /// Watches one stream of this call. The time begins when its reader first has to wait.
    ///
    /// ```
    /// use std::time::Duration;
    /// use steadfast::{Call, CancelToken, StreamTimeout};
    ///
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() -> Result<(), steadfast::Error> {
    /// let call = Call::new("tell", &CancelToken::root("program"));
    /// let mut watch = StreamTimeout::new().idle(Duration::from_secs(1)).watch(&call);
    /// watch.next(async { "Once" }).await?;
    /// call.clock().sleep(Duration::from_secs(60)).await; // the reader itself is slow: that is not counted
    /// let wait = call.clock().sleep(Duration::from_millis(900));
    /// assert!(watch.next(wait).await.is_ok());
    /// # Ok(()) }
    /// ```
    pub fn watch(self, call: &Call) -> StreamWatch<'_> {
        self.watch_held(Cow::Borrowed(call))
    }

    /// As [`StreamTimeout::watch`], for somebody who keeps the watch beside the stream and has the call in it.
    ///
    /// ```
    /// use std::time::Duration;
    /// use steadfast::{Call, CancelToken, StreamTimeout, StreamWatch};
    ///
    /// struct Reader {
    ///     watch: StreamWatch<'static>,
    /// }
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), steadfast::Error> {
    /// let call = Call::new("tell", &CancelToken::root("program"));
    /// let mut reader = Reader { watch: StreamTimeout::new().idle(Duration::from_secs(30)).watch_owned(call) };
    /// assert_eq!(reader.watch.next(async { "Once" }).await?, "Once");
    /// # Ok(()) }
    /// ```
    pub fn watch_owned(self, call: Call) -> StreamWatch<'static> {
        self.watch_held(Cow::Owned(call))
    }

    fn watch_held(self, call: Cow<'_, Call>) -> StreamWatch<'_> {
        StreamWatch { call, limits: self, opened: false, silence: None, timer: None, cancelled: None }
    }

    /// The same stream, ended with an error of code `TIMEOUT` when it is silent for too long, and with
    /// `CANCELLED` when the call is. After that error it is over. Dropping it forgets the wait.
    ///
    /// ```
    /// use std::{pin::Pin, task::{Context, Poll}, time::Duration};
    /// use futures_core::Stream;
    /// use steadfast::{Call, CancelToken, Code, Error, StreamTimeout};
    ///
    /// struct Silence;
    /// impl Stream for Silence {
    ///     type Item = Result<u8, Error>;
    ///     fn poll_next(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Self::Item>> {
    ///         Poll::Pending
    ///     }
    /// }
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let call = Call::new("listen", &CancelToken::root("program"));
    /// let mut stream = Box::pin(StreamTimeout::new().first_byte(Duration::from_millis(5)).around(&call, Silence));
    /// let item = std::future::poll_fn(|context| stream.as_mut().poll_next(context)).await;
    /// assert_eq!(item.unwrap().unwrap_err().code(), Code::TIMEOUT);
    /// # }
    /// ```
    #[cfg(feature = "stream")]
    pub fn around<S>(self, call: &Call, stream: S) -> TimedStream<'_, S> {
        TimedStream::new(self.watch(call), stream)
    }
}

/// The watch over one stream; made by [`StreamTimeout::watch`]. Use [`StreamWatch::next`] around each wait, or
/// drive it by hand with [`StreamWatch::item`] and [`StreamWatch::poll_end`].
///
/// ```
/// use std::time::Duration;
/// use steadfast::{Call, CancelToken, StreamTimeout};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), steadfast::Error> {
/// let (pieces, mut source) = tokio::sync::mpsc::unbounded_channel();
/// # ["Once ", "upon"].map(|piece| pieces.send(piece).unwrap());
/// # drop(pieces);
/// let call = Call::new("tell", &CancelToken::root("program"));
/// let mut watch = StreamTimeout::new().idle(Duration::from_secs(30)).watch(&call);
/// let mut story = String::new();
/// while let Some(piece) = watch.next(source.recv()).await? {
///     story.push_str(piece);
/// }
/// assert_eq!(story, "Once upon");
/// # Ok(()) }
/// ```
#[derive(Debug)]
pub struct StreamWatch<'a> {
    call: Cow<'a, Call>,
    limits: StreamTimeout,
    /// Whether the first piece has come.
    opened: bool,
    /// `None` until the reader has to wait.
    silence: Option<Silence>,
    timer: Option<Timer>,
    cancelled: Option<Cancelled>,
}

#[derive(Debug, Clone, Copy)]
struct Silence {
    due: Option<Instant>,
    after: Duration,
}

impl<'a> StreamWatch<'a> {
    /// Waits for the next piece. Fails with `TIMEOUT` when that takes too long, and with `CANCELLED`. A piece that
    /// comes at the very end of the time counts. Cancel safe if `piece` is; the time goes on where it stood.
    ///
    /// ```
    /// use steadfast::{Call, CancelReason, CancelToken, StreamTimeout};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), steadfast::Error> {
    /// let token = CancelToken::root("program");
    /// let call = Call::new("tell", &token);
    /// let mut watch = StreamTimeout::new().watch(&call);
    /// assert_eq!(watch.next(async { "Once" }).await?, "Once");
    /// token.cancel(CancelReason::UserStop);
    /// let error = watch.next(async { "upon" }).await.unwrap_err(); // not even what is there already
    /// assert_eq!(error.cancel_reason(), Some(CancelReason::UserStop));
    /// # Ok(()) }
    /// ```
    pub fn next<F: Future>(&mut self, piece: F) -> impl Future<Output = Result<F::Output, Error>> + use<'_, 'a, F> {
        Watched::new(self, piece)
    }

    /// A piece has come: the first wait is over, and the silence begins anew.
    ///
    /// ```
    /// use std::time::Duration;
    /// use steadfast::{Call, CancelToken, StreamTimeout};
    ///
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() {
    /// let call = Call::new("tell", &CancelToken::root("program"));
    /// let limits = StreamTimeout::new().first_byte(Duration::from_secs(60)).idle(Duration::from_secs(5));
    /// let mut watch = limits.watch(&call);
    /// let began = call.clock().now();
    /// watch.item();
    /// watch.ended().await;
    /// assert_eq!((call.clock().now() - began).as_secs(), 5); // it is no wait for the first piece any more
    /// # }
    /// ```
    pub fn item(&mut self) {
        self.opened = true;
        self.silence = None;
    }

    /// A sign of life that is no piece of the answer, such as a comment in a stream of server-sent events: the
    /// silence begins anew, but the wait for the first piece goes on.
    ///
    /// ```
    /// use std::time::Duration;
    /// use steadfast::{Call, CancelToken, StreamTimeout};
    ///
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() {
    /// let call = Call::new("tell", &CancelToken::root("program"));
    /// let mut watch = StreamTimeout::new().first_byte(Duration::from_secs(60)).watch(&call);
    /// let began = call.clock().now();
    /// tokio::select! {
    ///     _ = watch.ended() => {}
    ///     () = call.clock().sleep(Duration::from_secs(50)) => {}
    /// }
    /// watch.heartbeat(); // it lives, but it does not answer
    /// watch.ended().await;
    /// assert_eq!((call.clock().now() - began).as_secs(), 60);
    /// # }
    /// ```
    pub fn heartbeat(&mut self) {
        if self.opened || self.limits.first_byte.is_none() {
            self.silence = None;
        }
    }

    /// The wait for the next piece may take so long, and begins anew; for limits that change on the way. It costs no
    /// new timer unless the wait ends earlier than the one before would have.
    ///
    /// ```
    /// use std::time::Duration;
    /// use steadfast::{Call, CancelToken, StreamTimeout};
    ///
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() {
    /// let call = Call::new("tell", &CancelToken::root("program"));
    /// let mut watch = StreamTimeout::new().idle(Duration::from_secs(60)).watch(&call);
    /// watch.item();
    /// watch.at_most(Duration::from_secs(5)); // all is said; only the figures are missing
    /// let began = call.clock().now();
    /// watch.ended().await;
    /// assert_eq!((call.clock().now() - began).as_secs(), 5);
    /// # }
    /// ```
    pub fn at_most(&mut self, limit: Duration) {
        self.opened = false;
        self.limits.first_byte = Some(limit);
        self.silence = None;
    }

    /// The call that is watched.
    ///
    /// ```
    /// use steadfast::{Call, CancelToken, StreamTimeout};
    ///
    /// let call = Call::new("tell", &CancelToken::root("program"));
    /// let watch = StreamTimeout::new().watch_owned(call);
    /// assert_eq!(watch.call().operation(), "tell");
    /// ```
    pub fn call(&self) -> &Call {
        &self.call
    }

    /// Ready when the stream must end, with why. Call it when the stream itself is pending.
    ///
    /// ```
    /// use std::{future::poll_fn, task::Poll, time::Duration};
    /// use steadfast::{Call, CancelToken, Code, Error, StreamTimeout};
    ///
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() {
    /// let (_pieces, mut source) = tokio::sync::mpsc::unbounded_channel::<&str>();
    /// let call = Call::new("tell", &CancelToken::root("program"));
    /// let mut watch = StreamTimeout::new().idle(Duration::from_secs(30)).watch(&call);
    /// let next = poll_fn(|context| match source.poll_recv(context) {
    ///     Poll::Ready(piece) => {
    ///         watch.item();
    ///         Poll::Ready(Ok(piece))
    ///     }
    ///     Poll::Pending => watch.poll_end::<Error>(context).map(Err), // arms the timer, so never leave it out
    /// });
    /// assert_eq!(next.await.unwrap_err().code(), Code::TIMEOUT);
    /// # }
    /// ```
    pub fn poll_end<X: Fault>(&mut self, context: &mut Context<'_>) -> Poll<X> {
        let cancelled = self.cancelled.get_or_insert_with(|| self.call.token().cancelled());
        if let Poll::Ready(reason) = Pin::new(cancelled).poll(context) {
            return Poll::Ready(self.call.stopped(reason));
        }
        let Silence { due, after } = self.silence();
        let Some(due) = due else { return Poll::Pending };
        let timer = self.timer.get_or_insert_with(|| Timer::new(self.call.clock(), due));
        if timer.due() > due {
            timer.move_to(due);
        }
        ready!(timer.poll(context));
        if timer.due() < due {
            // Armed for an earlier silence, which a piece ended.
            timer.move_to(due);
            ready!(timer.poll(context));
        }
        Poll::Ready(self.call.timed_out(after))
    }

    /// Waits until the stream must end, for a `select!`. Cancel safe; the time goes on where it stood.
    ///
    /// ```
    /// use std::time::Duration;
    /// use steadfast::{Call, CancelToken, Code, StreamTimeout};
    ///
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() {
    /// let call = Call::new("tell", &CancelToken::root("program"));
    /// let mut watch = StreamTimeout::new().idle(Duration::from_secs(30)).watch(&call);
    /// let error = tokio::select! {
    ///     error = watch.ended() => error,
    ///     () = std::future::pending() => unreachable!(), // a source that says nothing
    /// };
    /// assert_eq!(error.code(), Code::TIMEOUT);
    /// # }
    /// ```
    pub async fn ended(&mut self) -> Error {
        poll_fn(|context| self.poll_end(context)).await
    }

    fn silence(&mut self) -> Silence {
        *self.silence.get_or_insert_with(|| {
            let limit = if self.opened { None } else { self.limits.first_byte }.or(self.limits.idle);
            let deadline = self.call.deadline().map(crate::Deadline::moment);
            if limit.is_none() && deadline.is_none() {
                return Silence { due: None, after: Duration::ZERO };
            }
            let now = self.call.clock().now();
            let due = limit.map(|limit| later(now, limit)).into_iter().chain(deadline).min();
            Silence { due, after: due.map_or(Duration::ZERO, |due| due.saturating_duration_since(now)) }
        })
    }
}
