//! A limit on how long something may take. The work is dropped when the time is over, so it must be cancel safe.

use super::{Around, TryFuture};
use crate::{Call, Error, call::Bounded};
use std::time::Duration;

mod stream;

#[cfg(feature = "stream")]
pub use stream::TimedStream;
pub use stream::{StreamTimeout, StreamWatch};

/// Ends what takes too long, with an error of code `TIMEOUT`.
///
/// ```
/// use std::time::Duration;
/// use steadfast::{Call, CancelToken, Code, Error, Timeout};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let call = Call::new("wait for ever", &CancelToken::root("program"));
/// let never = std::future::pending::<Result<(), Error>>();
/// let error = Timeout::after(Duration::from_millis(5)).run(&call, never).await.unwrap_err();
/// assert_eq!(error.code(), Code::TIMEOUT);
/// # }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timeout {
    after: Duration,
}

impl Timeout {
    /// At most this long, and never past the call's deadline.
    ///
    /// ```
    /// use std::time::Duration;
    /// use steadfast::{Call, CancelToken, Clock, Deadline, Error, Timeout};
    ///
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() {
    /// let call = Call::new("wait", &CancelToken::root("program"))
    ///     .with_deadline(Deadline::after(&Clock::real(), Duration::from_secs(1)));
    /// let began = call.clock().now();
    /// let never = std::future::pending::<Result<(), Error>>();
    /// Timeout::after(Duration::from_secs(60)).run(&call, never).await.unwrap_err();
    /// assert_eq!((call.clock().now() - began).as_secs(), 1);
    /// # }
    /// ```
    pub fn after(after: Duration) -> Self {
        Self { after }
    }

    /// Runs `work` until it is done, the time is over or the call is cancelled. The time begins when the work
    /// first has to wait. Work that is done at the very moment when the time is over counts as done.
    ///
    /// Fails as the work does, with `TIMEOUT` when the time or the call's deadline is over, and with `CANCELLED`.
    /// Cancel safe as far as `work` is.
    ///
    /// ```
    /// use std::time::Duration;
    /// use steadfast::{Call, CancelToken, Timeout};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), steadfast::Error> {
    /// let call = Call::new("add", &CancelToken::root("program"));
    /// let sum = Timeout::after(Duration::ZERO).run(&call, async { Ok(1 + 1) }).await?;
    /// assert_eq!(sum, 2); // it never had to wait
    /// # Ok(()) }
    /// ```
    pub fn run<'a, T, F>(&self, call: &'a Call, work: F) -> impl Future<Output = Result<T, Error>> + use<'a, T, F>
    where
        F: Future<Output = Result<T, Error>>,
    {
        Bounded::new(call, Some(self.after), work)
    }
}

impl Around for Timeout {
    type Future<'a, F: TryFuture> = Bounded<'a, F>;

    fn around<'a, F: TryFuture>(&'a self, call: &'a Call, work: F) -> Bounded<'a, F> {
        Bounded::new(call, Some(self.after), work)
    }
}
