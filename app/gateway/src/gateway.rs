//! The gateway's face: everything that a route or a command can ask of it.
//!
//! Thin on purpose: each method finds the room that does the work. Starting closes what the last process left
//! open before anything new is accepted.

use std::sync::Arc;

use steadfast::{CancelReason, CancelToken, Clock, Error, Events};
use steadfast_contract::{
    chat::Sampling,
    conversation::{Conversation, ConversationView, StoredMessage},
    kept_stream::WriterAgain,
    model::ModelHost,
    provider::Provider,
    run::RunView,
    store::{Store, Written},
    stream_log::{AnswerWriter, StreamState},
};

use crate::{
    asking::Asker,
    cached::AnswerCache,
    chat::ChatAsk,
    live::{LiveLine, LiveReader},
    once::Replies,
    routing::{Listed, Routes},
    runs::{Follow, Runs},
    settings::GatewaySettings,
    streams::{self, ReadFrom, StreamHandle, StreamInfo, StreamReader, StreamSpec, Streams},
};

/// What the gateway is made of.
pub struct Parts {
    pub store: Arc<dyn Store>,
    /// Takes up what streams of an earlier process have said.
    pub writers: Arc<dyn WriterAgain>,
    pub models: Arc<dyn ModelHost>,
    /// Who can answer; the local engine is one of them.
    pub providers: Vec<Arc<dyn Provider>>,
    pub settings: GatewaySettings,
    pub clock: Clock,
    /// Everything that the gateway starts ends with this token.
    pub token: CancelToken,
    pub events: Events,
    /// Names this life of the program, for pages that outlive it.
    pub boot: String,
}

pub struct Gateway {
    pub(crate) routes: Arc<Routes>,
    pub(crate) asker: Asker,
    pub(crate) models: Arc<dyn ModelHost>,
    pub(crate) streams: Arc<Streams>,
    pub(crate) cached: Option<AnswerCache>,
    pub(crate) replies: Replies,
    runs: Arc<Runs>,
    line: LiveLine,
}

/// A message on its way in.
#[derive(Debug, Clone)]
pub struct SendMessage {
    /// Chosen by the sender; the same id twice is the same message.
    pub id: String,
    pub conversation_id: String,
    pub text: String,
    pub model: String,
    pub sampling: Sampling,
}

/// Another answer to a message that is there.
#[derive(Debug, Clone, Default)]
pub struct NewRun {
    pub id: String,
    /// The model of the run before, when not given.
    pub model: Option<String>,
    /// The run whose text the answer goes on from.
    pub continues: Option<String>,
}

impl Gateway {
    /// Closes what was open, takes up what was queued, and is ready.
    ///
    /// # Errors
    /// `STORAGE_UNAVAILABLE` and its kin when the store cannot be read.
    pub async fn start(parts: Parts) -> Result<Arc<Self>, Error> {
        let routes = Arc::new(Routes::new(
            parts.providers,
            Arc::clone(&parts.models),
            parts.settings.clone(),
            parts.clock.clone(),
        ));
        let epoch = parts.store.count_start(&parts.token).await?;
        let streams = Arc::new(Streams::new(
            parts.settings.streams.clone(),
            parts.clock.clone(),
            parts.token.child("streams"),
            (Arc::clone(&parts.store) as _, epoch),
        ));
        streams.take_up(parts.writers.as_ref()).await?;
        let cached = parts.settings.cache.clone();
        let cached = cached.map(|settings| AnswerCache::new(settings, parts.token.child("shared answers")));
        let replies = Replies::new(parts.settings.streams.keys_for, parts.token.child("answers given once"));
        let lookouts = parts.token.child("lookouts");
        let asker = Asker { settings: parts.settings, clock: parts.clock, events: parts.events, lookouts };
        let line = LiveLine::new(parts.boot);
        let runs = Runs::new(
            parts.store,
            Arc::clone(&parts.models),
            Arc::clone(&routes),
            asker.clone(),
            line.clone(),
            &parts.token,
        );
        runs.take_up().await?;
        Ok(Arc::new(Self { routes, asker, models: parts.models, streams, cached, replies, runs, line }))
    }

    /// Every name that can be asked for.
    pub fn route_names(&self) -> Vec<Listed> {
        self.routes.list()
    }

    /// From the next question on these answer, in these chains. A target that stays keeps its breaker.
    pub fn change_routes(&self, providers: Vec<Arc<dyn Provider>>, settings: GatewaySettings) {
        self.routes.change(providers, settings);
        if let Some(cached) = &self.cached {
            cached.clear();
        }
    }

    pub fn models(&self) -> &Arc<dyn ModelHost> {
        &self.models
    }

    pub fn live(&self) -> LiveReader {
        self.line.read(&self.models)
    }

    /// Is the store there? For the health report.
    pub async fn check_store(&self) -> Result<(), Error> {
        self.runs.check_store().await
    }

    pub async fn conversations(&self) -> Result<Vec<Conversation>, Error> {
        self.runs.conversations().await
    }

    pub async fn conversation(&self, id: &str) -> Result<ConversationView, Error> {
        self.runs.conversation(id).await
    }

    pub async fn create_conversation(&self, id: &str, title: &str) -> Result<Written<Conversation>, Error> {
        self.runs.create_conversation(id, title).await
    }

    pub async fn rename_conversation(&self, id: &str, title: &str) -> Result<Conversation, Error> {
        self.runs.rename_conversation(id, title).await
    }

    /// Stops what is being answered in it; it can be had back for a while.
    pub async fn delete_conversation(&self, id: &str) -> Result<(), Error> {
        self.runs.delete_conversation(id).await
    }

    pub async fn restore_conversation(&self, id: &str) -> Result<Conversation, Error> {
        self.runs.restore_conversation(id).await
    }

    /// When this answers, message and run are on disk; sending the same again finds them.
    pub async fn send(&self, message: SendMessage) -> Result<Written<(StoredMessage, RunView)>, Error> {
        self.runs.send(message).await
    }

    /// Try again, answer with another model, continue.
    pub async fn run_again(&self, message_id: &str, run: NewRun) -> Result<RunView, Error> {
        self.runs.run_again(message_id, run).await
    }

    pub async fn edit_message(&self, id: &str, text: &str) -> Result<StoredMessage, Error> {
        self.runs.edit_message(id, text).await
    }

    pub async fn remove_message(&self, id: &str) -> Result<(), Error> {
        self.runs.remove_message(id).await
    }

    /// Stops the answer that is being written and sends this one next.
    pub async fn send_now(&self, message_id: &str) -> Result<RunView, Error> {
        self.runs.send_now(message_id).await
    }

    pub async fn run(&self, id: &str) -> Result<RunView, Error> {
        self.runs.run(id).await
    }

    /// Ends the answer and waits until it has ended. Stopping what has ended changes nothing.
    pub async fn stop(&self, run_id: &str, reason: CancelReason) -> Result<RunView, Error> {
        self.runs.stop(run_id, reason).await
    }

    /// Ends the wait before the next attempt.
    pub async fn try_now(&self, run_id: &str) -> Result<RunView, Error> {
        self.runs.try_now(run_id).await
    }

    /// Puts a failure away; the message stays.
    pub async fn dismiss(&self, run_id: &str) -> Result<RunView, Error> {
        self.runs.dismiss(run_id).await
    }

    /// The run's events after `after`: what is in the log, then what comes.
    pub async fn follow(&self, run_id: &str, after: u64) -> Result<Follow, Error> {
        self.runs.follow(run_id, after).await
    }

    /// Asks, and writes the answer into a log that can be read again. The answer's task belongs to `ask.token`, which
    /// must outlive its readers; what becomes of it when they leave is `spec.keep`.
    ///
    /// # Errors
    /// `KEY_REUSED` and `STREAM_EXPIRED` for an idempotency key that cannot be answered, `RATE_LIMITED` when the
    /// stream that answers it has all its readers, `OVERLOADED` when no more can be kept.
    pub fn start_stream(
        self: &Arc<Self>,
        ask: ChatAsk,
        spec: StreamSpec,
        writer: Box<dyn AnswerWriter>,
    ) -> Result<StreamHandle, Error> {
        streams::start(self, ask, spec, writer)
    }

    /// The stream's frames from any place: what is in the log, then what comes.
    ///
    /// # Errors
    /// `NOT_FOUND` for what never was and for what is somebody else's, `STREAM_EXPIRED` when it is no longer kept,
    /// `VALIDATION` for a place that it has not reached, `RATE_LIMITED` when it has all its readers.
    pub fn read_stream(&self, id: &str, principal: &str, from: impl Into<ReadFrom>) -> Result<StreamReader, Error> {
        self.streams.read(id, principal, from.into())
    }

    /// Fails when the place `epoch`-`seq` is not one of this stream's.
    pub fn check_stream_place(&self, id: &str, principal: &str, epoch: u64, seq: u64) -> Result<(), Error> {
        self.streams.check_place(id, principal, epoch, seq)
    }

    /// Stops it and waits until it has ended. Stopping what has ended changes nothing.
    pub async fn cancel_stream(&self, id: &str, principal: &str) -> Result<StreamState, Error> {
        self.streams.cancel(id, principal).await
    }

    /// Every stream of `principal` that can be read, newest first.
    pub fn live_streams(&self, principal: &str) -> Vec<StreamInfo> {
        self.streams.list(principal)
    }
}

impl std::fmt::Debug for Parts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Parts").field("store", &self.store).field("providers", &self.providers).finish_non_exhaustive()
    }
}

impl std::fmt::Debug for Gateway {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Gateway").finish_non_exhaustive()
    }
}
