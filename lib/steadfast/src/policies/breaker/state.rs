//! Counts and moves. One atomic word holds the generation (upper half) and the failures in a row (lower half,
//! or `NOT_CLOSED`), so that the closed success path is one load; everything else happens under the lock.
//! Every move starts a new generation, and a call of an older generation is not judged any more.

use super::rule::{OpenReason, Verdict};
use crate::{Clock, Event, Events};
use std::{
    borrow::Cow,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};
use tokio::time::Instant;

/// How a breaker stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
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

#[derive(Debug, Clone)]
pub(super) struct Settings {
    pub(super) failures: u32,
    pub(super) open_for: Duration,
    pub(super) probes: u32,
    pub(super) target: Cow<'static, str>,
    pub(super) clock: Clock,
    pub(super) events: Events,
}

#[derive(Debug)]
pub(super) struct Shared {
    pub(super) settings: Settings,
    word: AtomicU64,
    mode: Mutex<Mode>,
}

/// What was let in; tells a late end from one that still counts.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ticket {
    generation: u32,
}

#[derive(Debug, Clone, Copy)]
enum Mode {
    Closed,
    Open { until: Instant },
    ForcedOpen,
    HalfOpen { under_way: u32, succeeded: u32, last_admitted: Instant },
}

impl Shared {
    pub(super) fn new(settings: Settings) -> Self {
        Self { settings, word: AtomicU64::new(0), mode: Mutex::new(Mode::Closed) }
    }

    pub(super) fn state(&self) -> BreakerState {
        match *self.lock() {
            Mode::Closed => BreakerState::Closed,
            Mode::ForcedOpen => BreakerState::Open { retry_after: self.settings.open_for },
            Mode::HalfOpen { .. } => BreakerState::HalfOpen,
            Mode::Open { until } => match self.until(until) {
                Duration::ZERO => BreakerState::HalfOpen,
                retry_after => BreakerState::Open { retry_after },
            },
        }
    }

    /// Lets a call in, or says how long to wait.
    pub(super) fn admit(&self, events: &Events) -> Result<Ticket, Duration> {
        let word = self.word.load(Ordering::Acquire);
        if count(word) != NOT_CLOSED {
            return Ok(Ticket { generation: generation(word) });
        }
        self.admit_probe(events)
    }

    fn admit_probe(&self, events: &Events) -> Result<Ticket, Duration> {
        let mut mode = self.lock();
        let mut event = None;
        match *mode {
            Mode::Closed => {}
            Mode::ForcedOpen => return Err(self.settings.open_for),
            Mode::Open { until } => match self.until(until) {
                Duration::ZERO => {
                    self.move_to(&mut mode, self.first_probe());
                    event = Some(Event::BreakerHalfOpened { target: self.settings.target.clone() });
                }
                wait => return Err(wait),
            },
            Mode::HalfOpen { under_way, succeeded, last_admitted } => {
                let now = self.settings.clock.now();
                if under_way + succeeded < self.settings.probes {
                    *mode = Mode::HalfOpen { under_way: under_way + 1, succeeded, last_admitted: now };
                } else if now.saturating_duration_since(last_admitted) >= self.settings.open_for {
                    // The probes hang; without this, nobody would ever be let in again.
                    self.move_to(&mut mode, self.first_probe());
                } else {
                    return Err(PROBE_WAIT.min(self.settings.open_for));
                }
            }
        }
        let ticket = Ticket { generation: generation(self.word.load(Ordering::Acquire)) };
        drop(mode);
        tell(events, event);
        Ok(ticket)
    }

    /// Learns from a call that ended.
    pub(super) fn settle(&self, ticket: Ticket, verdict: Verdict, events: &Events) {
        if verdict == Verdict::Success && self.forget_failures(ticket) {
            return;
        }
        let mut mode = self.lock();
        if generation(self.word.load(Ordering::Acquire)) != ticket.generation {
            return;
        }
        let event = self.count_end(&mut mode, verdict);
        drop(mode);
        tell(events, event);
    }

    /// The path of every healthy call: without a lock, and without a write when nothing failed before. False
    /// when the call was a probe.
    fn forget_failures(&self, ticket: Ticket) -> bool {
        let forget = |word| {
            let closed = generation(word) == ticket.generation && count(word) != NOT_CLOSED;
            (closed && count(word) > 0).then(|| join(ticket.generation, 0))
        };
        let word = match self.word.fetch_update(Ordering::AcqRel, Ordering::Acquire, forget) {
            Ok(word) | Err(word) => word,
        };
        generation(word) != ticket.generation || count(word) != NOT_CLOSED
    }

    fn count_end(&self, mode: &mut Mode, verdict: Verdict) -> Option<Event> {
        match (*mode, verdict) {
            (Mode::Closed, Verdict::Failure) => {
                let failures = count(self.word.fetch_add(1, Ordering::AcqRel)) + 1;
                (failures >= self.settings.failures).then(|| self.open(mode, OpenReason::ConsecutiveFailures(failures)))
            }
            (Mode::HalfOpen { .. }, Verdict::Failure) => Some(self.open(mode, OpenReason::ProbeFailed)),
            (Mode::HalfOpen { succeeded, .. }, Verdict::Success) if succeeded + 1 >= self.settings.probes => {
                Some(self.close(mode))
            }
            (Mode::HalfOpen { under_way, succeeded, last_admitted }, _) => {
                let succeeded = succeeded + u32::from(verdict == Verdict::Success);
                *mode = Mode::HalfOpen { under_way: under_way - 1, succeeded, last_admitted };
                None
            }
            (Mode::Closed | Mode::Open { .. } | Mode::ForcedOpen, _) => None,
        }
    }

    pub(super) fn force_open(&self) {
        let mut mode = self.lock();
        if matches!(*mode, Mode::ForcedOpen) {
            return;
        }
        let event = self.open(&mut mode, OpenReason::Forced);
        drop(mode);
        tell(&self.settings.events, Some(event));
    }

    pub(super) fn force_close(&self) {
        let mut mode = self.lock();
        let was_closed = matches!(*mode, Mode::Closed);
        let event = self.close(&mut mode);
        drop(mode);
        tell(&self.settings.events, (!was_closed).then_some(event));
    }

    fn open(&self, mode: &mut Mode, reason: OpenReason) -> Event {
        let open_for = self.settings.open_for;
        let until = crate::clock::later(self.settings.clock.now(), open_for);
        let forced = reason == OpenReason::Forced;
        self.move_to(mode, if forced { Mode::ForcedOpen } else { Mode::Open { until } });
        Event::BreakerOpened { target: self.settings.target.clone(), reason, retry_after: open_for }
    }

    fn close(&self, mode: &mut Mode) -> Event {
        self.move_to(mode, Mode::Closed);
        Event::BreakerClosed { target: self.settings.target.clone() }
    }

    fn first_probe(&self) -> Mode {
        Mode::HalfOpen { under_way: 1, succeeded: 0, last_admitted: self.settings.clock.now() }
    }

    /// The one place that moves. Only the holder of the lock changes the generation.
    fn move_to(&self, mode: &mut Mode, next: Mode) {
        let failures = if matches!(next, Mode::Closed) { 0 } else { NOT_CLOSED };
        let generation = generation(self.word.load(Ordering::Acquire)).wrapping_add(1);
        self.word.store(join(generation, failures), Ordering::Release);
        *mode = next;
    }

    fn until(&self, moment: Instant) -> Duration {
        moment.saturating_duration_since(self.settings.clock.now())
    }

    fn lock(&self) -> MutexGuard<'_, Mode> {
        // Every change under the lock is a single assignment, so a poisoned mode is still whole.
        self.mode.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// After the lock is free, because a sink may ask the breaker how it stands.
fn tell(events: &Events, event: Option<Event>) {
    if let Some(event) = event {
        events.emit(|| event);
    }
}

fn generation(word: u64) -> u32 {
    (word >> 32) as u32
}

fn count(word: u64) -> u32 {
    (word & u64::from(u32::MAX)) as u32
}

fn join(generation: u32, count: u32) -> u64 {
    u64::from(generation) << 32 | u64::from(count)
}

const NOT_CLOSED: u32 = u32::MAX;

/// What a call is told to wait when all probes are under way: about as long as a probe takes. A guess.
const PROBE_WAIT: Duration = Duration::from_secs(1);
