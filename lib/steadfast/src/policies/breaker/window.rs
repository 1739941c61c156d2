//! What happened lately. The healthy calls come out of the tally; what failed or was slow is written here, under
//! the breaker's lock. Surprise: it is judged only when a call fails or is slow, because a success never raises a rate.

use super::{
    settings::Span,
    tally::{Scale, Tally},
};
use calls::Calls;
use std::time::Duration;
use time::Time;

mod calls;
mod time;

#[derive(Debug)]
pub(super) enum Window {
    /// No rate is asked for.
    Off,
    Calls(Calls),
    Time(Box<Time>),
}

/// The calls in a window.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Totals {
    pub(super) calls: u64,
    pub(super) failures: u64,
    pub(super) slow: u64,
}

/// A call that was not healthy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Mark {
    pub(super) failed: bool,
    pub(super) slow: bool,
}

impl Window {
    /// An empty window, and how the healthy calls must be counted for it.
    pub(super) fn new(span: Option<Span>, edition: u64) -> (Self, Scale) {
        match span {
            None => (Self::Off, Scale::OFF),
            Some(Span::Calls(size)) => (Self::Calls(Calls::new(size)), Scale::CALLS),
            Some(Span::Time(length)) => {
                let scale = Scale::time(bucket(length), edition);
                (Self::Time(Box::new(Time::new(scale))), scale)
            }
        }
    }

    /// Writes down a call that was not healthy; what is in the window then.
    pub(super) fn record(&mut self, tally: &Tally, now: impl FnOnce() -> u64, mark: Mark) -> Totals {
        match self {
            Self::Off => Totals::default(),
            Self::Calls(calls) => calls.record(tally.calls(), mark),
            Self::Time(time) => time.record(tally, now(), mark),
        }
    }

    /// What is in the window now.
    pub(super) fn totals(&mut self, tally: &Tally, now: u64) -> Totals {
        match self {
            Self::Off => Totals::default(),
            Self::Calls(calls) => calls.totals(tally.calls()),
            Self::Time(time) => time.totals(tally, now),
        }
    }

    /// Forgets everything.
    pub(super) fn clear(&mut self, tally: &Tally, now: impl FnOnce() -> u64) {
        match self {
            Self::Off => {}
            Self::Calls(calls) => calls.clear(tally.calls()),
            Self::Time(time) => time.clear(tally, now()),
        }
    }

    /// Becomes a window over another span, and keeps what is in it. Between two kinds of windows the calls keep
    /// their number and count as young.
    pub(super) fn change(&mut self, span: Option<Span>, edition: u64, tally: &Tally, now: u64) {
        if let (Self::Calls(calls), Some(Span::Calls(size))) = (&mut *self, span) {
            calls.resize(size, tally.calls());
            return;
        }
        let totals = self.totals(tally, now);
        let (next, scale) = Self::new(span, edition);
        tally.switch(scale);
        *self = next;
        match self {
            Self::Off => {}
            Self::Calls(calls) => calls.carry(totals, tally.calls()),
            Self::Time(time) => time.carry(totals, now),
        }
    }
}

impl Totals {
    fn add(&mut self, other: Self) {
        self.calls += other.calls;
        self.failures += other.failures;
        self.slow += other.slow;
    }

    fn remove(&mut self, other: Self) {
        self.calls -= other.calls;
        self.failures -= other.failures;
        self.slow -= other.slow;
    }
}

impl From<Mark> for Totals {
    fn from(mark: Mark) -> Self {
        Self { calls: 1, failures: mark.failed.into(), slow: mark.slow.into() }
    }
}

/// A tenth of the window, rounded up so that ten of them cover it.
fn bucket(window: Duration) -> u64 {
    u64::try_from(window.as_nanos().div_ceil(super::tally::BUCKETS as u128)).unwrap_or(u64::MAX)
}

#[cfg(all(test, not(loom)))]
mod tests;
