//! The bucket itself: two words, no lock. Whoever moves the second word forward owns the time in between and alone
//! adds its tokens, so no moment is granted twice.

use std::sync::atomic::{AtomicU64, Ordering};
use tokio::time::Instant;

#[derive(Debug)]
pub(super) struct Level {
    tokens: AtomicU64,
    start: Instant,
    /// Until when time was turned into tokens, in milliseconds since `start`.
    granted_ms: AtomicU64,
}

impl Level {
    pub(super) fn full(capacity: u64, start: Instant) -> Self {
        Self { tokens: AtomicU64::new(capacity), start, granted_ms: AtomicU64::new(0) }
    }

    pub(super) fn get(&self) -> u64 {
        self.tokens.load(Ordering::Relaxed)
    }

    pub(super) fn take(&self, cost: u64) -> bool {
        // Relaxed everywhere: the word itself is all that is shared, nothing is published through it.
        self.tokens.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |tokens| tokens.checked_sub(cost)).is_ok()
    }

    /// Writes nothing when it is full.
    pub(super) fn add(&self, tokens: u64, capacity: u64) {
        let fill = |level: u64| (level < capacity).then(|| level.saturating_add(tokens).min(capacity));
        // Full is no failure.
        let _level = self.tokens.fetch_update(Ordering::Relaxed, Ordering::Relaxed, fill);
    }

    pub(super) fn grant(&self, per_ms: u64, capacity: u64, now: Instant) {
        let now_ms = u64::try_from(now.saturating_duration_since(self.start).as_millis()).unwrap_or(u64::MAX);
        let earlier_ms = self.granted_ms.fetch_max(now_ms, Ordering::Relaxed);
        if earlier_ms < now_ms {
            self.add(per_ms.saturating_mul(now_ms - earlier_ms), capacity);
        }
    }
}
