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
    pub fn after(after: Duration) -> Self {
        Self { after }
    }

    /// Runs `work` until it is done, the time is over or the call is cancelled. The time begins when the work
    /// first has to wait. Work that is done at the very moment when the time is over counts as done.
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
