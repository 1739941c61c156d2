//! Counted places with a queue, the heart of `Bulkhead` and `AdaptiveLimit`. One atomic word holds the places
//! taken (lower half) and the waiting (upper half); taking and giving back is one compare-and-swap while nobody
//! waits. Not tokio's semaphore, whose every release takes a lock. Invariants, checked by `tests/loom_places.rs`:
//! 1. `waiting` and `limit` change only under the lock, and so does `taken` while somebody waits.
//! 2. Whoever joins the queue found no free place under the lock, so a place that comes free later is seen.
//! 3. A place that comes free goes to the longest waiting; nobody overtakes. Wakers run outside the lock.

use crate::sync::{AtomicU32, AtomicU64, Mutex, MutexGuard, Ordering};
use std::{
    collections::BTreeMap,
    sync::PoisonError,
    task::{Poll, Waker},
};

mod claim;
mod entering;

pub(super) use claim::Claim;
pub(super) use entering::Entering;

#[derive(Debug)]
pub(super) struct Places {
    word: AtomicU64,
    limit: AtomicU32,
    max_waiting: u32,
    queue: Mutex<Queue>,
}

#[derive(Debug, Default)]
struct Queue {
    next_ticket: u64,
    /// In the order of arrival. Whoever is not in it any more was given a place.
    waiting: BTreeMap<u64, Waker>,
}

/// A number in the queue.
pub(super) type Ticket = u64;

/// What somebody gets who asks for a place.
pub(super) enum Asked {
    Taken,
    Waiting(Ticket),
    Full,
}

impl Places {
    pub(super) fn new(limit: u32, max_waiting: u32) -> Self {
        Self { word: AtomicU64::new(0), limit: AtomicU32::new(limit), max_waiting, queue: Mutex::new(Queue::default()) }
    }

    pub(super) fn limit(&self) -> u32 {
        self.limit.load(Ordering::Acquire)
    }

    pub(super) fn taken(&self) -> u32 {
        taken(self.word.load(Ordering::Acquire))
    }

    pub(super) fn waiting(&self) -> u32 {
        waiting(self.word.load(Ordering::Acquire))
    }

    pub(super) fn max_waiting(&self) -> u32 {
        self.max_waiting
    }

    /// Takes a place if one is free and nobody waits for it.
    pub(super) fn try_take(&self) -> bool {
        let mut word = self.word.load(Ordering::Acquire);
        while waiting(word) == 0 && taken(word) < self.limit() {
            match self.word.compare_exchange_weak(word, word + ONE_TAKEN, Ordering::AcqRel, Ordering::Acquire) {
                Ok(_) => return true,
                Err(now) => word = now,
            }
        }
        false
    }

    /// Takes a place, or a number in the queue, or neither.
    pub(super) fn ask(&self, waker: &Waker) -> Asked {
        if self.try_take() {
            return Asked::Taken;
        }
        let waker = waker.clone();
        let mut queue = self.lock();
        loop {
            if self.try_take() {
                return Asked::Taken;
            }
            let word = self.word.load(Ordering::Acquire);
            if waiting(word) == 0 && taken(word) < self.limit() {
                continue; // it came free just now
            }
            if waiting(word) >= self.max_waiting {
                return Asked::Full;
            }
            let joined = word + ONE_WAITING;
            if self.word.compare_exchange(word, joined, Ordering::AcqRel, Ordering::Acquire).is_ok() {
                let ticket = queue.next_ticket;
                queue.next_ticket += 1;
                queue.waiting.insert(ticket, waker);
                return Asked::Waiting(ticket);
            }
        }
    }

    /// Whether the place has come. Ready means: taken, give it back.
    pub(super) fn poll_ticket(&self, ticket: Ticket, waker: &Waker) -> Poll<()> {
        let waker = waker.clone();
        let mut queue = self.lock();
        let Some(entry) = queue.waiting.get_mut(&ticket) else { return Poll::Ready(()) };
        let old = std::mem::replace(entry, waker);
        drop(queue);
        drop(old);
        Poll::Pending
    }

    /// Leaves the queue, or passes on the place that came meanwhile.
    pub(super) fn leave(&self, ticket: Ticket) {
        let mut queue = self.lock();
        let waker = queue.waiting.remove(&ticket);
        if waker.is_some() {
            self.word.fetch_sub(ONE_WAITING, Ordering::AcqRel);
        }
        drop(queue);
        if waker.is_none() {
            self.give_back();
        }
    }

    /// Gives a place back: to the longest waiting, if the limit still allows.
    pub(super) fn give_back(&self) {
        let mut word = self.word.load(Ordering::Acquire);
        loop {
            if waiting(word) > 0 {
                if let Some(next) = self.hand_over() {
                    return next.into_iter().for_each(Waker::wake);
                }
                word = self.word.load(Ordering::Acquire);
                continue;
            }
            match self.word.compare_exchange_weak(word, word - ONE_TAKEN, Ordering::AcqRel, Ordering::Acquire) {
                Ok(_) => return,
                Err(now) => word = now,
            }
        }
    }

    /// Gives a place to the next in the queue: `None` when there is no queue any more, `Some(None)` when the
    /// limit shrank below what is taken.
    fn hand_over(&self) -> Option<Option<Waker>> {
        let mut queue = self.lock();
        let word = self.word.load(Ordering::Acquire);
        if waiting(word) == 0 {
            return None;
        }
        if taken(word) > self.limit() {
            self.word.fetch_sub(ONE_TAKEN, Ordering::AcqRel);
            return Some(None);
        }
        let next = queue.waiting.pop_first().map(|(_, waker)| waker);
        self.word.fetch_sub(ONE_WAITING, Ordering::AcqRel);
        Some(next)
    }

    /// Changes the limit; more places go to the waiting at once, fewer take effect as places are given back.
    /// `change` runs under the lock and must be short.
    pub(super) fn change_limit(&self, change: impl FnOnce(u32) -> u32) {
        let queue = self.lock();
        self.change_locked(queue, change);
    }

    /// The same, or nothing when somebody else is just busy with the queue.
    pub(super) fn try_change_limit(&self, change: impl FnOnce(u32) -> u32) {
        if let Ok(queue) = self.queue.try_lock() {
            self.change_locked(queue, change);
        }
    }

    fn change_locked(&self, mut queue: MutexGuard<'_, Queue>, change: impl FnOnce(u32) -> u32) {
        let old = self.limit();
        let limit = change(old);
        if limit == old {
            return;
        }
        self.limit.store(limit, Ordering::Release);
        let mut served = Vec::new();
        loop {
            let word = self.word.load(Ordering::Acquire);
            if waiting(word) == 0 || taken(word) >= limit {
                break;
            }
            self.word.fetch_sub(ONE_WAITING - ONE_TAKEN, Ordering::AcqRel);
            served.extend(queue.waiting.pop_first());
        }
        drop(queue);
        served.into_iter().for_each(|(_, waker)| waker.wake());
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        // Nothing that can panic half-way runs under the lock, so a poisoned queue is still whole.
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

const ONE_TAKEN: u64 = 1;
const ONE_WAITING: u64 = 1 << 32;

/// The lower half.
fn taken(word: u64) -> u32 {
    word as u32
}

/// The upper half.
fn waiting(word: u64) -> u32 {
    (word >> 32) as u32
}
