//! One question to an ordered list of targets, up to the commit point.
//!
//! Each target is asked through retry and breaker; the next one has its turn when the one before cannot answer.
//! Whoever asks hears of every attempt before its wait begins, so a page can count down.

mod announce;

use std::{sync::Arc, time::Duration};

use steadfast::{Attempt, Call, CancelToken, Clock, Code, Deadline, Error, Events, Nudge, Retry};
use steadfast_contract::{
    chat::{ChatRequest, Message, Role},
    chunk::AnswerStream,
    provider::{Ask, Delivery},
};

use self::announce::Announcer;
pub(crate) use self::announce::{Attempted, Listener, Unheard};
use crate::{routing::Target, settings::GatewaySettings, stream};

/// What is asked, of whom, and until when.
#[derive(Debug, Clone)]
pub(crate) struct Question {
    /// Best first; never empty.
    pub(crate) targets: Vec<Target>,
    /// Its `model` is the name that was asked for; every target is sent its own.
    pub(crate) request: ChatRequest,
    pub(crate) delivery: Delivery,
    /// Text that the answer should go on from, where the target can do that.
    pub(crate) continues: Option<String>,
    pub(crate) token: CancelToken,
    pub(crate) deadline: Deadline,
    pub(crate) request_id: String,
    pub(crate) nudge: Nudge,
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
}

impl Asker {
    /// The first target that answers. The error is the last target's, or the first that no target could mend.
    pub(crate) async fn ask(&self, question: &Question, listener: Arc<dyn Listener>) -> Result<Opened, Error> {
        let mut targets = question.targets.iter();
        while let Some(target) = targets.next() {
            let attempts = self.attempts(targets.len());
            match self.ask_target(question, target, attempts, Arc::clone(&listener)).await {
                Ok(opened) => return Ok(opened),
                Err(error) if targets.len() == 0 || is_the_callers_own(&error) => return Err(error),
                Err(_) => {} // every attempt was announced; the next target has its turn
            }
        }
        Err(Error::internal("a question without a target"))
    }

    /// How often a target is asked behind which `fallbacks` more are waiting.
    pub(crate) fn attempts(&self, fallbacks: usize) -> u32 {
        match fallbacks {
            0 => self.settings.attempts,
            _ => self.settings.attempts.min(ATTEMPTS_BEFORE_A_FALLBACK),
        }
    }

    async fn ask_target(
        &self,
        question: &Question,
        target: &Target,
        attempts: u32,
        listener: Arc<dyn Listener>,
    ) -> Result<Opened, Error> {
        let announcer = Arc::new(Announcer::new(target.label(), listener));
        let call = Call::new(format!("ask {}", target.label()), &question.token)
            .with_clock(self.clock.clone())
            .with_deadline(question.deadline)
            .with_nudge(question.nudge.clone())
            .with_events(self.events.clone().and(Arc::<Announcer>::clone(&announcer)));
        let stream = self
            .retry(attempts)
            .run(&call, |attempt| self.attempt(question, target, &call, attempt, Arc::clone(&announcer)))
            .await?;
        Ok(Opened {
            stream,
            target: target.clone(),
            continued: question.continues.is_some() && target.continues_exactly(),
        })
    }

    fn retry(&self, attempts: u32) -> Retry {
        Retry::exponential(self.settings.wait_first).max_delay(self.settings.wait_max).max_attempts(attempts)
    }

    async fn attempt(
        &self,
        question: &Question,
        target: &Target,
        call: &Call,
        attempt: Attempt,
        announcer: Arc<Announcer>,
    ) -> Result<AnswerStream, Error> {
        announcer.begins(attempt);
        let opened = target.breaker.run(call, self.open(question, target, &announcer)).await;
        opened.inspect_err(|error| announcer.failed(error))
    }

    async fn open(&self, question: &Question, target: &Target, announcer: &Announcer) -> Result<AnswerStream, Error> {
        let chunks = target.provider.open(self.ask_for(question, target)).await?;
        let guarded = stream::guarded(chunks, target.label(), self.settings.idle, self.clock.clone());
        stream::first_content(guarded, &target.label(), |status| announcer.status(status)).await
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

/// Errors that another target would only repeat.
fn is_the_callers_own(error: &Error) -> bool {
    matches!(error.code(), Code::VALIDATION | Code::CANCELLED)
}

/// One quick second try; then a healthy fallback serves people better than more waiting.
const ATTEMPTS_BEFORE_A_FALLBACK: u32 = 2;
