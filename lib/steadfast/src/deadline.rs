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
    /// So long from now.
    pub fn after(clock: &Clock, duration: Duration) -> Self {
        Self(later(clock.now(), duration))
    }

    /// At this moment.
    pub fn at(moment: Instant) -> Self {
        Self(moment)
    }

    /// The moment itself.
    pub fn moment(self) -> Instant {
        self.0
    }

    /// The time left; zero when it is past.
    pub fn remaining(&self, clock: &Clock) -> Duration {
        self.0.saturating_duration_since(clock.now())
    }

    /// Whether no time is left.
    pub fn is_past(&self, clock: &Clock) -> bool {
        self.remaining(clock).is_zero()
    }

    /// The earlier of the two.
    #[must_use]
    pub fn min(self, other: Self) -> Self {
        Self(self.0.min(other.0))
    }
}
