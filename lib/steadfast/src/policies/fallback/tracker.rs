//! Measures the targets of one chain and says whom to ask next. Readers take no lock; a writer that would have to
//! wait for another drops its sample, for these are statistics. Surprise: a reader may see a half-written record,
//! which is off by one sample at most.

use super::{
    Tried, moves_on,
    rank::{self, Mark, Record},
};
use crate::{Call, CancelReason, Clock, Code, chance::Chance, error::Fault};
use std::{
    sync::{
        Mutex, OnceLock,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};
use tokio::time::Instant;

#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Settings {
    pub(super) explore: f64,
    pub(super) half_life: Duration,
    pub(super) seed: Option<u64>,
}

#[derive(Debug)]
pub(super) struct Tracker {
    pub(super) settings: Settings,
    cells: Box<[Cell]>,
    chance: Chance,
    /// When the first call came; all times count from here.
    start: OnceLock<Instant>,
}

/// One target's record as it was at `at`. The numbers are the bits of an `f64`.
#[derive(Debug, Default)]
struct Cell {
    writing: Mutex<()>,
    successes: AtomicU64,
    failures: AtomicU64,
    seconds: AtomicU64,
    at: AtomicU64,
}

impl Tracker {
    pub(super) fn new(targets: usize, settings: Settings) -> Self {
        let chance = settings.seed.map_or_else(Chance::default, Chance::seeded);
        Self { settings, cells: (0..targets).map(|_| Cell::default()).collect(), chance, start: OnceLock::new() }
    }

    /// The best of those that were not tried; now and then, as a first try, one of the others instead.
    pub(super) fn next(&self, tried: Tried, clock: &Clock) -> Option<usize> {
        let now = self.since_start(clock.now());
        let usual = rank::usual(self.cells.iter().map(|cell| self.record(cell, now)));
        let left = || self.cells.iter().enumerate().filter(|(place, _)| !tried.contains(*place));
        let scored = left().map(|(place, cell)| (place, rank::score(self.record(cell, now), usual)));
        // The first of equals wins, so that the given order settles what measuring does not.
        let best = scored.reduce(|best, other| if other.1 < best.1 { other } else { best })?.0;
        let explores = tried.is_empty() && self.settings.explore > 0.0 && self.chance.unit() < self.settings.explore;
        let others = self.cells.len() - 1;
        if !explores || others == 0 {
            return Some(best);
        }
        let other = self.chance.below(others);
        Some(if other < best { other } else { other + 1 })
    }

    /// Every target's record as it weighs now, in the given order.
    pub(super) fn records(&self, clock: &Clock) -> Vec<Record> {
        let now = self.since_start(clock.now());
        self.cells.iter().map(|cell| self.record(cell, now)).collect()
    }

    pub(super) fn note(&self, place: usize, mark: Mark, at: Instant) {
        let Some(cell) = self.cells.get(place) else { return };
        // Nothing can be left half done under this lock, so a poisoned one also only means: drop the sample.
        let Ok(_writing) = cell.writing.try_lock() else { return };
        let now = self.since_start(at);
        let record = self.record(cell, now).with(mark);
        cell.successes.store(record.successes.to_bits(), Ordering::Relaxed);
        cell.failures.store(record.failures.to_bits(), Ordering::Relaxed);
        cell.seconds.store(record.seconds.to_bits(), Ordering::Relaxed);
        cell.at.store(now, Ordering::Relaxed);
    }

    fn record(&self, cell: &Cell, now: u64) -> Record {
        let number = |bits: &AtomicU64| f64::from_bits(bits.load(Ordering::Relaxed));
        let age = Duration::from_nanos(now.saturating_sub(cell.at.load(Ordering::Relaxed)));
        let half_lives = age.as_secs_f64() / self.settings.half_life.as_secs_f64();
        Record { successes: number(&cell.successes), failures: number(&cell.failures), seconds: number(&cell.seconds) }
            .faded((-half_lives).exp2())
    }

    /// Nanoseconds, which last for 584 years.
    fn since_start(&self, moment: Instant) -> u64 {
        let start = *self.start.get_or_init(|| moment);
        u64::try_from(moment.saturating_duration_since(start).as_nanos()).unwrap_or(u64::MAX)
    }
}

/// One target is being asked. Whatever happens to the work, it is marked at most once.
pub(super) struct Trial<'a>(Option<Open<'a>>);

struct Open<'a> {
    tracker: &'a Tracker,
    place: usize,
    call: &'a Call,
    began: Instant,
}

impl<'a> Trial<'a> {
    /// Without a tracker it costs nothing.
    pub(super) fn begin(tracker: Option<&'a Tracker>, place: usize, call: &'a Call) -> Self {
        Self(tracker.map(|tracker| Open { tracker, place, call, began: call.clock().now() }))
    }

    pub(super) fn end<V, X: Fault>(mut self, ended: &Result<V, X>) {
        let Some(open) = self.0.take() else { return };
        let now = open.call.clock().now();
        let mark = match ended {
            Ok(_) => Some(Mark::Served(now.saturating_duration_since(open.began).as_secs_f64())),
            Err(error) => is_failure(error).then_some(Mark::Failed),
        };
        if let Some(mark) = mark {
            open.tracker.note(open.place, mark, now);
        }
    }
}

impl Drop for Trial<'_> {
    /// The work was dropped half-way: judged as a breaker would.
    fn drop(&mut self) {
        let Some(open) = self.0.take() else { return };
        let is_past = open.call.deadline().is_some_and(|deadline| deadline.is_past(open.call.clock()));
        if std::thread::panicking() || open.call.token().reason().map_or(is_past, took_too_long) {
            open.tracker.note(open.place, Mark::Failed, open.call.clock().now());
        }
    }
}

/// Did the target fail to serve? Whatever leads the call to another target does count, also what a breaker would not
/// count, such as a quota that is used up: the question is who serves, and not who is at fault. A breaker's refusal says
/// nothing new, and a stop nothing at all unless it was for taking too long.
fn is_failure<X: Fault>(error: &X) -> bool {
    match error.cancel_reason() {
        Some(reason) => took_too_long(reason),
        None => moves_on(error) && error.code() != Code::CIRCUIT_OPEN,
    }
}

fn took_too_long(reason: CancelReason) -> bool {
    matches!(reason, CancelReason::Deadline | CancelReason::AttemptTimeout)
}
