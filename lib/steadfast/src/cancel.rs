//! Stopping things, with a reason. Tokens form a tree: cancelling one cancels everything below it with the same
//! reason, and the first reason wins. Surprise: dropping a token never cancels, and a task is not cut off: it
//! watches its token and ends by itself, so that it can tidy up.

use crate::{Error, Events};
use pin_project_lite::pin_project;
use std::{
    borrow::Cow,
    fmt,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};
use tree::{Moment, Node, Waiting};

mod reason;
mod tasks;
mod tree;

pub use reason::CancelReason;
pub use tasks::{Task, TrackedTask};

/// One node of the cancellation tree; clones are the same node.
///
/// ```
/// use steadfast::{CancelReason, CancelToken};
///
/// let program = CancelToken::root("program");
/// let call = program.child("call 7");
/// assert!(program.cancel(CancelReason::Shutdown));
/// assert!(!call.cancel(CancelReason::UserStop)); // too late: the first reason wins
/// assert_eq!(call.reason(), Some(CancelReason::Shutdown));
/// ```
#[derive(Clone)]
pub struct CancelToken {
    node: Arc<Node>,
    events: Events,
}

impl CancelToken {
    /// The root of a new tree, which reports to nobody until [`CancelToken::with_events`].
    ///
    /// ```
    /// use steadfast::CancelToken;
    ///
    /// let program = CancelToken::root("program");
    /// assert_eq!(program.name(), "program");
    /// assert!(program.events().is_empty() && !program.is_cancelled());
    /// ```
    pub fn root(name: impl Into<Cow<'static, str>>) -> Self {
        Self { node: Node::root(name.into()), events: Events::none() }
    }

    /// A token below this one. It is born cancelled when this one is.
    ///
    /// ```
    /// use steadfast::{CancelReason, CancelToken};
    ///
    /// let program = CancelToken::root("program");
    /// program.child("call 7").cancel(CancelReason::UserStop);
    /// assert!(!program.is_cancelled()); // never upwards
    /// program.cancel(CancelReason::Shutdown);
    /// assert_eq!(program.child("call 8").reason(), Some(CancelReason::Shutdown));
    /// ```
    #[must_use]
    pub fn child(&self, name: impl Into<Cow<'static, str>>) -> Self {
        Self { node: self.node.child(name.into()), events: self.events.clone() }
    }

    /// The same token, whose tasks, later children and calls report to `events`.
    ///
    /// ```
    /// use steadfast::{BroadcastSink, CancelToken, Events};
    ///
    /// let program = CancelToken::root("program");
    /// let early = program.child("early");
    /// let program = program.with_events(Events::to(BroadcastSink::new(64)));
    /// assert!(early.events().is_empty()); // so say it before the first child
    /// assert!(!program.child("late").events().is_empty());
    /// ```
    #[must_use]
    pub fn with_events(self, events: Events) -> Self {
        Self { events, ..self }
    }

    /// What this part of the tree is called.
    ///
    /// ```
    /// use steadfast::CancelToken;
    ///
    /// let call = CancelToken::root("program").child("call 7");
    /// assert_eq!(call.name(), "call 7"); // its own name, without the path
    /// ```
    pub fn name(&self) -> &str {
        self.node.name()
    }

    /// Where tasks and calls of this token report.
    ///
    /// ```
    /// use std::sync::Arc;
    /// use steadfast::{CancelReason, CancelToken, Clock, Event, Events, testing::EventLog};
    ///
    /// let log = Arc::new(EventLog::new(&Clock::manual()));
    /// let token = CancelToken::root("program").with_events(Events::to(Arc::clone(&log)));
    /// token.cancel(CancelReason::UserStop);
    /// assert!(log.events().is_empty()); // cancelling alone is no event: what it ends, reports
    /// token.events().emit(|| Event::BreakerClosed { target: "shop".into() });
    /// assert_eq!(log.to_string(), "0 ms  breaker shop: closed\n");
    /// ```
    pub fn events(&self) -> &Events {
        &self.events
    }

    /// Cancels this token and everything below it. True when this was the first reason; then everything below
    /// is cancelled when it returns.
    ///
    /// ```
    /// use steadfast::{CancelReason, CancelToken};
    ///
    /// let program = CancelToken::root("program");
    /// let call = program.child("call 7");
    /// assert!(program.cancel(CancelReason::Shutdown));
    /// assert!(call.is_cancelled()); // already
    /// assert!(!program.cancel(CancelReason::UserStop)); // the first reason stays
    /// assert_eq!(program.reason(), Some(CancelReason::Shutdown));
    /// ```
    pub fn cancel(&self, reason: CancelReason) -> bool {
        self.node.cancel(reason)
    }

    /// Whether it was cancelled. One atomic load.
    ///
    /// ```
    /// use steadfast::{CancelReason, CancelToken};
    ///
    /// let token = CancelToken::root("program");
    /// let mut rows = 0;
    /// while !token.is_cancelled() {
    ///     rows += 1;
    ///     if rows == 3 {
    ///         token.clone().cancel(CancelReason::UserStop); // a clone is the same node
    ///     }
    /// }
    /// assert_eq!(rows, 3);
    /// ```
    pub fn is_cancelled(&self) -> bool {
        self.node.reason().is_some()
    }

    /// Why it was cancelled, if it was. One atomic load.
    ///
    /// ```
    /// use steadfast::{CancelReason, CancelToken};
    ///
    /// let token = CancelToken::root("program");
    /// assert_eq!(token.reason(), None);
    /// token.child("call 7").cancel(CancelReason::UserStop);
    /// assert_eq!(token.reason(), None);
    /// token.cancel(CancelReason::Shutdown);
    /// assert_eq!(token.reason(), Some(CancelReason::Shutdown));
    /// ```
    pub fn reason(&self) -> Option<CancelReason> {
        self.node.reason()
    }

    /// An error of code `CANCELLED` once it was cancelled; for loops that do not wait.
    ///
    /// ```
    /// use steadfast::{CancelReason, CancelToken, Error};
    ///
    /// fn sum(numbers: &[u64], token: &CancelToken) -> Result<u64, Error> {
    ///     let mut sum = 0;
    ///     for number in numbers {
    ///         token.check()?;
    ///         sum += number;
    ///     }
    ///     Ok(sum)
    /// }
    /// let token = CancelToken::root("program");
    /// assert_eq!(sum(&[1, 2], &token)?, 3);
    /// token.cancel(CancelReason::UserStop);
    /// assert_eq!(sum(&[1, 2], &token).unwrap_err().cancel_reason(), Some(CancelReason::UserStop));
    /// # Ok::<(), Error>(())
    /// ```
    pub fn check(&self) -> Result<(), Error> {
        self.reason().map_or(Ok(()), |reason| Err(Error::cancelled(reason)))
    }

    /// Waits until it is cancelled. Cancel safe, and it keeps the token alive by itself.
    ///
    /// ```
    /// use steadfast::{CancelReason, CancelToken};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let token = CancelToken::root("program");
    /// let stopped = token.cancelled(); // borrows nothing, so a task can take it
    /// let watch = tokio::spawn(stopped);
    /// token.cancel(CancelReason::Shutdown);
    /// assert_eq!(watch.await.unwrap(), CancelReason::Shutdown);
    /// # }
    /// ```
    pub fn cancelled(&self) -> Cancelled {
        Cancelled(Waiting::new(&self.node, Moment::Cancelled))
    }

    /// Runs `future` until it is done or this token is cancelled, whichever is first; when both have happened,
    /// cancellation wins. The future is dropped with the returned one, so it must be cancel safe.
    ///
    /// ```
    /// use steadfast::{CancelReason, CancelToken};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let token = CancelToken::root("program");
    /// assert_eq!(token.run(async { 1 + 1 }).await, Ok(2));
    /// token.cancel(CancelReason::UserStop);
    /// assert_eq!(token.run(async { 1 + 1 }).await, Err(CancelReason::UserStop)); // not even begun
    /// # }
    /// ```
    pub fn run<F: Future>(&self, future: F) -> Run<F> {
        Run { cancelled: self.cancelled(), future }
    }

    /// Waits until every task of this token and of everything below it has ended. Cancel safe. It does not
    /// cancel: do that first.
    ///
    /// ```
    /// use steadfast::{CancelReason, CancelToken};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), steadfast::Error> {
    /// let program = CancelToken::root("program");
    /// let call = program.child("call 7");
    /// let stopped = call.cancelled();
    /// let task = call.spawn("tidy up", async move { stopped.await.as_str() });
    /// program.cancel(CancelReason::Shutdown); // without it, join would wait for ever
    /// program.join().await;
    /// assert!(program.running().is_empty());
    /// assert_eq!(task.await?, "shutdown");
    /// # Ok(()) }
    /// ```
    pub async fn join(&self) {
        Waiting::new(&self.node, Moment::Idle).await;
    }

    /// The tasks that have not ended, of this token and of everything below it, each as "token/task".
    ///
    /// ```
    /// use steadfast::CancelToken;
    ///
    /// let program = CancelToken::root("program");
    /// let _reader = program.child("call 7").track("reader thread");
    /// assert_eq!(program.running(), ["call 7/reader thread"]); // who holds up the end
    /// ```
    pub fn running(&self) -> Vec<String> {
        self.node.running()
    }
}

impl fmt::Debug for CancelToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CancelToken")
            .field("name", &self.name())
            .field("reason", &self.reason())
            .finish_non_exhaustive()
    }
}

/// Waits for a cancellation; made by [`CancelToken::cancelled`]. Cancel safe.
///
/// ```
/// use std::time::Duration;
/// use steadfast::{CancelReason, CancelToken, Clock};
///
/// # #[tokio::main(flavor = "current_thread", start_paused = true)]
/// # async fn main() {
/// let (token, clock) = (CancelToken::root("program"), Clock::real());
/// let mut stopped = token.cancelled();
/// let mut ticks = 0;
/// let reason = loop {
///     tokio::select! {
///         reason = &mut stopped => break reason, // one wait for the whole loop
///         () = clock.sleep(Duration::from_secs(60)) => ticks += 1,
///     }
///     if ticks == 3 {
///         token.cancel(CancelReason::UserStop);
///     }
/// };
/// assert_eq!((reason, ticks), (CancelReason::UserStop, 3));
/// # }
/// ```
#[must_use = "futures do nothing unless awaited"]
pub struct Cancelled(Waiting);

impl Future for Cancelled {
    type Output = CancelReason;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<CancelReason> {
        ready!(Pin::new(&mut self.0).poll(context));
        // The wait ends only when there is a reason, so the second arm is never taken.
        self.0.node().reason().map_or(Poll::Pending, Poll::Ready)
    }
}

impl fmt::Debug for Cancelled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Cancelled").field(&self.0.node().name()).finish()
    }
}

pin_project! {
    /// A future that a token can end; made by [`CancelToken::run`]. As cancel safe as the future in it.
    ///
    /// ```
    /// use steadfast::{CancelReason, CancelToken, Run};
    ///
    /// /// It has a name, so it can be kept in a struct.
    /// struct Download<F> {
    ///     bytes: Run<F>,
    /// }
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let token = CancelToken::root("program");
    /// let download = Download { bytes: token.run(async { 512 }) };
    /// token.cancel(CancelReason::UserStop);
    /// assert_eq!(download.bytes.await, Err(CancelReason::UserStop));
    /// # }
    /// ```
    #[derive(Debug)]
    #[must_use = "futures do nothing unless awaited"]
    pub struct Run<F> {
        cancelled: Cancelled,
        #[pin]
        future: F,
    }
}

impl<F: Future> Future for Run<F> {
    type Output = Result<F::Output, CancelReason>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        if let Some(reason) = this.cancelled.0.node().reason() {
            return Poll::Ready(Err(reason));
        }
        if let Poll::Ready(output) = this.future.poll(context) {
            return Poll::Ready(Ok(output));
        }
        // Only a future that really waits pays for being woken by the token.
        Pin::new(this.cancelled).poll(context).map(Err)
    }
}
