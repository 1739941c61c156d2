//! The generic cell rate algorithm (ITU-T I.371, "virtual scheduling"): one number, the theoretical arrival time
//! of the next call if calls came evenly, says everything about a rate and its bursts. All in nanoseconds since
//! the limit was made, so the number ends after 584 years.

use std::sync::atomic::{AtomicU64, Ordering};

#[derive(Debug)]
pub(super) struct Gcra {
    arrival: AtomicU64,
    /// Between two calls that come evenly.
    interval: u64,
    /// How many may come at once after a pause.
    burst: u32,
}

/// A turn that was given out; `from` is the moment when it may be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Turn {
    pub(super) from: u64,
    advance: u64,
    arrival: u64,
}

impl Gcra {
    /// An interval of zero would be no limit, so it is at least a nanosecond; and a full burst spans at most
    /// `LONGEST`, so that the sums below cannot wrap or saturate into "now".
    pub(super) fn new(interval: u64, burst: u32) -> Self {
        let burst = burst.max(1);
        Self { arrival: AtomicU64::new(0), interval: interval.clamp(1, LONGEST / u64::from(burst)), burst }
    }

    /// A turn that may be used within `patience`; otherwise nothing is taken, and the wait that it would be is
    /// given back. A cost above the burst counts as the whole burst, or it could never pass.
    pub(super) fn take(&self, now: u64, cost: u32, patience: u64) -> Result<Turn, u64> {
        let advance = self.span(cost.min(self.burst));
        let mut arrival = self.arrival.load(Ordering::Relaxed);
        loop {
            let next = arrival.max(now).saturating_add(advance);
            // What is ahead of the clock by more than the burst has to wait.
            let from = next.saturating_sub(self.span(self.burst)).max(now);
            let wait = from - now;
            if wait > patience {
                return Err(wait);
            }
            // One number and nothing behind it: no ordering is needed.
            match self.arrival.compare_exchange_weak(arrival, next, Ordering::Relaxed, Ordering::Relaxed) {
                Ok(_) => return Ok(Turn { from, advance, arrival: next }),
                Err(current) => arrival = current,
            }
        }
    }

    /// Gives back a turn that was not used. Only the last one can be: later ones are already promised.
    pub(super) fn give_back(&self, turn: Turn) {
        let before = turn.arrival - turn.advance;
        // A failure means that somebody is behind us; then the turn is lost, which keeps the rate.
        let _ = self.arrival.compare_exchange(turn.arrival, before, Ordering::Relaxed, Ordering::Relaxed);
    }

    /// How many calls could begin now.
    pub(super) fn available(&self, now: u64) -> u32 {
        let ahead = self.arrival.load(Ordering::Relaxed).saturating_sub(now);
        let free = self.span(self.burst).saturating_sub(ahead) / self.interval;
        u32::try_from(free).unwrap_or(u32::MAX).min(self.burst)
    }

    fn span(&self, calls: u32) -> u64 {
        self.interval.saturating_mul(u64::from(calls))
    }
}

/// 146 years.
const LONGEST: u64 = 1 << 62;
