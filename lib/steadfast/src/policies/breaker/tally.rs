//! Counts the healthy calls: each thread in a cell of its own, so that two threads never wait for one another.
//! Nothing is ever taken back: whoever judges, under the breaker's lock, reads the cells and subtracts what it has
//! seen before. Surprise: a call that ends in the very moment of a move may be counted after it; none is lost.

use super::place::{self, OWNED, Place, SHARED};
use crate::sync::{AtomicU64, Ordering};
use std::sync::OnceLock;

/// How many parts a time window has, as in Polly's `RollingHealthMetrics`. A call leaves the window after nine to
/// ten tenths of it.
pub(super) const BUCKETS: usize = 10;

#[derive(Debug)]
pub(super) struct Tally {
    /// Made only when a window needs it.
    cells: OnceLock<Box<[Cell]>>,
    scale: AtomicU64,
}

/// Two cache lines, because processors fetch them in pairs.
#[derive(Debug)]
#[repr(align(128))]
struct Cell {
    calls: AtomicU64,
    ring: [AtomicU64; BUCKETS],
}

/// How healthy calls are counted, in one word: not at all, all in one number, or by time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Scale(u64);

/// The number of a bucket since the breaker was made, with the edition of the scale above it. 36 bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Epoch(u64);

impl Tally {
    pub(super) fn new(scale: Scale) -> Self {
        let tally = Self { cells: OnceLock::new(), scale: AtomicU64::new(Scale::OFF.0) };
        tally.switch(scale);
        tally
    }

    /// Changes how healthy calls are counted. What was counted on another scale is not read any more.
    pub(super) fn switch(&self, to: Scale) {
        if to != Scale::OFF {
            self.cells.get_or_init(|| (0..OWNED + SHARED).map(|_| Cell::new()).collect());
        }
        self.scale.store(to.0, Ordering::Release);
    }

    /// A healthy call of this thread. The time is asked for only when the scale needs it.
    #[inline]
    pub(super) fn success(&self, now: impl FnOnce() -> u64) {
        let scale = Scale(self.scale.load(Ordering::Acquire));
        if scale != Scale::OFF {
            self.success_at(place::here(), scale, now);
        }
    }

    fn success_at(&self, place: Place, scale: Scale, now: impl FnOnce() -> u64) {
        let Some(cell) = self.cells.get().and_then(|cells| cells.get(place.0)) else { return };
        if scale == Scale::CALLS {
            change(&cell.calls, place, |calls| Some(calls.wrapping_add(1)));
            return;
        }
        let epoch = scale.epoch(now());
        if let Some(word) = cell.ring.get(epoch.slot()) {
            change(word, place, |word| epoch.one_more(word));
        }
    }

    /// All healthy calls since the breaker was made, wrapping; for [`Scale::CALLS`].
    pub(super) fn calls(&self) -> u64 {
        self.cells().fold(0, |sum, cell| sum.wrapping_add(cell.calls.load(Ordering::Acquire)))
    }

    /// The healthy calls of the epochs that `counts` names.
    pub(super) fn within(&self, counts: impl Fn(Epoch) -> bool) -> u64 {
        let words = self.cells().flat_map(|cell| &cell.ring).map(|word| word.load(Ordering::Acquire));
        words.filter(|word| counts(Epoch(word >> COUNT_BITS))).map(|word| word & MOST).sum()
    }

    fn cells(&self) -> impl Iterator<Item = &Cell> {
        self.cells.get().into_iter().flatten()
    }
}

impl Cell {
    fn new() -> Self {
        Self { calls: AtomicU64::new(0), ring: std::array::from_fn(|_| AtomicU64::new(0)) }
    }
}

/// A load and a store where nobody else writes; a locked change elsewhere.
fn change(word: &AtomicU64, place: Place, next: impl Fn(u64) -> Option<u64>) {
    if place.is_owned() {
        if let Some(next) = next(word.load(Ordering::Relaxed)) {
            word.store(next, Ordering::Release);
        }
    } else {
        // `Err` only says that there was nothing to change.
        let _unchanged = word.fetch_update(Ordering::Release, Ordering::Relaxed, next);
    }
}

impl Scale {
    /// Nothing is counted.
    pub(super) const OFF: Self = Self(0);
    /// Counted without asking for the time.
    pub(super) const CALLS: Self = Self(1);

    /// Counted in buckets of `nanos`. `edition` tells the epochs of one scale from those of the scale before.
    pub(super) fn time(nanos: u64, edition: u64) -> Self {
        Self((edition & 0xF) << NANOS_BITS | nanos.clamp(2, (1 << NANOS_BITS) - 1))
    }

    pub(super) fn epoch(self, now: u64) -> Epoch {
        let (edition, nanos) = (self.0 >> NANOS_BITS, self.0 & ((1 << NANOS_BITS) - 1));
        Epoch(edition << 32 | (now / nanos.max(1)) & u64::from(u32::MAX))
    }
}

impl Epoch {
    /// How many epochs ago `other` was; very many for one of the future and of another edition.
    pub(super) fn since(self, other: Self) -> u64 {
        self.0.wrapping_sub(other.0)
    }

    pub(super) fn slot(self) -> usize {
        (self.0 & u64::from(u32::MAX)) as usize % BUCKETS
    }

    /// A bucket's word with one call more. Nothing when a newer bucket has taken the place.
    fn one_more(self, word: u64) -> Option<u64> {
        let there = Self(word >> COUNT_BITS);
        if there == self {
            return (word & MOST < MOST).then_some(word + 1);
        }
        let newer = there.0 >> 32 == self.0 >> 32 && there.0 > self.0;
        (!newer).then_some(self.0 << COUNT_BITS | 1)
    }
}

/// The upper bits of a scale are the edition: sixteen of them, then they come again.
const NANOS_BITS: u32 = 60;

/// A bucket counts to 268 million calls of one thread and stays there: a rate does not care beyond that.
const COUNT_BITS: u32 = 28;
const MOST: u64 = (1 << COUNT_BITS) - 1;

#[cfg(all(test, not(loom)))]
mod tests;
