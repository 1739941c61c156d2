//! The one trait that everything which answers implements: the local engine, a remote server, a script.

use std::{fmt::Debug, time::Duration};

use bytes::Bytes;
use steadfast::{CancelToken, Deadline, Error, Events};

use crate::{
    BoxFuture,
    chat::{ChatRequest, Protocol},
    chunk::AnswerStream,
    model::ModelInfo,
};

/// Somebody who can answer.
pub trait Provider: Send + Sync + Debug {
    /// The upstream's name as people and logs see it: "this machine", "cloud-b".
    fn name(&self) -> &str;

    /// What it can answer with, as far as is known now. Must not wait.
    fn models(&self) -> Vec<ModelInfo>;

    /// The first of its models that is `wanted`. Asked for every question, so it copies no other.
    fn find(&self, wanted: &dyn Fn(&ModelInfo) -> bool) -> Option<ModelInfo> {
        self.models().into_iter().find(wanted)
    }

    /// The protocol whose questions it can pass on word for word, and whose answers carry their frames.
    fn protocol(&self) -> Option<Protocol> {
        None
    }

    /// Whether `model` answers a question whose last message is the assistant's by going on with that very text (the
    /// answer then holds only what is new). Never sent such a question where it says `Unsupported` or `Unknown`.
    fn continuation(&self, _model: &str) -> Continuation {
        Continuation::Unsupported
    }

    /// Looks whether `model` goes on from a given beginning: asks it a question that shows it. What is found is kept,
    /// and `continuation` says it from then on.
    fn verify_continuation<'a>(
        &'a self,
        model: &'a str,
        _token: &'a CancelToken,
    ) -> BoxFuture<'a, Result<Continuation, Error>> {
        Box::pin(async move { Ok(self.continuation(model)) })
    }

    /// When somebody looked, in milliseconds since 1970, if what `continuation` says was found by looking.
    fn continuation_found_ms(&self, _model: &str) -> Option<u64> {
        None
    }

    /// The models whose settings want a look, and of which nothing is known, or nothing any more.
    fn unverified(&self) -> Vec<String> {
        Vec::new()
    }

    /// How long to wait for it.
    fn timers(&self) -> Timers {
        Timers::default()
    }

    /// Asks the upstream which models it has, so that `models` knows them from then on.
    fn discover<'a>(&'a self, _token: &'a CancelToken) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(async { Ok(()) })
    }

    /// Opens a connection and asks nothing: whether the way is free. Costs neither money nor anybody's time.
    fn reach(&self) -> BoxFuture<'_, Result<(), Error>> {
        Box::pin(async { Err(Error::internal("there is no way to try")) })
    }

    /// Passes a request for embeddings on, word for word but for the model's name; gives back the answer's body.
    fn embed<'a>(&'a self, ask: EmbedAsk) -> BoxFuture<'a, Result<Bytes, Error>> {
        Box::pin(async move { Err(crate::code::unsupported_input(format!("{} makes no embeddings.", ask.model))) })
    }

    /// Asks once. One attempt: no retry, no fallback; those are the gateway's.
    ///
    /// Answers when the request was accepted; statuses may come before the first text. Dropping the future or
    /// the stream, or cancelling `ask.token`, ends the work at the source.
    fn open(&self, ask: Ask) -> BoxFuture<'_, Result<AnswerStream, Error>>;
}

/// One attempt at one question.
#[derive(Debug, Clone)]
pub struct Ask {
    pub request: ChatRequest,
    /// Whether the caller reads the answer while it is written. A provider may stream all the same.
    pub delivery: Delivery,
    pub token: CancelToken,
    pub deadline: Option<Deadline>,
    pub request_id: String,
    pub events: Events,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Delivery {
    Streamed,
    /// One body, when it is done.
    Whole,
}

/// A request for embeddings.
#[derive(Debug, Clone)]
pub struct EmbedAsk {
    /// The provider's own name for the model.
    pub model: String,
    /// The client's body: valid JSON, an object.
    pub body: Bytes,
    pub token: CancelToken,
    pub deadline: Option<Deadline>,
    pub request_id: String,
    pub events: Events,
}

/// Whether a model can be made to go on from a given beginning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Continuation {
    /// To the letter: the same tokens would have come.
    Exact,
    /// It was seen to go on rather than to begin anew.
    Verified,
    /// Counts as unsupported until somebody has looked.
    Unknown,
    Unsupported,
}

impl Continuation {
    /// Its name on every surface.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Exact => "exact",
            Self::Verified => "verified",
            Self::Unknown => "unknown",
            Self::Unsupported => "unsupported",
        }
    }
}

/// How long to wait for a target; each is a limit on silence, but for `whole`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Timers {
    /// Until the first content of a streamed answer, for a short question.
    pub first_token: Duration,
    /// Added to `first_token` for every 1,000 tokens of the question (a long one takes long to read).
    pub per_1k_tokens: Duration,
    /// Between two signs of life in the middle of an answer.
    pub idle: Duration,
    /// The slowest that an answer may run, in characters a second over `rate_window`; 0 is any.
    pub min_chars_per_second: f32,
    pub rate_window: Duration,
    /// For an answer in one body.
    pub whole: Duration,
}

impl Default for Timers {
    /// 60 s to the first token and 30 s of silence are where people give up; a body in one piece may take as long as
    /// the official clients wait for it.
    fn default() -> Self {
        Self {
            first_token: Duration::from_secs(60),
            per_1k_tokens: Duration::from_secs(2),
            idle: Duration::from_secs(30),
            min_chars_per_second: 0.0,
            rate_window: Duration::from_secs(20),
            whole: Duration::from_secs(600),
        }
    }
}
