//! "Try now": ends the wait before the next attempt. It is not a queue: a nudge while nobody waits is lost.

use std::sync::Arc;
use tokio::sync::Notify;

/// A handle that cuts short the wait between two attempts. Clones are the same nudge.
///
/// ```
/// use steadfast::{Call, CancelToken, Nudge};
///
/// let try_now = Nudge::default();
/// let call = Call::new("fetch", &CancelToken::root("program")).with_nudge(try_now.clone());
/// try_now.hurry(); // for instance from a button
/// # let _ = call;
/// ```
#[derive(Debug, Clone, Default)]
pub struct Nudge(Arc<Notify>);

impl Nudge {
    /// Ends every wait that is going on now; the next attempt starts at once.
    ///
    /// ```
    /// use steadfast::Nudge;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let try_now = Nudge::default();
    /// let waits = (try_now.hurried(), try_now.hurried());
    /// try_now.hurry(); // one is enough for all who wait
    /// assert_eq!(tokio::join!(waits.0, waits.1), ((), ()));
    /// # }
    /// ```
    pub fn hurry(&self) {
        self.0.notify_waiters();
    }

    /// Waits for the next [`Nudge::hurry`], counted from this call and not from the first poll. Cancel safe.
    ///
    /// ```
    /// use std::time::Duration;
    /// use steadfast::{Clock, Nudge};
    ///
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() {
    /// let (try_now, clock) = (Nudge::default(), Clock::real());
    /// try_now.hurry(); // nobody waits yet, so it is lost
    /// let hurried = tokio::select! {
    ///     () = try_now.hurried() => true,
    ///     () = clock.sleep(Duration::from_secs(60)) => false,
    /// };
    /// assert!(!hurried);
    /// # }
    /// ```
    pub fn hurried(&self) -> impl Future<Output = ()> + '_ {
        self.0.notified()
    }
}
