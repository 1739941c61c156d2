//! One question's way through its targets: whose turn it is, how patiently, and what is left when nobody answered.
//!
//! The order comes from the library (`Fallback` as listed, `Ranked` as measured). Surprise: what is handed to it says
//! "try elsewhere" for every error that another target may mend, also a refused key; the errors as they were are kept
//! here, and the last of them is what the caller hears.

use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use steadfast::{Call, Code, Error, Fallback, RetryAdvice};

use super::{
    Asker, Listener, Opened, Question,
    patience::{self, Patience, is_the_callers_own},
};
use crate::routing::Target;

pub(super) struct Course<'a> {
    asker: &'a Asker,
    question: &'a Question,
    call: &'a Call,
    listener: Arc<dyn Listener>,
    past: Mutex<Past>,
}

#[derive(Default)]
struct Past {
    tried: Vec<usize>,
    /// Asked quickly only, and might answer given time.
    unfinished: Vec<usize>,
    last: Option<Error>,
    /// The last was asked with all patience that we have.
    spent: bool,
}

/// A target by its place, with a name for events.
#[derive(Debug)]
struct Turn {
    place: usize,
    name: String,
}

impl<'a> Course<'a> {
    pub(super) fn new(asker: &'a Asker, question: &'a Question, call: &'a Call, listener: Arc<dyn Listener>) -> Self {
        Self { asker, question, call, listener, past: Mutex::default() }
    }

    pub(super) async fn run(&self) -> Result<Opened, Error> {
        if let Some(answered) = self.last_resort().await {
            return answered;
        }
        match self.one_after_another().await {
            Ok(opened) => Ok(opened),
            Err(error) => self.once_more(error).await,
        }
    }

    /// When everybody rests: one question tries the one that rests the shortest, everybody else hears how long.
    async fn last_resort(&self) -> Option<Result<Opened, Error>> {
        let targets = &self.question.targets;
        let closed: Option<Vec<Duration>> = targets.iter().map(|target| target.health.closed_for()).collect();
        let soonest = *closed.as_ref()?.iter().min()?;
        let place = closed?.iter().position(|wait| *wait == soonest)?;
        let target = targets.get(place)?;
        if target.health.probe(self.question.insistence) {
            return Some(self.asker.ask_target(self.question, target, Patience::Once, &self.listener).await);
        }
        let resting = target.health.enter(self.call).err()?;
        Some(Err(resting.with_retry_after(soonest)))
    }

    async fn one_after_another(&self) -> Result<Opened, Error> {
        let turns =
            self.question.targets.iter().enumerate().map(|(place, target)| Turn { place, name: target.full_name() });
        match &self.question.ranked {
            None => {
                let listed = Fallback::ordered(turns).at_most(MOST_TARGETS);
                Ok(listed.run(self.call, |turn, _| self.turn(Some(turn.place))).await?.value)
            }
            Some(ranked) => Ok(ranked.run(self.call, |link, _| self.turn(self.place_of(link))).await?.value),
        }
    }

    /// `None` is a link that cannot take this question.
    async fn turn(&self, place: Option<usize>) -> Result<Opened, Error> {
        let Some((place, target)) = place.and_then(|place| Some((place, self.question.targets.get(place)?))) else {
            return Err(Error::circuit_open("a target that cannot take this question", Duration::ZERO));
        };
        self.past().tried.push(place);
        let patience = self.patience_with(target);
        let asked = self.asker.ask_target(self.question, target, patience, &self.listener).await;
        asked.map_err(|error| self.remember(place, patience, error))
    }

    /// Nobody answered, but somebody had no more than one quick try: now there is time. Where the whole chain is in
    /// trouble there is some only for those who see what they wait for.
    async fn once_more(&self, error: Error) -> Result<Opened, Error> {
        let (unfinished, spent) = {
            let past = self.past();
            (past.unfinished.clone(), past.spent)
        };
        let last = self.past().last.take().unwrap_or(error);
        let worth_it = unfinished.len() == 1 || self.listener.sees_the_wait();
        let mut targets = unfinished.iter().filter_map(|place| self.question.targets.get(*place));
        match targets.find(|target| target.health.closed_for().is_none()) {
            Some(target) if worth_it && !spent && !is_the_callers_own(&last) && self.call.check().is_ok() => {
                self.asker.ask_target(self.question, target, Patience::Long, &self.listener).await
            }
            _ => Err(last),
        }
    }

    fn patience_with(&self, target: &Target) -> Patience {
        let tried = self.past().tried.clone();
        let others = self.question.targets.iter().enumerate().filter(|(place, _)| !tried.contains(place));
        let somebody_else = others.into_iter().any(|(_, other)| other.health.closed_for().is_none());
        let nobody_waits_blindly = self.question.targets.len() == 1 || self.listener.sees_the_wait();
        match (target.is_router, somebody_else) {
            (true, _) => Patience::Once,
            (false, false) if nobody_waits_blindly => Patience::Long,
            (false, _) => Patience::Quick,
        }
    }

    fn remember(&self, place: usize, patience: Patience, error: Error) -> Error {
        let mut past = self.past();
        if patience == Patience::Quick && patience::may_pass(error.last_attempt()) {
            past.unfinished.push(place);
        }
        past.spent = past.spent || patience == Patience::Long && error.code() == Code::RETRY_EXHAUSTED;
        // A rest is what somebody hears only if nothing else happened.
        if error.code() != Code::CIRCUIT_OPEN || past.last.is_none() {
            past.last = Some(error.clone());
        }
        match is_the_callers_own(&error) {
            true => error,
            false => error.with_advice(RetryAdvice::TryElsewhere),
        }
    }

    fn place_of(&self, link: &str) -> Option<usize> {
        self.question.targets.iter().position(|target| target.link == link)
    }

    fn past(&self) -> MutexGuard<'_, Past> {
        self.past.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Display for Turn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

/// As many as the library keeps.
const MOST_TARGETS: u32 = 64;
