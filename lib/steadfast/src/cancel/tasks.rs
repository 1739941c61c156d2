//! Tasks that belong to a token, so that nobody is forgotten at the end. A task is never aborted; a panic in
//! one becomes an error and an event, and hurts nobody else.

use super::{CancelToken, tree::Node};
use crate::{CancelReason, Error, Event, Events};
use pin_project_lite::pin_project;
use std::{
    any::Any,
    borrow::Cow,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};
use tokio::{runtime::Handle, task::JoinHandle};

impl CancelToken {
    /// Starts a task that belongs to this token: [`CancelToken::join`] waits for it. Cancelling does not cut it
    /// off; it should watch a token. Must be called inside a tokio runtime; outside, the task fails at once with
    /// `INTERNAL`.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), steadfast::Error> {
    /// let token = steadfast::CancelToken::root("program");
    /// let task = token.spawn("add", async { 1 + 1 });
    /// assert_eq!(task.await?, 2);
    /// token.join().await;
    /// # Ok(()) }
    /// ```
    pub fn spawn<T: Send + 'static>(
        &self,
        name: impl Into<Cow<'static, str>>,
        future: impl Future<Output = T> + Send + 'static,
    ) -> Task<T> {
        let tracked = self.track(name);
        Task::started(|runtime| {
            runtime.spawn(async move {
                let output = CatchPanic { future }.await;
                tracked.finish(output)
            })
        })
    }

    /// Runs `work` on the threads for blocking work. It belongs to this token like [`CancelToken::spawn`]'s task, and
    /// fails like it. Nothing can cut it off, so work that may be long looks at a token now and then.
    ///
    /// ```
    /// use std::iter;
    /// use steadfast::{CancelReason, CancelToken};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), steadfast::Error> {
    /// let token = CancelToken::root("program");
    /// let watch = token.clone();
    /// let turns = iter::repeat(()).take_while(move |()| !watch.is_cancelled());
    /// let task = token.spawn_blocking("count", || turns.count());
    /// token.cancel(CancelReason::UserStop); // cuts nothing off: the work looks for itself
    /// let _turns: usize = task.await?;
    /// assert!(token.running().is_empty());
    /// # Ok(()) }
    /// ```
    pub fn spawn_blocking<T: Send + 'static>(
        &self,
        name: impl Into<Cow<'static, str>>,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Task<T> {
        let tracked = self.track(name);
        Task::started(|runtime| runtime.spawn_blocking(move || tracked.finish(catch_unwind(AssertUnwindSafe(work)))))
    }

    /// Counts something that this token did not start, for instance a thread, as a task until the value is
    /// dropped.
    ///
    /// ```
    /// use std::thread;
    /// use steadfast::CancelToken;
    ///
    /// let token = CancelToken::root("program");
    /// let tracked = token.track("reader");
    /// assert_eq!(token.running(), ["program/reader"]);
    /// let reader = thread::spawn(move || drop(tracked)); // it moves in, so a panic would end it too
    /// assert!(reader.join().is_ok() && token.running().is_empty());
    /// ```
    pub fn track(&self, name: impl Into<Cow<'static, str>>) -> TrackedTask {
        let name = name.into();
        let slot = self.node.start_task(name.clone());
        TrackedTask { node: Arc::clone(&self.node), slot, name, events: self.events.clone() }
    }
}

/// A task that was started; awaiting it gives its output. Dropping it lets the task go on, and its token still
/// waits for it, so awaiting `&mut task` is cancel safe. A panic arrives as an error of code `INTERNAL`, and a runtime
/// that went away as `CANCELLED` with the reason `shutdown`.
///
/// ```
/// use steadfast::{CancelToken, Code, Task};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let token = CancelToken::root("program");
/// let task: Task<()> = token.spawn("print", async { panic!("no paper") });
/// assert_eq!(task.await.unwrap_err().code(), Code::INTERNAL);
///
/// let _detached = token.spawn("tidy up", async {});
/// assert_eq!(token.running(), ["program/tidy up"]); // nobody awaits it, but `join` will
/// # }
/// ```
#[derive(Debug)]
#[must_use = "a panic is seen only by whoever awaits the task, or by the token's events; use `let _detached = ...` to let it go"]
pub struct Task<T>(Option<JoinHandle<Result<T, Error>>>);

impl<T> Task<T> {
    fn started(start: impl FnOnce(Handle) -> JoinHandle<Result<T, Error>>) -> Self {
        Self(Handle::try_current().ok().map(start))
    }

    /// Whether it has ended, well or not.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let token = steadfast::CancelToken::root("program");
    /// let task = token.spawn("add", async { 1 + 1 });
    /// assert!(!task.is_finished()); // this runtime has one thread, and we hold it
    /// token.join().await;
    /// assert!(task.is_finished());
    /// # }
    /// ```
    pub fn is_finished(&self) -> bool {
        self.0.as_ref().is_none_or(JoinHandle::is_finished)
    }
}

impl<T> Future for Task<T> {
    type Output = Result<T, Error>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let Some(handle) = &mut self.0 else {
            return Poll::Ready(Err(Error::internal("a task was started outside a tokio runtime")));
        };
        // The only join error left is a runtime that went away, because panics were caught.
        Poll::Ready(
            ready!(Pin::new(handle).poll(context))
                .unwrap_or_else(|_gone| Err(Error::cancelled(CancelReason::Shutdown))),
        )
    }
}

/// Something that a token waits for; dropping it says that it has ended.
///
/// ```
/// use steadfast::CancelToken;
///
/// let token = CancelToken::root("program");
/// let upload = token.track("upload");
/// let _ = token.track("forgotten"); // dropped at once: `_` keeps nothing
/// assert_eq!(token.running(), ["program/upload"]);
/// drop(upload);
/// assert!(token.running().is_empty());
/// ```
#[must_use = "dropping it says that the task has ended"]
pub struct TrackedTask {
    node: Arc<Node>,
    slot: usize,
    name: Cow<'static, str>,
    events: Events,
}

impl TrackedTask {
    fn finish<T>(self, output: Result<T, Box<dyn Any + Send>>) -> Result<T, Error> {
        output.map_err(|panic| {
            let message = panic_message(&*panic);
            self.events.emit(|| Event::TaskPanicked { task: self.name.clone(), message: message.clone() });
            Error::internal(message).in_operation(&self.name)
        })
    }
}

impl std::fmt::Debug for TrackedTask {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("TrackedTask").field(&self.name).finish()
    }
}

impl Drop for TrackedTask {
    fn drop(&mut self) {
        self.node.end_task(self.slot);
    }
}

fn panic_message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    let text = text.or_else(|| panic.downcast_ref::<String>().cloned());
    text.unwrap_or_else(|| "a task panicked without a message".to_owned())
}

pin_project! {
    struct CatchPanic<F> {
        #[pin]
        future: F,
    }
}

impl<F: Future> Future for CatchPanic<F> {
    type Output = Result<F::Output, Box<dyn Any + Send>>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let future = self.project().future;
        // After a panic the future is only dropped, so nobody sees what the panic left half done.
        match catch_unwind(AssertUnwindSafe(|| future.poll(context))) {
            Ok(poll) => poll.map(Ok),
            Err(panic) => Poll::Ready(Err(panic)),
        }
    }
}
