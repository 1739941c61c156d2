//! One question to its targets, up to the commit point.
//!
//! `course` decides whose turn it is and how patient we are with them (`patience`); here one target is asked, through
//! retry, budget and breaker, under the limits of `stream/limits.rs`. Whoever asks hears of every attempt before its
//! wait begins, so a page can count down, and all of them are noted (`notes`).

mod announce;
mod course;
mod notes;
mod patience;

use std::{sync::Arc, time::Duration};

use steadfast::{Attempt, Call, CancelToken, Clock, Deadline, Error, Events, Nudge, Ranked, RetryAdvice};
use steadfast_contract::{
    chat::{ChatRequest, Message, Role, ToolArguments},
    chunk::AnswerStream,
    model::Failure,
    provider::{Ask, Delivery},
};

pub use self::notes::AttemptNote;
use self::{announce::Announcer, course::Course, patience::Patience};
pub(crate) use self::{
    announce::{Attempted, Listener, Moment, Unheard},
    notes::Notes,
    patience::is_the_callers_own,
};
use crate::{
    chat::GoesOn,
    routing::{self, Admission, Insistence, Target},
    settings::GatewaySettings,
    stream::{self, Limits},
};

/// What is asked, of whom, and until when.
#[derive(Debug, Clone)]
pub(crate) struct Question {
    /// Best first; never empty.
    pub(crate) targets: Vec<Target>,
    /// The measured order of the chain that `targets` are of; `None` asks them as listed.
    pub(crate) ranked: Option<Ranked<String>>,
    /// Its `model` is the name that was asked for; every target is sent its own.
    pub(crate) request: ChatRequest,
    pub(crate) delivery: Delivery,
    /// Text that the answer should go on from, where the target can do that.
    pub(crate) continues: Option<String>,
    pub(crate) token: CancelToken,
    pub(crate) deadline: Deadline,
    pub(crate) request_id: String,
    pub(crate) nudge: Nudge,
    pub(crate) notes: Notes,
    pub(crate) moment: Moment,
    /// Why it is asked again in the middle of the answer.
    pub(crate) cause: Option<Failure>,
    pub(crate) insistence: Insistence,
    pub(crate) goes_on: GoesOn,
}

/// An answer whose first content is there.
pub(crate) struct Opened {
    pub(crate) stream: AnswerStream,
    pub(crate) target: Target,
    /// True when the stream goes on from `Question::continues`.
    pub(crate) continued: bool,
}

/// Asks, with what every question shares.
#[derive(Debug, Clone)]
pub(crate) struct Asker {
    pub(crate) settings: GatewaySettings,
    pub(crate) clock: Clock,
    pub(crate) events: Events,
    /// Of those who look out for targets that are away.
    pub(crate) lookouts: CancelToken,
}

impl Asker {
    /// The first target that answers. The error is the last target's, or the first that no target could mend; its
    /// detail `attempts` lists what was tried.
    pub(crate) async fn ask(&self, question: &Question, listener: Arc<dyn Listener>) -> Result<Opened, Error> {
        let call = self.call(question, format!("ask for {}", question.request.model)).with_events(self.events.clone());
        let asked = Course::new(self, question, &call, listener).run().await;
        asked.map_err(|error| question.notes.on(self.when_to_come_again(question, error)))
    }

    /// Whoever gives up after many tries still knows when it is worth another: when the first of those who rest is
    /// back, or soon, if time is all it takes.
    fn when_to_come_again(&self, question: &Question, error: Error) -> Error {
        let last = error.last_attempt();
        if error.retry_after().is_some() || last.advice() == RetryAdvice::Never {
            return error;
        }
        let soon = patience::may_pass(last).then_some(self.settings.wait_first);
        match question.targets.iter().filter_map(|target| target.health.closed_for().or(soon)).min() {
            Some(wait) => error.with_retry_after(wait),
            None => error,
        }
    }

    /// How often the first of `targets` is asked at most.
    pub(crate) fn attempts(&self, targets: &[Target]) -> u32 {
        let patience = match targets {
            [first, ..] if first.is_router => Patience::Once,
            [_] => Patience::Long,
            _ => Patience::Quick,
        };
        patience.attempts(&self.settings)
    }

    async fn ask_target(
        &self,
        question: &Question,
        target: &Target,
        patience: Patience,
        listener: &Arc<dyn Listener>,
    ) -> Result<Opened, Error> {
        let announcer = Arc::new(Announcer::new(target.label(), question, Arc::clone(listener), self.clock.clone()));
        let call =
            self.call(question, format!("ask {}", target.label()))
                .with_events(self.events.clone().and(Arc::<Announcer>::clone(&announcer)));
        let stream = patience
            .retry(&self.settings)
            .budget(target.health.budget.clone())
            .run(&call, |attempt| self.attempt(question, target, &call, (attempt, patience), Arc::clone(&announcer)))
            .await?;
        Ok(Opened {
            stream,
            target: target.clone(),
            continued: question.continues.is_some() && target.continues_exactly(),
        })
    }

    async fn attempt(
        &self,
        question: &Question,
        target: &Target,
        call: &Call,
        (attempt, patience): (Attempt, Patience),
        announcer: Arc<Announcer>,
    ) -> Result<AnswerStream, Error> {
        if announcer.was_hurried() {
            target.health.probe(Insistence::Insists); // a person knows that it asked for a pause, and wants it asked
        }
        // A target that rests is not asked, and nobody hears of an attempt that is none.
        let admission = target.health.enter(call)?;
        announcer.begins(attempt);
        let began = self.clock.now();
        let opened = self.open(question, target, call, admission, &announcer).await;
        let took = self.clock.now().saturating_duration_since(began);
        let ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
        question.notes.add(target.full_name(), opened.as_ref().err(), ms);
        opened.map_err(|error| {
            target.look_out_after(&error, &self.lookouts);
            announcer.failed(&error);
            let advice = patience.advice(&error);
            error.with_advice(advice)
        })
    }

    async fn open(
        &self,
        question: &Question,
        target: &Target,
        call: &Call,
        admission: Admission,
        announcer: &Announcer,
    ) -> Result<AnswerStream, Error> {
        let limits = self.limits(question, target);
        let watched =
            stream::watched(target.provider.open(self.ask_for(question, target)), limits, admission, call.clone());
        let watched = watched.await?;
        let pieces = match question.request.tool_arguments {
            ToolArguments::Whole => stream::whole_calls(watched),
            ToolArguments::Live => watched,
        };
        stream::first_content(pieces, &target.label(), |status| announcer.status(status)).await
    }

    fn limits(&self, question: &Question, target: &Target) -> Limits {
        let tokens = routing::tokens(&question.request);
        Limits::new(target, question.delivery, tokens, self.settings.idle)
    }

    fn call(&self, question: &Question, operation: String) -> Call {
        Call::new(operation, &question.token)
            .with_clock(self.clock.clone())
            .with_deadline(question.deadline)
            .with_nudge(question.nudge.clone())
    }

    fn ask_for(&self, question: &Question, target: &Target) -> Ask {
        let mut request = question.request.clone();
        request.model.clone_from(&target.model.id);
        if let Some(text) = question.continues.as_ref().filter(|_| target.continues_exactly()) {
            request.messages.push(Message::text(Role::Assistant, text));
            request.source = None;
        }
        Ask {
            request,
            delivery: question.delivery,
            token: question.token.clone(),
            deadline: Some(question.deadline),
            request_id: question.request_id.clone(),
            events: self.events.clone(),
        }
    }
}

impl Question {
    /// How long a question may take at most, with the caller's own limit if that is shorter.
    pub(crate) fn limit(settings: &GatewaySettings, callers: Option<Duration>) -> Duration {
        callers.map_or(settings.total, |limit| limit.min(settings.total))
    }
}
