//! A breaker's state and what every call does with it. Letting in and counting a healthy call take no lock: they
//! read the gate and the dials, and write only to the tally. Everything else is in `moves.rs`, under the lock.

use super::{
    gate::{Found, Gate, Phase},
    moves::Inside,
    rule::{ObservedMove, Verdict},
    settings::{Abandoned, Settings},
    tally::Tally,
    window::Window,
};
use crate::{
    Clock, Event, Events, Name,
    sync::{AtomicU64, Mutex, Ordering},
};
use std::time::Duration;
use tokio::time::Instant;

/// How a breaker stands. One that only observes shows how it would stand.
///
/// ```
/// use steadfast::{Breaker, BreakerState};
///
/// let line = match Breaker::consecutive(3).state() {
///     BreakerState::Closed => "fine".to_owned(),
///     BreakerState::Open { retry_after } => format!("resting for {} s", retry_after.as_secs()),
///     BreakerState::HalfOpen => "being tried".to_owned(),
/// };
/// assert_eq!(line, "fine");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(tag = "state", rename_all = "snake_case"))]
pub enum BreakerState {
    /// Calls pass.
    Closed,
    /// Calls are refused.
    Open {
        /// When it will let a probe through; the usual pause when it was opened by hand.
        retry_after: Duration,
    },
    /// A few calls pass on probation.
    HalfOpen,
}

/// Aligned, so that counting clones does not disturb those who read.
#[derive(Debug)]
#[repr(align(128))]
pub(super) struct Shared {
    pub(super) gate: Gate,
    pub(super) dials: Dials,
    pub(super) tally: Tally,
    pub(super) identity: Identity,
    began: Instant,
    pub(super) inside: Mutex<Inside>,
}

/// What stays when the settings change.
#[derive(Debug, Clone)]
pub(super) struct Identity {
    pub(super) target: Name,
    pub(super) clock: Clock,
    pub(super) events: Events,
}

impl Default for Identity {
    fn default() -> Self {
        Self { target: Name::from(NO_TARGET), clock: Clock::real(), events: Events::none() }
    }
}

/// The settings that are read without the lock, in nanoseconds.
#[derive(Debug)]
pub(super) struct Dials {
    slow_over: AtomicU64,
    abandoned_after: AtomicU64,
    usual_pause: AtomicU64,
    observing: AtomicU64,
}

/// Tells a call whose end still counts from others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ticket {
    /// Not let in yet, or settled.
    Outside,
    /// Let in during this generation.
    Inside(u32),
    /// Let through by a breaker that only observes, although it would have refused.
    Passing,
}

/// How long a call took, as far as it is known.
#[derive(Debug, Clone, Copy)]
pub(super) enum Took {
    /// No longer than a look at the clock.
    NoTime,
    /// So long as it is since this moment of the breaker's time.
    Since(u64),
    /// It was found slow or not before its end.
    Known { slow: bool },
}

impl Shared {
    pub(super) fn new(settings: Settings, identity: Identity) -> Self {
        let (window, scale) = Window::new(settings.span(), 0);
        let dials = Dials::zero();
        dials.set(&settings);
        Self {
            gate: Gate::closed(),
            dials,
            tally: Tally::new(scale),
            began: identity.clock.now(),
            identity,
            inside: Mutex::new(Inside::new(settings, window)),
        }
    }

    /// Lets a call in, or says how long to wait. After `open_to_all` said no.
    #[inline(never)]
    pub(super) fn admit(&self, events: &Events) -> Result<Ticket, Duration> {
        let (generation, phase) = self.gate.phase();
        if phase == Phase::Closed {
            return Ok(Ticket::Inside(generation));
        }
        let wait = match self.refusal(phase) {
            Some(wait) => wait,
            None => match self.admit_probe(events) {
                Ok(generation) => return Ok(Ticket::Inside(generation)),
                Err(wait) => wait,
            },
        };
        if phase != Phase::Isolated && self.dials.is_observing() {
            self.tell(events, Some(ObservedMove::Refuse { retry_after: wait }));
            return Ok(Ticket::Passing);
        }
        Err(wait)
    }

    /// The refusal of most calls, without the lock.
    fn refusal(&self, phase: Phase) -> Option<Duration> {
        let usual = self.dials.usual_pause();
        if phase == Phase::Isolated {
            return Some(usual);
        }
        let left = self.gate.refusing_until().checked_sub(self.now()).filter(|left| *left > 0)?;
        Some(if phase == Phase::HalfOpen { PROBE_WAIT.min(usual) } else { Duration::from_nanos(left) })
    }

    /// Learns from a call that succeeded at once, when that is all there is to learn.
    #[inline]
    pub(super) fn settle_healthy(&self, generation: u32) -> bool {
        let quiet = self.gate.is_quiet(generation);
        if quiet {
            self.tally.success(|| self.now());
        }
        quiet
    }

    /// Learns from a call that ended.
    #[inline(never)]
    pub(super) fn settle(&self, generation: u32, verdict: Verdict, took: Took, events: &Events) {
        let mut now = None;
        let slow = match took {
            Took::NoTime => false,
            Took::Known { slow } => slow,
            Took::Since(began) => self.is_slow(now.insert(self.now()).saturating_sub(began)),
        };
        match (verdict, slow) {
            (Verdict::Success, _) => match self.gate.forget_failures(generation) {
                Found::Over => return,
                Found::Closed if !slow => return self.tally.success(|| now.unwrap_or_else(|| self.now())),
                Found::Closed | Found::Probing => {}
            },
            (Verdict::Neutral, false) if self.gate.phase() == (generation, Phase::Closed) => return,
            (Verdict::Neutral | Verdict::Failure, _) => {}
        }
        self.settle_inside(generation, verdict, slow, events);
    }

    /// What a call says that was dropped without a reason.
    pub(super) fn judge_abandoned(&self, took: Took) -> Verdict {
        let waited = match took {
            Took::Since(began) => self.now().saturating_sub(began),
            Took::NoTime | Took::Known { .. } => 0,
        };
        let failed = waited >= self.dials.abandoned_after.load(Ordering::Relaxed);
        if failed { Verdict::Failure } else { Verdict::Neutral }
    }

    /// When a call begins that has to wait; asked only when a setting wants to know.
    pub(super) fn begin(&self) -> Took {
        if self.dials.wants_time() { Took::Since(self.now()) } else { Took::NoTime }
    }

    pub(super) fn is_slow(&self, nanos: u64) -> bool {
        nanos > self.dials.slow_over.load(Ordering::Relaxed)
    }

    /// Nanoseconds of its own time. 584 years of them fit.
    pub(super) fn now(&self) -> u64 {
        nanos(self.identity.clock.since(self.began))
    }

    /// After the lock is free, because a sink may ask the breaker how it stands.
    pub(super) fn tell(&self, events: &Events, step: Option<ObservedMove>) {
        let Some(step) = step else { return };
        let forced = matches!(step, ObservedMove::Open { reason: super::OpenReason::Forced, .. });
        events.emit(|| {
            let target = (&self.identity.target).into();
            match step {
                would if self.dials.is_observing() && !forced => Event::BreakerObserved { target, would },
                ObservedMove::Open { reason, retry_after } => Event::BreakerOpened { target, reason, retry_after },
                ObservedMove::HalfOpen => Event::BreakerHalfOpened { target },
                ObservedMove::Close => Event::BreakerClosed { target },
                would @ ObservedMove::Refuse { .. } => Event::BreakerObserved { target, would },
            }
        });
    }
}

impl Dials {
    fn zero() -> Self {
        let zero = || AtomicU64::new(0);
        Self { slow_over: zero(), abandoned_after: zero(), usual_pause: zero(), observing: zero() }
    }

    pub(super) fn set(&self, settings: &Settings) {
        let slow_over = settings.slow.map_or(NEVER, |limit| nanos(limit.over));
        let abandoned_after = match settings.abandoned {
            Abandoned::Neutral => NEVER,
            Abandoned::Failure => 0,
            Abandoned::FailureAfter(waited) => nanos(waited),
        };
        self.slow_over.store(slow_over, Ordering::Relaxed);
        self.abandoned_after.store(abandoned_after, Ordering::Relaxed);
        self.usual_pause.store(nanos(settings.pause.base), Ordering::Relaxed);
        self.observing.store(settings.observing.into(), Ordering::Relaxed);
    }

    fn wants_time(&self) -> bool {
        let after = self.abandoned_after.load(Ordering::Relaxed);
        self.slow_over.load(Ordering::Relaxed) != NEVER || !matches!(after, 0 | NEVER)
    }

    pub(super) fn usual_pause(&self) -> Duration {
        Duration::from_nanos(self.usual_pause.load(Ordering::Relaxed))
    }

    fn is_observing(&self) -> bool {
        self.observing.load(Ordering::Relaxed) != 0
    }
}

pub(super) fn nanos(duration: Duration) -> u64 {
    // Without 128 bits, because refusals count nanoseconds.
    duration.as_secs().saturating_mul(1_000_000_000).saturating_add(duration.subsec_nanos().into())
}

/// What a breaker protects when nobody said.
pub(super) const NO_TARGET: &str = "target";

pub(super) const NEVER: u64 = u64::MAX;

/// What a call is told to wait when all probes are under way: about as long as a probe takes. A guess.
pub(super) const PROBE_WAIT: Duration = Duration::from_secs(1);
