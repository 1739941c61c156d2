//! The moment after which an answer is of no use. It is not a timer: whoever waits asks it how long it may.

use crate::{Clock, clock::later};
use std::time::Duration;
use tokio::time::Instant;

/// A moment in time that belongs to a whole call, however many attempts it takes.
///
/// ```
/// use std::time::Duration;
/// use steadfast::{Clock, Deadline};
///
/// let clock = Clock::manual();
/// let deadline = Deadline::after(&clock, Duration::from_secs(5));
/// clock.advance(Duration::from_secs(3));
/// assert_eq!(deadline.remaining(&clock), Duration::from_secs(2));
/// assert!(!deadline.is_past(&clock));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Deadline(Instant);

impl Deadline {
    /// So long from now. More than an `Instant` can hold is about 30 years, which is "never" for tokio's timer too.
    ///
    /// ```
    /// use std::time::Duration;
    /// use steadfast::{Clock, Deadline};
    ///
    /// let clock = Clock::manual();
    /// let never = Deadline::after(&clock, Duration::MAX);
    /// assert!(never.remaining(&clock) > Duration::from_secs(86_400 * 365));
    /// ```
    pub fn after(clock: &Clock, duration: Duration) -> Self {
        Self(later(clock.now(), duration))
    }

    /// At this moment of the clock that will be asked.
    ///
    /// ```
    /// use std::time::Duration;
    /// use steadfast::{Clock, Deadline};
    ///
    /// let clock = Clock::manual();
    /// let in_five = clock.now() + Duration::from_secs(5);
    /// assert_eq!(Deadline::at(in_five), Deadline::after(&clock, Duration::from_secs(5)));
    /// ```
    pub fn at(moment: Instant) -> Self {
        Self(moment)
    }

    /// The moment itself.
    ///
    /// ```
    /// use std::time::Duration;
    /// use steadfast::{Clock, Deadline};
    ///
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() {
    /// let clock = Clock::real();
    /// let deadline = Deadline::after(&clock, Duration::from_secs(5));
    /// clock.sleep_until(deadline.moment()).await;
    /// assert!(deadline.is_past(&clock));
    /// # }
    /// ```
    pub fn moment(self) -> Instant {
        self.0
    }

    /// The time left; zero when it is past.
    ///
    /// ```
    /// use std::time::Duration;
    /// use steadfast::{Clock, Deadline};
    ///
    /// let clock = Clock::manual();
    /// let deadline = Deadline::after(&clock, Duration::from_secs(5));
    /// clock.advance(Duration::from_secs(9));
    /// assert_eq!(deadline.remaining(&clock), Duration::ZERO);
    /// ```
    pub fn remaining(&self, clock: &Clock) -> Duration {
        self.0.saturating_duration_since(clock.now())
    }

    /// Whether no time is left.
    ///
    /// ```
    /// use std::time::Duration;
    /// use steadfast::{Clock, Deadline};
    ///
    /// let clock = Clock::manual();
    /// let deadline = Deadline::after(&clock, Duration::from_secs(5));
    /// clock.advance(Duration::from_secs(5));
    /// assert!(deadline.is_past(&clock)); // on the moment itself
    /// ```
    pub fn is_past(&self, clock: &Clock) -> bool {
        self.remaining(clock).is_zero()
    }

    /// The earlier of the two.
    ///
    /// ```
    /// use std::time::Duration;
    /// use steadfast::{Clock, Deadline};
    ///
    /// let clock = Clock::manual();
    /// let [page, program] = [5, 60].map(|seconds| Deadline::after(&clock, Duration::from_secs(seconds)));
    /// assert_eq!(program.min(page), page);
    /// ```
    #[must_use]
    pub fn min(self, other: Self) -> Self {
        Self(self.0.min(other.0))
    }
}
