//! One model's state, and the only ways to change it. Everything here is quick and never waits.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use steadfast::{Breaker, BreakerState, CancelToken, Error};
use steadfast_contract::model::{Failure, ModelInfo, ModelPhase, ModelStatus, Progress};
use tokio::{sync::watch, time::Instant};

use super::{
    moves::{self, Signal},
    progress::{self, Plan},
    runner::{Running, Step},
};
use crate::{catalog::Entry, download::News};

/// One model of the host.
#[derive(Debug)]
pub(super) struct Slot {
    pub(super) entry: Entry,
    /// What the entry says of the model, made once: every question looks at it.
    pub(super) info: ModelInfo,
    pub(super) breaker: Breaker,
    state: Mutex<State>,
    /// Rings whenever any model of the host changed.
    bell: watch::Sender<()>,
}

#[derive(Debug)]
pub(super) struct State {
    pub(super) phase: ModelPhase,
    progress: Option<Progress>,
    plan: Plan,
    pub(super) error: Option<Failure>,
    note: Option<String>,
    /// Ends the load, and later the worker.
    pub(super) life: Option<CancelToken>,
    /// Counts loads: news of an earlier one are ignored.
    pub(super) load: u64,
    pub(super) running: Option<Arc<dyn Running>>,
    /// A person stopped the last load: only a person starts the next.
    pub(super) stopped_by_a_person: bool,
    pub(super) answers: u32,
    pub(super) last_used: Instant,
    /// Counts changes, for readers.
    version: u64,
}

impl Slot {
    pub(super) fn new(entry: Entry, breaker: Breaker, bell: watch::Sender<()>, now: Instant) -> Self {
        let state = State {
            phase: ModelPhase::Idle,
            progress: None,
            plan: Plan::OnDisk,
            error: None,
            note: None,
            life: None,
            load: 0,
            running: None,
            stopped_by_a_person: false,
            answers: 0,
            last_used: now,
            version: 0,
        };
        Self { info: entry.info(), entry, breaker, state: Mutex::new(state), bell }
    }

    pub(super) fn look<T>(&self, read: impl FnOnce(&State) -> T) -> T {
        read(&self.lock())
    }

    /// Changes the state and tells every reader.
    pub(super) fn change<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        let mut state = self.lock();
        let result = change(&mut state);
        self.tell_readers(state);
        result
    }

    /// As [`Self::change`], if load number `load` is still the current one.
    pub(super) fn change_load(&self, load: u64, change: impl FnOnce(&mut State)) {
        let mut state = self.lock();
        if state.load == load {
            change(&mut state);
            self.tell_readers(state);
        }
    }

    fn tell_readers(&self, mut state: MutexGuard<'_, State>) {
        state.version += 1;
        drop(state);
        self.bell.send_replace(());
    }

    pub(super) fn hear(&self, load: u64, news: &News) {
        self.change_load(load, |state| state.hear(news));
    }

    /// An answer begins or ends. Nothing that people see changes, so no reader is told.
    pub(super) fn count_answer(&self, count: impl FnOnce(u32) -> u32, now: Instant) {
        let mut state = self.lock();
        (state.answers, state.last_used) = (count(state.answers), now);
    }

    pub(super) fn version(&self) -> u64 {
        self.look(|state| state.version)
    }

    pub(super) fn status(&self, on_disk: bool, does_not_fit: Option<String>) -> ModelStatus {
        let resting_seconds = match self.breaker.state() {
            BreakerState::Open { retry_after, .. } => Some(retry_after.as_secs_f64()),
            _ => None,
        };
        self.look(|state| ModelStatus {
            info: self.entry.info(),
            phase: state.phase,
            progress: state.progress.clone(),
            error: state.error.clone(),
            note: state.note.clone(),
            on_disk,
            does_not_fit,
            resting_seconds,
        })
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Makes a move of the table; an illegal one changes nothing and says so.
    pub(super) fn apply(&mut self, signal: Signal) -> bool {
        let Some(next) = moves::after(self.phase, signal) else { return false };
        if next != self.phase {
            self.phase = next;
            if let Some(line) = &mut self.progress {
                progress::enter(line, self.plan, next);
            }
        }
        true
    }

    /// A load begins; gives its number.
    pub(super) fn begin(&mut self, plan: Plan, life: CancelToken) -> u64 {
        let first = if plan == Plan::OnDisk { Signal::Verify } else { Signal::Download };
        self.apply(first);
        (self.plan, self.progress, self.note) = (plan, Some(progress::at_the_beginning(self.phase)), None);
        (self.life, self.stopped_by_a_person) = (Some(life), false);
        self.load += 1;
        self.load
    }

    pub(super) fn hear_runner(&mut self, step: Step) {
        match (step, &mut self.progress) {
            (Step::Loading(fraction), Some(line)) => progress::advance(line, self.plan, self.phase, fraction),
            (Step::Loading(_), None) => {}
            (Step::WarmingUp, _) => {
                self.apply(Signal::WarmUp);
            }
            (Step::Trouble(note), _) => self.note = Some(note),
            (Step::Mended, _) => self.note = None,
        }
    }

    pub(super) fn finish(&mut self, running: Arc<dyn Running>, now: Instant) {
        // A runner need not say that it warms up.
        self.apply(Signal::WarmUp);
        if self.apply(Signal::Finish) {
            (self.running, self.error, self.note, self.last_used) = (Some(running), None, None, now);
        }
    }

    pub(super) fn fail(&mut self, signal: Signal, error: &Error) {
        if self.apply(signal) {
            self.error = Some(Failure::behind(error));
            self.let_go();
        }
    }

    /// Back to rest: nothing is under way and nothing is held.
    pub(super) fn rest(&mut self, signal: Signal) -> bool {
        let moved = self.apply(signal);
        if moved {
            self.let_go();
        }
        moved
    }

    /// Forgets the worker and everything that was shown about the load.
    fn let_go(&mut self) {
        (self.progress, self.note, self.life, self.running) = (None, None, None, None);
        self.load += 1;
    }

    fn hear(&mut self, news: &News) {
        match news {
            News::Downloading(_) => self.apply(Signal::Download),
            News::Verifying { .. } => self.apply(Signal::Verify),
            News::Source(_) | News::Attempt(_) | News::Note(_) => true,
        };
        let Some(line) = &mut self.progress else { return };
        progress::note_news(line, self.plan, news);
        match news {
            News::Note(note) => self.note = Some(note.clone()),
            // "Trying again" is over once bytes come; why another source is used stays interesting.
            News::Downloading(reading) if line.attempt > 1 && reading.bytes_per_second.is_some() => self.note = None,
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use steadfast::Clock;

    use super::*;
    use crate::catalog::Catalog;

    #[test]
    fn late_news_of_a_cancelled_load_are_not_shown() {
        let entry = Catalog::built_in().unwrap().default_entry().unwrap().clone();
        let slot = Slot::new(entry, Breaker::consecutive(1), watch::Sender::new(()), Clock::manual().now());
        let life = || CancelToken::root("test");
        let first = slot.change(|state| state.begin(Plan::WithDownload, life()));
        slot.change(|state| state.rest(Signal::Cancel));
        slot.hear(first, &News::Note("late".to_owned()));
        assert_eq!(slot.status(false, None).note, None);

        let second = slot.change(|state| state.begin(Plan::WithDownload, life()));
        slot.hear(first, &News::Verifying { done: 1, total: 1 });
        assert_eq!(slot.status(false, None).phase, ModelPhase::Downloading);
        slot.hear(second, &News::Verifying { done: 1, total: 1 });
        assert_eq!(slot.status(false, None).phase, ModelPhase::Verifying);
    }
}
