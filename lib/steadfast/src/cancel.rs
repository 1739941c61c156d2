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
    /// The root of a new tree.
    pub fn root(name: impl Into<Cow<'static, str>>) -> Self {
        Self { node: Node::root(name.into()), events: Events::none() }
    }

    /// A token below this one. It is born cancelled when this one is.
    #[must_use]
    pub fn child(&self, name: impl Into<Cow<'static, str>>) -> Self {
        Self { node: self.node.child(name.into()), events: self.events.clone() }
    }

    /// The same token, whose tasks, later children and calls report to `events`.
    #[must_use]
    pub fn with_events(self, events: Events) -> Self {
        Self { events, ..self }
    }

    /// What this part of the tree is called.
    pub fn name(&self) -> &str {
        self.node.name()
    }

    /// Where tasks and calls of this token report.
    pub fn events(&self) -> &Events {
        &self.events
    }

    /// Cancels this token and everything below it. True when this was the first reason; then everything below
    /// is cancelled when it returns.
    pub fn cancel(&self, reason: CancelReason) -> bool {
        self.node.cancel(reason)
    }

    /// Whether it was cancelled. One atomic load.
    pub fn is_cancelled(&self) -> bool {
        self.node.reason().is_some()
    }

    /// Why it was cancelled, if it was. One atomic load.
    pub fn reason(&self) -> Option<CancelReason> {
        self.node.reason()
    }

    /// An error of code `CANCELLED` once it was cancelled; for loops that do not wait.
    pub fn check(&self) -> Result<(), Error> {
        self.reason().map_or(Ok(()), |reason| Err(Error::cancelled(reason)))
    }

    /// Waits until it is cancelled. Cancel safe, and it keeps the token alive by itself.
    pub fn cancelled(&self) -> Cancelled {
        Cancelled(Waiting::new(&self.node, Moment::Cancelled))
    }

    /// Runs `future` until it is done or this token is cancelled, whichever is first; when both have happened,
    /// cancellation wins. The future is dropped with the returned one.
    pub fn run<F: Future>(&self, future: F) -> Run<F> {
        Run { cancelled: self.cancelled(), future }
    }

    /// Waits until every task of this token and of everything below it has ended. Cancel safe. It does not
    /// cancel: do that first.
    pub async fn join(&self) {
        Waiting::new(&self.node, Moment::Idle).await;
    }

    /// The tasks that have not ended, of this token and of everything below it, each as "token/task".
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

/// Waits for a cancellation; made by [`CancelToken::cancelled`].
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
    /// A future that a token can end; made by [`CancelToken::run`].
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
