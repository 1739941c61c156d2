//! The states of one connection, as a table: each legal move is a row, everything else is refused. It opens no
//! socket; whoever does tells it what happened and asks when to dial again. Surprise: one good moment does not clear
//! the back-off, 60 s of Ready do, so that a connection that breaks after each hello is not dialled in a loop.

use crate::{Clock, Event, Events, chance::Chance, clock::later};
use std::{
    borrow::Cow,
    fmt,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU8, Ordering},
    },
    time::Duration,
};
use tokio::time::Instant;

mod table;

pub use table::{ConnectionPhase, ConnectionSignal};

/// One connection's state; clones are the same connection. A builder method gives a new one, idle.
///
/// ```
/// use steadfast::{Clock, Connection, ConnectionPhase, ConnectionSignal, ConnectionState};
///
/// let clock = Clock::manual();
/// let database = Connection::new("database").with_clock(clock.clone());
/// database.signal(ConnectionSignal::Dial, "first use")?;
/// let ConnectionState::Backoff { until, failures: 1 } = database.signal(ConnectionSignal::Lost, "no route")? else {
///     panic!("a lost connection backs off");
/// };
/// clock.advance(until - clock.now());
/// database.signal(ConnectionSignal::Dial, "the wait is over")?;
/// database.signal(ConnectionSignal::Connected, "greeted")?;
/// assert_eq!(database.phase(), ConnectionPhase::Ready);
///
/// let refused = database.signal(ConnectionSignal::Dial, "by mistake").unwrap_err();
/// assert_eq!(refused.to_string(), "database: dial is no move from ready");
/// # Ok::<(), steadfast::RefusedMove>(())
/// ```
#[derive(Debug, Clone)]
pub struct Connection {
    shared: Arc<Shared>,
}

/// Where a connection stands, with what belongs to it.
///
/// ```
/// use steadfast::{Connection, ConnectionSignal, ConnectionState};
///
/// let database = Connection::new("database");
/// let state = database.signal(ConnectionSignal::Quarantine, "the password is wrong")?;
/// assert_eq!(state, ConnectionState::Quarantined { reason: "the password is wrong".into() });
/// # Ok::<(), steadfast::RefusedMove>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ConnectionState {
    /// Not connected, and nobody is trying.
    Idle,
    /// Somebody is trying.
    Connecting,
    /// It works.
    Ready,
    /// Nothing was heard for too long; it may still work.
    Suspect,
    /// What is under way ends, nothing new begins.
    Draining,
    /// It is not to be dialled before `until`.
    Backoff {
        /// When it may be dialled again.
        until: Instant,
        /// How many times it has failed since it last was Ready for long enough.
        failures: u32,
    },
    /// It is not to be dialled until somebody releases it.
    Quarantined {
        /// Why.
        reason: Cow<'static, str>,
    },
}

/// A signal that is no legal move. Nothing has changed.
///
/// ```
/// use steadfast::{Clock, Connection, ConnectionSignal};
///
/// let database = Connection::new("database").with_clock(Clock::manual()).seed(7);
/// database.signal(ConnectionSignal::Dial, "first use")?;
/// database.signal(ConnectionSignal::Lost, "no route")?;
/// let too_early = database.signal(ConnectionSignal::Dial, "at once").unwrap_err();
/// assert_eq!(too_early.wait, database.dial_wait()); // legal after this long
/// let impossible = database.signal(ConnectionSignal::Heard, "by mistake").unwrap_err();
/// assert_eq!(impossible.wait, None);
/// # Ok::<(), steadfast::RefusedMove>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct RefusedMove {
    /// Whose.
    pub target: Cow<'static, str>,
    /// Where it stands.
    pub from: ConnectionPhase,
    /// What was asked.
    pub signal: ConnectionSignal,
    /// How long until this move is legal; `None` when waiting does not help.
    pub wait: Option<Duration>,
}

#[derive(Debug)]
struct Shared {
    settings: Settings,
    chance: Chance,
    /// A copy of the phase for readers that must not wait.
    phase: AtomicU8,
    inside: Mutex<Inside>,
}

#[derive(Debug, Clone)]
struct Settings {
    target: Cow<'static, str>,
    clock: Clock,
    events: Events,
    seed: Option<u64>,
    base: Duration,
    cap: Duration,
    steady_after: Duration,
}

#[derive(Debug)]
struct Inside {
    phase: ConnectionPhase,
    /// The moment of the last move: since when it is Ready, or the begin of its back-off.
    since: Instant,
    until: Instant,
    failures: u32,
    reason: Cow<'static, str>,
}

impl Connection {
    /// An idle connection on the real clock, reporting to nobody: back-off from 100 ms to 30 s with full jitter,
    /// forgotten after 60 s of Ready.
    ///
    /// ```
    /// use std::time::Duration;
    /// use steadfast::{Connection, ConnectionPhase};
    ///
    /// let database = Connection::new("database");
    /// assert_eq!(database.phase(), ConnectionPhase::Idle); // nothing dials by itself
    /// assert_eq!(database.dial_wait(), Some(Duration::ZERO)); // but you may, at once
    /// ```
    pub fn new(target: impl Into<Cow<'static, str>>) -> Self {
        Self::with(Settings {
            target: target.into(),
            clock: Clock::real(),
            events: Events::none(),
            seed: None,
            base: BASE,
            cap: CAP,
            steady_after: STEADY_AFTER,
        })
    }

    /// Its time.
    ///
    /// ```
    /// use std::time::Duration;
    /// use steadfast::{Clock, Connection, ConnectionSignal};
    ///
    /// let clock = Clock::manual();
    /// let database = Connection::new("database").with_clock(clock.clone());
    /// database.signal(ConnectionSignal::Dial, "first use")?;
    /// database.signal(ConnectionSignal::Lost, "no route")?;
    /// clock.advance(Duration::from_millis(100)); // the longest that the first wait can be
    /// assert_eq!(database.dial_wait(), Some(Duration::ZERO));
    /// # Ok::<(), steadfast::RefusedMove>(())
    /// ```
    #[must_use]
    pub fn with_clock(&self, clock: Clock) -> Self {
        Self::with(Settings { clock, ..self.settings() })
    }

    /// Where its moves are reported.
    ///
    /// ```
    /// use steadfast::{Connection, ConnectionSignal, testing::Stage};
    ///
    /// let stage = Stage::manual();
    /// let database = Connection::new("database").with_events(stage.events());
    /// database.signal(ConnectionSignal::Dial, "first use")?;
    /// assert_eq!(stage.to_string(), "0 ms  connection database: idle to connecting: first use\n");
    /// # Ok::<(), steadfast::RefusedMove>(())
    /// ```
    #[must_use]
    pub fn with_events(&self, events: Events) -> Self {
        Self::with(Settings { events, ..self.settings() })
    }

    /// The wait after the n-th failure is anything from nothing to `base` times 2 to the n-1, at most `cap`: full
    /// jitter, as in [`Jitter::Full`](crate::Jitter). A cap below the base counts as the base. Default 100 ms and
    /// 30 s.
    ///
    /// ```
    /// use std::time::Duration;
    /// use steadfast::{Clock, Connection, ConnectionSignal};
    ///
    /// let database = Connection::new("database")
    ///     .with_clock(Clock::manual())
    ///     .backoff(Duration::from_secs(1), Duration::from_secs(4));
    /// for longest in [1, 2, 4, 4].map(Duration::from_secs) {
    ///     database.signal(ConnectionSignal::Dial, "once more")?;
    ///     database.signal(ConnectionSignal::Lost, "no route")?;
    ///     assert!(database.dial_wait().is_some_and(|wait| wait <= longest));
    ///     database.signal(ConnectionSignal::Hurry, "a person asked")?; // ends this wait, forgets no failure
    /// }
    /// # Ok::<(), steadfast::RefusedMove>(())
    /// ```
    #[must_use]
    pub fn backoff(&self, base: Duration, cap: Duration) -> Self {
        Self::with(Settings { base, cap: cap.max(base), ..self.settings() })
    }

    /// How long it must be Ready without a break before its failures are forgotten. Default 60 s.
    ///
    /// ```
    /// use std::time::Duration;
    /// use steadfast::{Clock, Connection, ConnectionSignal, ConnectionState};
    ///
    /// let clock = Clock::manual();
    /// let database = Connection::new("database").with_clock(clock.clone()).steady_after(Duration::from_secs(5));
    /// for (seconds_ready, counted) in [(4, 1), (4, 2), (5, 1)] {
    ///     database.signal(ConnectionSignal::Dial, "once more")?;
    ///     database.signal(ConnectionSignal::Connected, "greeted")?;
    ///     clock.advance(Duration::from_secs(seconds_ready));
    ///     let state = database.signal(ConnectionSignal::Lost, "reset")?;
    ///     assert!(matches!(state, ConnectionState::Backoff { failures, .. } if failures == counted));
    ///     # database.signal(ConnectionSignal::Hurry, "so that the example need not wait")?;
    /// }
    /// # Ok::<(), steadfast::RefusedMove>(())
    /// ```
    #[must_use]
    pub fn steady_after(&self, steady_after: Duration) -> Self {
        Self::with(Settings { steady_after, ..self.settings() })
    }

    /// Makes the waits the same in every run, for tests and simulations.
    ///
    /// ```
    /// use steadfast::{Clock, Connection, ConnectionSignal, RefusedMove};
    ///
    /// let first_wait = || {
    ///     let database = Connection::new("database").with_clock(Clock::manual()).seed(7);
    ///     database.signal(ConnectionSignal::Dial, "first use")?;
    ///     database.signal(ConnectionSignal::Lost, "no route")?;
    ///     Ok::<_, RefusedMove>(database.dial_wait())
    /// };
    /// assert_eq!(first_wait()?, first_wait()?);
    /// # Ok::<(), RefusedMove>(())
    /// ```
    #[must_use]
    pub fn seed(&self, seed: u64) -> Self {
        Self::with(Settings { seed: Some(seed), ..self.settings() })
    }

    fn with(settings: Settings) -> Self {
        let now = settings.clock.now();
        let inside =
            Inside { phase: ConnectionPhase::Idle, since: now, until: now, failures: 0, reason: Cow::Borrowed("") };
        let chance = settings.seed.map_or_else(Chance::default, Chance::seeded);
        let phase = AtomicU8::new(ConnectionPhase::Idle as u8);
        Self { shared: Arc::new(Shared { settings, chance, phase, inside: Mutex::new(inside) }) }
    }

    fn settings(&self) -> Settings {
        self.shared.settings.clone()
    }
}

/// Using it.
impl Connection {
    /// Says what happened, and why; the cause is for the event, and for Quarantine it is the reason. Gives the new
    /// state, or a [`RefusedMove`] when the table has no such move or the back-off is not over.
    ///
    /// ```
    /// use steadfast::{Connection, ConnectionSignal, ConnectionState};
    ///
    /// let database = Connection::new("database");
    /// database.signal(ConnectionSignal::Dial, "first use")?;
    /// assert_eq!(database.signal(ConnectionSignal::Connected, "greeted")?, ConnectionState::Ready);
    /// assert!(database.signal(ConnectionSignal::Connected, "greeted again").is_err());
    /// assert_eq!(database.state(), ConnectionState::Ready); // a refusal changes nothing
    /// # Ok::<(), steadfast::RefusedMove>(())
    /// ```
    pub fn signal(
        &self,
        signal: ConnectionSignal,
        cause: impl Into<Cow<'static, str>>,
    ) -> Result<ConnectionState, RefusedMove> {
        let (settings, cause) = (&self.shared.settings, cause.into());
        let mut inside = self.lock();
        let from = inside.phase;
        let refused = |wait| RefusedMove { target: settings.target.clone(), from, signal, wait };
        let to = table::step(from, signal).ok_or_else(|| refused(None))?;
        let now = settings.clock.now();
        if from == ConnectionPhase::Backoff && signal == ConnectionSignal::Dial && now < inside.until {
            return Err(refused(Some(inside.until - now)));
        }
        self.enter(&mut inside, to, now);
        if to == ConnectionPhase::Quarantined {
            inside.reason = cause.clone();
        }
        let state = inside.state();
        drop(inside);
        settings.events.emit(|| Event::ConnectionMoved { target: settings.target.clone(), from, to, cause });
        Ok(state)
    }

    /// Where it stands.
    ///
    /// ```
    /// use std::time::Duration;
    /// use steadfast::{Clock, Connection, ConnectionSignal, ConnectionState};
    ///
    /// let clock = Clock::manual();
    /// let database = Connection::new("database").with_clock(clock.clone());
    /// database.signal(ConnectionSignal::Dial, "first use")?;
    /// database.signal(ConnectionSignal::Lost, "no route")?;
    /// clock.advance(Duration::from_secs(1)); // the wait is over, but that alone is no move
    /// assert!(matches!(database.state(), ConnectionState::Backoff { until, .. } if until <= clock.now()));
    /// # Ok::<(), steadfast::RefusedMove>(())
    /// ```
    pub fn state(&self) -> ConnectionState {
        self.lock().state()
    }

    /// Where it stands, without what belongs to it. One atomic load.
    ///
    /// ```
    /// use steadfast::{Connection, ConnectionPhase};
    ///
    /// let database = Connection::new("database");
    /// let is_usable = || matches!(database.phase(), ConnectionPhase::Ready | ConnectionPhase::Suspect);
    /// assert!(!is_usable());
    /// ```
    pub fn phase(&self) -> ConnectionPhase {
        ConnectionPhase::from_number(self.shared.phase.load(Ordering::Acquire))
    }

    /// How long until it may be dialled: zero when it may be now, `None` when waiting does not help.
    ///
    /// ```
    /// use std::time::Duration;
    /// use steadfast::{Connection, ConnectionSignal};
    ///
    /// let database = Connection::new("database");
    /// assert_eq!(database.dial_wait(), Some(Duration::ZERO));
    /// database.signal(ConnectionSignal::Dial, "first use")?;
    /// assert_eq!(database.dial_wait(), None); // somebody dials already
    /// # Ok::<(), steadfast::RefusedMove>(())
    /// ```
    pub fn dial_wait(&self) -> Option<Duration> {
        let inside = self.lock();
        match inside.phase {
            ConnectionPhase::Idle => Some(Duration::ZERO),
            ConnectionPhase::Backoff => Some(inside.until.saturating_duration_since(self.shared.settings.clock.now())),
            _ => None,
        }
    }

    fn enter(&self, inside: &mut Inside, to: ConnectionPhase, now: Instant) {
        let settings = &self.shared.settings;
        let was_steady = inside.phase == ConnectionPhase::Ready
            && now.saturating_duration_since(inside.since) >= settings.steady_after;
        if was_steady || inside.phase == ConnectionPhase::Quarantined {
            inside.failures = 0;
        }
        if to == ConnectionPhase::Backoff {
            let longest = settings.base.saturating_mul(2_u32.saturating_pow(inside.failures)).min(settings.cap);
            inside.until = later(now, longest.mul_f64(self.shared.chance.unit()));
            inside.failures = inside.failures.saturating_add(1);
        }
        (inside.phase, inside.since) = (to, now);
        self.shared.phase.store(to as u8, Ordering::Release);
    }

    fn lock(&self) -> MutexGuard<'_, Inside> {
        // `enter` cannot panic half-way, so a poisoned state is still whole.
        self.shared.inside.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inside {
    fn state(&self) -> ConnectionState {
        match self.phase {
            ConnectionPhase::Idle => ConnectionState::Idle,
            ConnectionPhase::Connecting => ConnectionState::Connecting,
            ConnectionPhase::Ready => ConnectionState::Ready,
            ConnectionPhase::Suspect => ConnectionState::Suspect,
            ConnectionPhase::Draining => ConnectionState::Draining,
            ConnectionPhase::Backoff => ConnectionState::Backoff { until: self.until, failures: self.failures },
            ConnectionPhase::Quarantined => ConnectionState::Quarantined { reason: self.reason.clone() },
        }
    }
}

impl fmt::Display for RefusedMove {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} is no move from {}", self.target, self.signal, self.from)?;
        match self.wait {
            Some(wait) => write!(f, " for another {wait:?}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for RefusedMove {}

/// gRPC waits 1 s at first and 120 s at most ("GRPC Connection Backoff Protocol"); here the other end is often the
/// same machine or a person is waiting, so both are shorter. A choice.
const BASE: Duration = Duration::from_millis(100);
const CAP: Duration = Duration::from_secs(30);

/// Twice the longest wait: what holds that long has come back. A choice.
const STEADY_AFTER: Duration = Duration::from_secs(60);
