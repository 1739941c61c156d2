//! Moves the limit. Everything that it decides, it decides under the lock of the places, so that two changes never
//! cross; a success by the AIMD rule only counts, and takes that lock once per window.

use super::gradient::Gradient;
use crate::{Clock, policies::places::Places};
use std::{
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};
use tokio::time::Instant;

#[derive(Debug, Clone, Copy)]
pub(super) enum Rule {
    Aimd,
    Gradient,
}

#[derive(Debug)]
pub(super) struct Learner {
    min: u32,
    max: u32,
    /// How often it shrank. What began before the last time met a limit that is no more.
    epoch: AtomicU32,
    /// In this window, by the AIMD rule.
    successes: AtomicU32,
    /// Never waited for: it is only taken under the lock of the places.
    gradient: Option<Mutex<Gradient>>,
}

/// What is remembered of a call from its beginning.
#[derive(Debug, Clone, Copy)]
pub(super) struct Begun {
    epoch: u32,
    at: Option<Instant>,
}

/// From and to.
type Change = Option<(u32, u32)>;

impl Begun {
    pub(super) fn so_far(&self, clock: &Clock) -> Option<Duration> {
        self.at.map(|at| clock.now().saturating_duration_since(at))
    }
}

impl Learner {
    pub(super) fn new(rule: Rule, start: u32, min: u32, max: u32) -> Self {
        let gradient = match rule {
            Rule::Aimd => None,
            Rule::Gradient => Some(Mutex::new(Gradient::new(start))),
        };
        Self { min, max, epoch: AtomicU32::new(0), successes: AtomicU32::new(0), gradient }
    }

    pub(super) fn begin(&self, clock: &Clock) -> Begun {
        let at = self.gradient.as_ref().map(|_| clock.now());
        Begun { epoch: self.epoch.load(Ordering::Acquire), at }
    }

    pub(super) fn succeeded(&self, places: &Places, took: Option<Duration>) -> Change {
        match (&self.gradient, took) {
            (Some(gradient), Some(took)) => self.follow(gradient, places, took),
            _ => self.count(places),
        }
    }

    /// One more after a window of successes, in which the limit was in use.
    fn count(&self, places: &Places) -> Change {
        let limit = places.limit();
        let in_use = places.taken().saturating_mul(2) >= limit;
        if limit >= self.max || !in_use || self.successes.fetch_add(1, Ordering::AcqRel) + 1 < limit {
            return None;
        }
        let mut change = None;
        places.change_limit(|limit| {
            if self.successes.load(Ordering::Acquire) < limit || limit >= self.max {
                return limit; // somebody was faster
            }
            self.successes.store(0, Ordering::Release);
            note(&mut change, limit, limit + 1)
        });
        change
    }

    fn follow(&self, gradient: &Mutex<Gradient>, places: &Places, took: Duration) -> Change {
        let mut change = None;
        places.try_change_limit(|limit| {
            let mut gradient = gradient.lock().unwrap_or_else(PoisonError::into_inner);
            note(&mut change, limit, gradient.sample(took.as_secs_f64(), places.taken(), self.min, self.max))
        });
        change
    }

    /// Less, unless this call met an older limit.
    pub(super) fn overloaded(&self, places: &Places, begun: Begun) -> Change {
        let mut change = None;
        places.change_limit(|limit| {
            if self.epoch.load(Ordering::Acquire) != begun.epoch {
                return limit;
            }
            self.epoch.store(begun.epoch.wrapping_add(1), Ordering::Release);
            self.successes.store(0, Ordering::Release);
            let less = ((f64::from(limit) * BACK_OFF) as u32).max(self.min);
            if let Some(gradient) = &self.gradient {
                gradient.lock().unwrap_or_else(PoisonError::into_inner).set(less);
            }
            note(&mut change, limit, less)
        });
        change
    }
}

fn note(change: &mut Change, from: u32, to: u32) -> u32 {
    *change = (from != to).then_some((from, to));
    to
}

/// Gentler than TCP's one half: a rate limit is a clear word, sent while the target is still well.
const BACK_OFF: f64 = 0.7;
