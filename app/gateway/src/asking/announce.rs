//! Turns what the retry policy reports into announcements that a person can read: who is asked, which attempt of
//! how many, how long until it is sent, and why the one before failed.

use std::{
    fmt::Debug,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use steadfast::{Attempt, Clock, Error, Event, Sink};
use steadfast_contract::{chunk::Status, model::Failure};
use tokio::time::Instant;

use super::Question;

/// Somebody who wants to know how an answer comes about.
pub(crate) trait Listener: Send + Sync {
    /// An attempt begins now, or after `wait`.
    fn attempt(&self, attempted: Attempted);

    fn status(&self, status: Status);

    /// Whether somebody sees what is waited for. Whoever does not is better served by an error soon, which says when
    /// to come again.
    fn sees_the_wait(&self) -> bool {
        true
    }
}

/// When in an answer's life an attempt is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Moment {
    #[default]
    BeforeContent,
    /// The reader has some of the answer already.
    MidAnswer,
}

#[derive(Debug, Clone)]
pub(crate) struct Attempted {
    pub(crate) moment: Moment,
    pub(crate) target: String,
    pub(crate) attempt: u32,
    pub(crate) of: u32,
    pub(crate) wait: Duration,
    /// Why the attempt before failed.
    pub(crate) cause: Option<Failure>,
}

/// For callers that hear only the answer.
#[derive(Debug)]
pub(crate) struct Unheard;

impl Listener for Unheard {
    fn attempt(&self, _: Attempted) {}

    fn status(&self, _: Status) {}

    fn sees_the_wait(&self) -> bool {
        false
    }
}

pub(super) struct Announcer {
    target: String,
    moment: Moment,
    listener: Arc<dyn Listener>,
    cause: Mutex<Option<Failure>>,
    clock: Clock,
    /// When the next attempt was to begin.
    due: Mutex<Option<Instant>>,
}

impl Announcer {
    pub(super) fn new(target: String, question: &Question, listener: Arc<dyn Listener>, clock: Clock) -> Self {
        let (moment, cause) = (question.moment, Mutex::new(question.cause.clone()));
        Self { target, moment, listener, cause, clock, due: Mutex::default() }
    }

    /// Whether somebody ended the wait before this attempt.
    pub(super) fn was_hurried(&self) -> bool {
        let due = self.due.lock().unwrap_or_else(PoisonError::into_inner).take();
        due.is_some_and(|due| due > self.clock.now())
    }

    pub(super) fn begins(&self, attempt: Attempt) {
        self.announce(attempt.number, attempt.of, Duration::ZERO);
    }

    pub(super) fn failed(&self, error: &Error) {
        *self.cause.lock().unwrap_or_else(PoisonError::into_inner) = Some(Failure::from(error));
    }

    pub(super) fn status(&self, status: Status) {
        self.listener.status(status);
    }

    fn announce(&self, attempt: u32, of: u32, wait: Duration) {
        let cause = self.cause.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let (moment, target) = (self.moment, self.target.clone());
        self.listener.attempt(Attempted { moment, target, attempt, of, wait, cause });
    }
}

impl Sink for Announcer {
    fn emit(&self, event: &Event) {
        if let Event::RetryScheduled { attempt, of, delay, .. } = event {
            *self.due.lock().unwrap_or_else(PoisonError::into_inner) = Some(self.clock.now() + *delay);
            self.announce(*attempt + 1, *of, *delay); // the event names the attempt that failed
        }
    }
}

impl Debug for Announcer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Announcer").field("target", &self.target).finish_non_exhaustive()
    }
}
