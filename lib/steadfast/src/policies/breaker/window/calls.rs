//! The last so many calls, exactly. Successes between two marked calls are interchangeable, so the window is a
//! queue of runs (so many successes, then a mark) that shrinks at its old end: a mark takes amortised constant
//! time, and there are at most as many runs as calls.

use super::{Mark, Totals};
use std::collections::VecDeque;

#[derive(Debug)]
pub(in super::super) struct Calls {
    size: u64,
    /// The tally's number of healthy calls up to which they are in the runs, or were never meant for them.
    seen: u64,
    runs: VecDeque<Run>,
    totals: Totals,
}

/// Only the youngest run may be without a mark yet.
#[derive(Debug, Clone, Copy)]
struct Run {
    successes: u64,
    mark: Option<Mark>,
}

impl Calls {
    pub(super) fn new(size: u32) -> Self {
        Self { size: size.max(1).into(), seen: 0, runs: VecDeque::new(), totals: Totals::default() }
    }

    /// A marked call; `healthy` is the tally's number, which only grows.
    pub(super) fn record(&mut self, healthy: u64, mark: Mark) -> Totals {
        self.absorb(healthy);
        self.mark(mark);
        self.trim();
        self.totals
    }

    pub(super) fn totals(&mut self, healthy: u64) -> Totals {
        self.absorb(healthy);
        self.trim();
        self.totals
    }

    pub(super) fn clear(&mut self, healthy: u64) {
        self.seen = healthy;
        self.totals = Totals::default();
        self.runs.clear();
    }

    pub(super) fn resize(&mut self, size: u32, healthy: u64) {
        // What has slid out of the old window does not come back into a longer one.
        self.totals(healthy);
        self.size = size.max(1).into();
        self.trim();
    }

    /// Begins with what another kind of window knew: its successes as the oldest calls, then its
    /// marks, and of those the failures as the youngest.
    pub(super) fn carry(&mut self, totals: Totals, healthy: u64) {
        self.clear(healthy);
        let marks = totals.failures.max(totals.slow);
        self.successes(totals.calls.saturating_sub(marks));
        for left in (1..=marks.min(self.size)).rev() {
            self.mark(Mark { failed: left <= totals.failures, slow: left <= totals.slow });
        }
        self.trim();
    }

    /// Takes in what was counted since the last time.
    fn absorb(&mut self, healthy: u64) {
        self.successes(healthy.wrapping_sub(self.seen));
        self.seen = healthy;
    }

    fn successes(&mut self, count: u64) {
        self.totals.calls += count;
        match self.runs.back_mut() {
            Some(Run { successes, mark: None }) => *successes += count,
            _ => self.runs.push_back(Run { successes: count, mark: None }),
        }
    }

    fn mark(&mut self, mark: Mark) {
        self.totals.add(mark.into());
        match self.runs.back_mut() {
            Some(run) if run.mark.is_none() => run.mark = Some(mark),
            _ => self.runs.push_back(Run { successes: 0, mark: Some(mark) }),
        }
    }

    fn trim(&mut self) {
        while let Some(run) = self.runs.front_mut()
            && self.totals.calls > self.size
        {
            let gone = run.successes.min(self.totals.calls - self.size);
            run.successes -= gone;
            self.totals.calls -= gone;
            if self.totals.calls > self.size {
                // Its successes are gone and one more must go: its mark.
                let mark = run.mark;
                self.runs.pop_front();
                if let Some(mark) = mark {
                    self.totals.remove(mark.into());
                }
            }
        }
    }

    #[cfg(test)]
    pub(super) fn runs(&self) -> usize {
        self.runs.len()
    }
}
