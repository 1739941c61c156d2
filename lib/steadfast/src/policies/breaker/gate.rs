//! The word that every call reads: the generation (upper half) and the failures in a row or the phase (lower
//! half), so that a closed breaker costs a healthy call one load. Every move starts a new generation, and a call
//! of an older one is not judged any more. Surprise: only the holder of the breaker's lock moves the gate; a
//! success may only set the failures to zero.

use crate::sync::{AtomicU64, Ordering};

#[derive(Debug)]
pub(super) struct Gate {
    word: AtomicU64,
    /// Until when nobody needs to ask under the lock, in nanoseconds of the breaker's time.
    refusing_until: AtomicU64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    Closed,
    Open,
    HalfOpen,
    Isolated,
}

/// What a success found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Found {
    /// The generation is over; the call is not judged any more.
    Over,
    Closed,
    /// The call is a probe.
    Probing,
}

impl Gate {
    pub(super) fn closed() -> Self {
        Self { word: AtomicU64::new(0), refusing_until: AtomicU64::new(0) }
    }

    /// The generation, when calls pass: the only question of most calls on their way in.
    #[inline]
    pub(super) fn open_to_all(&self) -> Option<u32> {
        let word = self.word.load(Ordering::Acquire);
        (lower(word) <= MOST_FAILURES).then_some(generation(word))
    }

    /// Whether this generation is closed and nothing failed lately: the only question of most successes.
    #[inline]
    pub(super) fn is_quiet(&self, of: u32) -> bool {
        self.word.load(Ordering::Acquire) == join(of, 0)
    }

    pub(super) fn phase(&self) -> (u32, Phase) {
        let word = self.word.load(Ordering::Acquire);
        (generation(word), phase(word))
    }

    pub(super) fn generation(&self) -> u32 {
        generation(self.word.load(Ordering::Acquire))
    }

    pub(super) fn refusing_until(&self) -> u64 {
        self.refusing_until.load(Ordering::Acquire)
    }

    /// The path of every healthy call: without a lock, and without a write when nothing failed before.
    pub(super) fn forget_failures(&self, of: u32) -> Found {
        let mut word = self.word.load(Ordering::Acquire);
        loop {
            if generation(word) != of {
                return Found::Over;
            }
            if phase(word) != Phase::Closed {
                return Found::Probing;
            }
            if lower(word) == 0 {
                return Found::Closed;
            }
            match self.word.compare_exchange_weak(word, join(of, 0), Ordering::AcqRel, Ordering::Acquire) {
                Ok(_) => return Found::Closed,
                Err(changed) => word = changed,
            }
        }
    }

    /// One failure more; how many in a row that makes. Under the lock, while closed.
    pub(super) fn count_failure(&self) -> u32 {
        let most = |word: u64| (lower(word) < MOST_FAILURES).then_some(word + 1);
        match self.word.fetch_update(Ordering::AcqRel, Ordering::Acquire, most) {
            Ok(before) => lower(before) + 1,
            Err(full) => lower(full),
        }
    }

    /// Starts a new generation. Under the lock.
    pub(super) fn shift(&self, to: Phase, refusing_until: u64) {
        // Before the word, so that whoever sees the phase sees its end too.
        self.refuse_until(refusing_until);
        // Read and written in one, or a success that forgets at this moment could be read after it (loom found that).
        let next = |word| Some(join(generation(word).wrapping_add(1), mark(to)));
        // It always gives a word, so it never fails.
        let _before = self.word.fetch_update(Ordering::AcqRel, Ordering::Acquire, next);
    }

    /// Under the lock.
    pub(super) fn refuse_until(&self, moment: u64) {
        self.refusing_until.store(moment, Ordering::Release);
    }
}

fn generation(word: u64) -> u32 {
    (word >> 32) as u32
}

fn lower(word: u64) -> u32 {
    (word & u64::from(u32::MAX)) as u32
}

fn join(generation: u32, lower: u32) -> u64 {
    u64::from(generation) << 32 | u64::from(lower)
}

fn phase(word: u64) -> Phase {
    match lower(word) {
        OPEN => Phase::Open,
        HALF_OPEN => Phase::HalfOpen,
        ISOLATED => Phase::Isolated,
        _ => Phase::Closed,
    }
}

fn mark(phase: Phase) -> u32 {
    match phase {
        Phase::Closed => 0,
        Phase::Open => OPEN,
        Phase::HalfOpen => HALF_OPEN,
        Phase::Isolated => ISOLATED,
    }
}

const OPEN: u32 = u32::MAX;
const HALF_OPEN: u32 = u32::MAX - 1;
const ISOLATED: u32 = u32::MAX - 2;

/// Failures in a row are counted no further than this, so that they never look like a phase.
pub(super) const MOST_FAILURES: u32 = u32::MAX - 3;
