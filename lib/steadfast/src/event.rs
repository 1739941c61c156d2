//! Everything that can happen, in one list. Policies emit, sinks write it down; sinks never decide anything.
//! Nothing is built when nobody listens.

use crate::{CancelReason, Code, ConnectionPhase, HealthStatus, ObservedMove, OpenReason, Priority, RejectedBy};
use std::{borrow::Cow, fmt, sync::Arc, time::Duration};

mod broadcast;

pub use broadcast::BroadcastSink;

type Name = Cow<'static, str>;

/// Something that happened.
///
/// ```
/// use std::time::Duration;
/// use steadfast::{Code, Event};
///
/// let (operation, delay) = ("fetch".into(), Duration::from_millis(200));
/// let event = Event::RetryScheduled { operation, attempt: 1, of: 3, delay, code: Code::TIMEOUT };
/// assert_eq!(event.to_string(), "fetch: retry in 200ms after attempt 1 of 3: TIMEOUT");
/// let waited = match event {
///     Event::RetryScheduled { delay, .. } => delay,
///     _ => Duration::ZERO, // the list will grow
/// };
/// assert_eq!(waited, delay);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(tag = "event", rename_all = "snake_case"))]
#[non_exhaustive]
#[expect(missing_docs, reason = "the fields are named after the words of the library")]
pub enum Event {
    /// An attempt begins.
    AttemptStarted { operation: Name, attempt: u32, of: u32 },
    /// An attempt failed.
    AttemptFailed { operation: Name, attempt: u32, of: u32, code: Code, message: String },
    /// Another attempt will follow after `delay`; `attempt` is the one that failed.
    RetryScheduled { operation: Name, attempt: u32, of: u32, delay: Duration, code: Code },
    /// An attempt succeeded with a value that is not wanted; another one will follow after `delay`.
    ValueRefused { operation: Name, attempt: u32, of: u32, delay: Duration },
    /// No attempt follows, because the target's budget for retries is used up.
    BudgetSpent { operation: Name, target: Name, attempts: u32 },
    /// No attempt follows, because the input can not be sent again.
    InputSpent { operation: Name, attempts: u32 },
    /// No attempt follows, although the last error would have allowed one.
    RetriesExhausted { operation: Name, attempts: u32, code: Code },
    /// The time-out or the deadline ended it.
    TimedOut { operation: Name, after: Duration },
    /// The token ended it.
    Cancelled { operation: Name, reason: CancelReason },
    /// From now on calls are refused.
    BreakerOpened { target: Name, reason: OpenReason, retry_after: Duration },
    /// From now on a few calls are let through on probation.
    BreakerHalfOpened { target: Name },
    /// Calls pass again.
    BreakerClosed { target: Name },
    /// What a breaker that only observes would have done.
    BreakerObserved { target: Name, would: ObservedMove },
    /// A limit did not let it begin.
    Refused { operation: Name, by: RejectedBy, target: Name, retry_after: Option<Duration> },
    /// A limit that finds its own size found another one.
    LimitChanged { target: Name, from: u32, to: u32 },
    /// From now on work of this class is refused under pressure, or let in again.
    SheddingChanged { target: Name, priority: Priority, shed: bool },
    /// There was no answer `after` this long, so another copy of the work was started beside the first.
    HedgeStarted { operation: Name, copy: u32, after: Duration },
    /// A copy answered before the first try did.
    HedgeWon { operation: Name, copy: u32 },
    /// The target `from` did not serve, so `to` is asked.
    FellBack { operation: Name, from: Name, to: Name, code: Code },
    /// No target served; `attempts` of them were asked.
    FallbackExhausted { operation: Name, attempts: u32, code: Code },
    /// It waits for somebody else who is doing the same.
    FlightJoined { operation: Name },
    /// A kept value of this age was given out, and nothing was asked for.
    ServedKept { operation: Name, age: Duration },
    /// Nothing fresh was kept, so it is asked for.
    CacheMissed { operation: Name },
    /// A value of this age was given out, because a new one could not be had.
    ServedStale { operation: Name, age: Duration, code: Code },
    /// A connection has a new state.
    ConnectionMoved { target: Name, from: ConnectionPhase, to: ConnectionPhase, cause: Name },
    /// A part of the program is better or worse than before.
    HealthChanged { component: Name, from: HealthStatus, to: HealthStatus, reason: Name },
    /// Chaos made trouble of this kind, on purpose.
    ChaosMade { operation: Name, kind: Name },
    /// A task ended in a panic.
    TaskPanicked { task: Name, message: String },
}

/// One line for people.
impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AttemptStarted { operation, attempt, of } => {
                write!(f, "{operation}: attempt {attempt} of {of} started")
            }
            Self::AttemptFailed { operation, attempt, of, code, message } => {
                write!(f, "{operation}: attempt {attempt} of {of} failed: {code}: {message}")
            }
            Self::RetryScheduled { operation, attempt, of, delay, code } => {
                write!(f, "{operation}: retry in {delay:?} after attempt {attempt} of {of}: {code}")
            }
            Self::ValueRefused { operation, attempt, of, delay } => {
                write!(f, "{operation}: retry in {delay:?} after attempt {attempt} of {of}: the value is not wanted")
            }
            Self::BudgetSpent { operation, target, attempts } => {
                write!(f, "{operation}: no retry after {attempts} attempts: the budget of {target} is used up")
            }
            Self::InputSpent { operation, attempts } => {
                write!(f, "{operation}: no retry after {attempts} attempts: the input cannot be sent again")
            }
            Self::RetriesExhausted { operation, attempts, code } => {
                write!(f, "{operation}: gave up after {attempts} attempts: {code}")
            }
            Self::TimedOut { operation, after } => write!(f, "{operation}: timed out after {after:?}"),
            Self::Cancelled { operation, reason } => write!(f, "{operation}: cancelled: {reason}"),
            Self::BreakerOpened { target, reason, retry_after } => {
                write!(f, "breaker {target}: opened for {retry_after:?}: {reason}")
            }
            Self::BreakerHalfOpened { target } => write!(f, "breaker {target}: half open"),
            Self::BreakerClosed { target } => write!(f, "breaker {target}: closed"),
            Self::BreakerObserved { target, would } => write!(f, "breaker {target}: would have {would}"),
            Self::Refused { operation, by, target, retry_after } => {
                write!(f, "{operation}: refused by the {by} of {target}")?;
                retry_after.map_or(Ok(()), |wait| write!(f, ", again in {wait:?}"))
            }
            Self::LimitChanged { target, from, to } => write!(f, "limit {target}: {to} at once instead of {from}"),
            Self::SheddingChanged { target, priority, shed: true } => {
                write!(f, "shedding {target}: {priority} work is refused")
            }
            Self::SheddingChanged { target, priority, shed: false } => {
                write!(f, "shedding {target}: {priority} work passes again")
            }
            Self::HedgeStarted { operation, copy, after } => {
                write!(f, "{operation}: copy {copy} started after {after:?}")
            }
            Self::HedgeWon { operation, copy } => write!(f, "{operation}: copy {copy} was faster"),
            Self::FellBack { operation, from, to, code } => {
                write!(f, "{operation}: fell back from {from} to {to}: {code}")
            }
            Self::FallbackExhausted { operation, attempts, code } => {
                write!(f, "{operation}: no target served, {attempts} were asked: {code}")
            }
            Self::FlightJoined { operation } => write!(f, "{operation}: joined one that is under way"),
            Self::ServedKept { operation, age } => write!(f, "{operation}: served a kept value from {age:?} ago"),
            Self::CacheMissed { operation } => write!(f, "{operation}: nothing fresh was kept"),
            Self::ServedStale { operation, age, code } => {
                write!(f, "{operation}: served a value from {age:?} ago: {code}")
            }
            Self::ConnectionMoved { target, from, to, cause } => {
                write!(f, "connection {target}: {from} to {to}: {cause}")
            }
            Self::HealthChanged { component, from, to, reason } => {
                write!(f, "{component}: {from} to {to}{}{reason}", if reason.is_empty() { "" } else { ": " })
            }
            Self::ChaosMade { operation, kind } => write!(f, "{operation}: chaos: {kind}"),
            Self::TaskPanicked { task, message } => write!(f, "task {task}: panicked: {message}"),
        }
    }
}

/// Where events go. It is called in the middle of a call, so it must not wait; it may drop what it cannot keep.
///
/// ```
/// use std::sync::{Arc, atomic::{AtomicUsize, Ordering}};
/// use steadfast::{CancelReason, Event, Events, Sink};
///
/// #[derive(Debug, Default)]
/// struct Stops(AtomicUsize);
///
/// impl Sink for Stops {
///     fn emit(&self, event: &Event) {
///         if matches!(event, Event::Cancelled { .. }) {
///             self.0.fetch_add(1, Ordering::Relaxed);
///         }
///     }
/// }
///
/// let stops = Arc::new(Stops::default());
/// let events = Events::to(Arc::clone(&stops));
/// events.emit(|| Event::Cancelled { operation: "fetch".into(), reason: CancelReason::UserStop });
/// events.emit(|| Event::BreakerClosed { target: "shop".into() });
/// assert_eq!(stops.0.load(Ordering::Relaxed), 1);
/// ```
pub trait Sink: Send + Sync + fmt::Debug {
    /// Takes note of an event.
    fn emit(&self, event: &Event);
}

impl<S: Sink + ?Sized> Sink for Arc<S> {
    fn emit(&self, event: &Event) {
        (**self).emit(event);
    }
}

/// A list of sinks; a clone is cheap and goes to the same sinks.
///
/// ```
/// use std::sync::Arc;
/// use steadfast::{BroadcastSink, CancelToken, Events};
///
/// let feed = Arc::new(BroadcastSink::new(64));
/// let token = CancelToken::root("program").with_events(Events::to(Arc::clone(&feed)));
/// let mut reader = feed.subscribe();
/// # let _ = (token, reader.try_recv());
/// ```
#[derive(Debug, Clone, Default)]
pub struct Events(Arc<[Arc<dyn Sink>]>);

impl Events {
    /// Nobody listens.
    ///
    /// ```
    /// assert!(steadfast::Events::none().is_empty());
    /// ```
    pub fn none() -> Self {
        Self::default()
    }

    /// One listener. Give an `Arc` when you want to keep a handle on it.
    ///
    /// ```
    /// use std::sync::Arc;
    /// use steadfast::{Clock, Event, Events, testing::EventLog};
    ///
    /// let log = Arc::new(EventLog::new(&Clock::manual()));
    /// let events = Events::to(Arc::clone(&log)); // given away, and still at hand
    /// events.emit(|| Event::BreakerClosed { target: "shop".into() });
    /// assert_eq!(log.events().len(), 1);
    /// ```
    pub fn to(sink: impl Sink + 'static) -> Self {
        Self::none().and(sink)
    }

    /// One listener more.
    ///
    /// ```
    /// use std::sync::Arc;
    /// use steadfast::{BroadcastSink, Clock, Event, Events, testing::EventLog};
    ///
    /// let (log, feed) = (Arc::new(EventLog::new(&Clock::manual())), Arc::new(BroadcastSink::new(64)));
    /// let mut reader = feed.subscribe();
    /// let events = Events::to(Arc::clone(&log)).and(Arc::clone(&feed));
    /// events.emit(|| Event::BreakerClosed { target: "shop".into() });
    /// assert_eq!(log.events(), [reader.try_recv().unwrap()]);
    /// ```
    #[must_use]
    pub fn and(self, sink: impl Sink + 'static) -> Self {
        Self(self.0.iter().cloned().chain([Arc::new(sink) as Arc<dyn Sink>]).collect())
    }

    /// Whether nobody listens.
    ///
    /// ```
    /// use steadfast::{BroadcastSink, Events};
    ///
    /// assert!(Events::none().is_empty());
    /// assert!(!Events::to(BroadcastSink::new(64)).is_empty()); // a sink listens, also without readers
    /// ```
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Tells every listener; `event` is built only when there is one.
    ///
    /// ```
    /// use steadfast::Events;
    ///
    /// Events::none().emit(|| unreachable!("nobody listens, so nothing is built"));
    /// assert!(Events::none().is_empty());
    /// ```
    pub fn emit(&self, event: impl FnOnce() -> Event) {
        if self.is_empty() {
            return;
        }
        let event = event();
        for sink in self.0.iter() {
            sink.emit(&event);
        }
    }
}
