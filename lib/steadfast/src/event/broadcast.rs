//! A sink that many can read at their own pace, with a bound. A reader that is too slow misses the oldest
//! events and is told how many (`RecvError::Lagged`); it never holds up a call.

use super::{Event, Sink};
use tokio::sync::broadcast;

/// Hands every event to every reader that subscribed before it happened.
///
/// ```
/// use steadfast::{BroadcastSink, CancelReason, Event, Sink};
///
/// let feed = BroadcastSink::new(16);
/// let mut reader = feed.subscribe();
/// feed.emit(&Event::Cancelled { operation: "fetch".into(), reason: CancelReason::UserStop });
/// assert_eq!(reader.try_recv().unwrap().to_string(), "fetch: cancelled: user_stop");
/// ```
#[derive(Debug)]
pub struct BroadcastSink(broadcast::Sender<Event>);

impl BroadcastSink {
    /// Keeps the last `capacity` events (1 to 65,536) for readers that are behind; tokio's channel, which it is made of,
    /// takes the next power of two and makes the room at once.
    ///
    /// ```
    /// use steadfast::{BroadcastSink, Event, Sink};
    /// use tokio::sync::broadcast::error::TryRecvError;
    ///
    /// let feed = BroadcastSink::new(2);
    /// let mut slow = feed.subscribe();
    /// for copy in 1..=3 {
    ///     feed.emit(&Event::HedgeWon { operation: "fetch".into(), copy });
    /// }
    /// assert_eq!(slow.try_recv(), Err(TryRecvError::Lagged(1))); // go on reading: the rest is there
    /// assert_eq!(slow.try_recv().unwrap().to_string(), "fetch: copy 2 was faster");
    /// ```
    pub fn new(capacity: usize) -> Self {
        Self(broadcast::Sender::new(capacity.clamp(1, MOST)))
    }

    /// A reader of everything that happens from now on.
    ///
    /// ```
    /// use steadfast::{BroadcastSink, Event, Sink};
    ///
    /// let feed = BroadcastSink::new(16);
    /// feed.emit(&Event::BreakerHalfOpened { target: "shop".into() });
    /// let mut late = feed.subscribe();
    /// feed.emit(&Event::BreakerClosed { target: "shop".into() });
    /// assert_eq!(late.try_recv().unwrap().to_string(), "breaker shop: closed");
    /// ```
    pub fn subscribe(&self) -> broadcast::Receiver<Event> {
        self.0.subscribe()
    }
}

impl Sink for BroadcastSink {
    fn emit(&self, event: &Event) {
        // An error only says that nobody reads at the moment.
        let _nobody = self.0.send(event.clone());
    }
}

/// A choice: a reader that is further behind reads a log, not a live view.
const MOST: usize = 1 << 16;
