//! A sink for tests that remembers what happened and when, so that a test can read the story of a call.

use crate::{Clock, Event, Sink};
use std::{
    fmt,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::time::Instant;

/// Remembers every event with the time since it was made. Its `Display` is made for snapshots.
///
/// ```
/// use steadfast::{CancelReason, Clock, Event, Sink, testing::EventLog};
///
/// let log = EventLog::new(&Clock::manual());
/// log.emit(&Event::Cancelled { operation: "fetch".into(), reason: CancelReason::UserStop });
/// assert_eq!(log.to_string(), "0 ms  fetch: cancelled: user_stop\n");
/// ```
#[derive(Debug)]
pub struct EventLog {
    clock: Clock,
    start: Instant,
    entries: Mutex<Vec<(Duration, Event)>>,
}

impl EventLog {
    /// An empty log that starts now.
    ///
    /// ```
    /// use std::time::Duration;
    /// use steadfast::{CancelReason, Clock, Event, Sink, testing::EventLog};
    ///
    /// let clock = Clock::manual();
    /// clock.advance(Duration::from_secs(60)); // before the log began
    /// let log = EventLog::new(&clock);
    /// clock.advance(Duration::from_secs(2));
    /// log.emit(&Event::Cancelled { operation: "fetch".into(), reason: CancelReason::UserStop });
    /// assert_eq!(log.to_string(), "2000 ms  fetch: cancelled: user_stop\n");
    /// ```
    pub fn new(clock: &Clock) -> Self {
        Self { clock: clock.clone(), start: clock.now(), entries: Mutex::default() }
    }

    /// What has happened so far.
    ///
    /// ```
    /// use steadfast::{Breaker, Event, testing::Stage};
    ///
    /// let stage = Stage::manual();
    /// let breaker = Breaker::consecutive(5).named("shop").with_events(stage.events());
    /// breaker.force_open();
    /// breaker.force_close();
    /// let events = stage.log().events(); // oldest first
    /// assert!(matches!(events[..], [Event::BreakerOpened { .. }, Event::BreakerClosed { .. }]));
    /// ```
    pub fn events(&self) -> Vec<Event> {
        self.lock().iter().map(|(_, event)| event.clone()).collect()
    }

    fn lock(&self) -> MutexGuard<'_, Vec<(Duration, Event)>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Sink for EventLog {
    fn emit(&self, event: &Event) {
        let since_start = self.clock.now() - self.start;
        self.lock().push((since_start, event.clone()));
    }
}

impl fmt::Display for EventLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.lock().iter().try_for_each(|(at, event)| writeln!(f, "{} ms  {event}", at.as_millis()))
    }
}
