//! Models: what they are, where each is in its life, and the host that moves them through it.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use steadfast::{CancelReason, Code, Error};
use ts_rs::TS;

use crate::{BoxFuture, code};

/// The three sizes that a person chooses from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, TS)]
#[serde(rename_all = "lowercase")]
pub enum Tier {
    Quick,
    Smart,
    Genius,
}

/// Where a model is in its life. `load`, `cancel`, `unload` and `reset` are the only doors.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum ModelPhase {
    Idle,
    Downloading,
    Verifying,
    Loading,
    WarmingUp,
    Ready,
    Failed,
    Unloading,
}

/// Whether the model runs here or on a remote server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum Place {
    ThisMachine,
    Remote,
}

/// What a model is. Does not change while the program runs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
pub struct ModelInfo {
    /// `smollm2-135m-instruct`; the name that `/v1` uses.
    pub id: String,
    /// What a person calls it: "Quick", or the upstream model's name.
    pub name: String,
    pub tier: Option<Tier>,
    pub place: Place,
    pub description: String,
    pub licence: Option<String>,
    #[ts(type = "number | null")]
    pub size_bytes: Option<u64>,
    #[ts(type = "number | null")]
    pub memory_bytes: Option<u64>,
    pub context_tokens: Option<u32>,
    /// The upstream's name for remote models.
    pub upstream: Option<String>,
    /// For routing; the page does not ask.
    #[serde(skip)]
    #[ts(skip)]
    pub abilities: Abilities,
}

/// What a model can be given and asked for. `None` is not known, and counts as yes: the upstream then says it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Abilities {
    pub tools: Option<bool>,
    pub images: Option<bool>,
    /// An answer that follows a JSON schema, or is JSON at all.
    pub schema: Option<bool>,
}

impl Abilities {
    /// Text in, text out.
    pub const TEXT_ONLY: Self = Self { tools: Some(false), images: Some(false), schema: Some(false) };
}

/// A model with its state, as lists, pages and events show it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
pub struct ModelStatus {
    pub info: ModelInfo,
    pub phase: ModelPhase,
    /// Present while something is under way.
    pub progress: Option<Progress>,
    /// The last failure; stays until the next load succeeds or `reset`.
    pub error: Option<Failure>,
    /// What the house is doing about a trouble: "the hub cannot be reached, trying the package index".
    pub note: Option<String>,
    /// Is the file on this disk already?
    pub on_disk: bool,
    /// `None` when it fits this machine's memory; otherwise why not, in words with numbers.
    pub does_not_fit: Option<String>,
    /// Seconds until a start is allowed again after repeated failures.
    pub resting_seconds: Option<f64>,
}

/// How far a load is. `percent` runs once from 0 to 100 over all steps and never falls.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
pub struct Progress {
    pub percent: f32,
    /// "Downloading", "Verifying", "Loading", "Warming up", "Ready".
    pub step: String,
    #[ts(type = "number | null")]
    pub bytes_done: Option<u64>,
    #[ts(type = "number | null")]
    pub bytes_total: Option<u64>,
    pub bytes_per_second: Option<f64>,
    /// A rolling estimate, absent for the first three seconds.
    pub seconds_left: Option<f64>,
    pub attempt: u32,
    pub attempts: u32,
    /// Where the bytes come from: "hub", "package index", "this disk".
    pub source: Option<String>,
}

/// An error as people and programs see it: `steadfast::Report`, with its TypeScript shape.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
pub struct Failure {
    /// `TIMEOUT`, `UNAUTHORIZED`, …
    pub code: String,
    pub message: String,
    pub retryable: bool,
    /// Seconds.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    #[ts(optional)]
    pub retry_after: Option<f64>,
    pub suggestion: String,
    /// Internal facts, only in debug mode.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    #[ts(optional, type = "Record<string, string>")]
    pub details: Option<std::collections::BTreeMap<String, String>>,
}

impl From<&Error> for Failure {
    fn from(error: &Error) -> Self {
        Self {
            code: error.code().name().to_owned(),
            message: error.message().to_owned(),
            retryable: error.retryable(),
            retry_after: error.retry_after().map(|wait| wait.as_secs_f64()),
            suggestion: error.suggestion().to_owned(),
            details: None,
        }
    }
}

impl Failure {
    /// What a person should hear of `error`: not that attempts were spent, but why the last one failed.
    pub fn behind(error: &Error) -> Self {
        let last = std::error::Error::source(error).and_then(|source| source.downcast_ref::<Error>());
        match last.filter(|_| error.code() == Code::RETRY_EXHAUSTED) {
            Some(last) => Self::from(last),
            None => Self::from(error),
        }
    }

    /// The error again, with its code's own advice. A code that this program does not know becomes `INTERNAL`.
    pub fn to_error(&self) -> Error {
        let known = Code::ALL.iter().chain(code::ALL).find(|code| code.name() == self.code);
        let error = Error::new(known.copied().unwrap_or(Code::INTERNAL))
            .with_message(&self.message)
            .with_suggestion(&self.suggestion);
        match self.retry_after.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok()) {
            Some(wait) => error.with_retry_after(wait),
            None => error,
        }
    }
}

/// Holds the models of this machine and moves them through their lives.
pub trait ModelHost: Send + Sync {
    fn list(&self) -> Vec<ModelStatus>;

    fn status(&self, id: &str) -> Option<ModelStatus>;

    /// Asks for the model to be made ready; returns as soon as that is under way (or already true).
    /// A load that is under way is joined.
    fn load(&self, id: &str) -> Result<ModelStatus, Error>;

    /// Ends a load that is under way; keeps what was downloaded.
    fn cancel(&self, id: &str, reason: CancelReason) -> Result<ModelStatus, Error>;

    /// Gives the memory back.
    fn unload<'a>(&'a self, id: &'a str) -> BoxFuture<'a, Result<ModelStatus, Error>>;

    /// Forgets the last failure.
    fn reset(&self, id: &str) -> Result<ModelStatus, Error>;

    /// Deletes the file; the model must not be loaded.
    fn remove<'a>(&'a self, id: &'a str) -> BoxFuture<'a, Result<ModelStatus, Error>>;

    /// Every change from now on.
    fn subscribe(&self) -> Box<dyn ModelChanges>;
}

/// A reader of model changes. A slow reader loses the middle, never the newest state.
pub trait ModelChanges: Send {
    /// The next changed model. Cancel safe.
    fn next(&mut self) -> BoxFuture<'_, ModelStatus>;
}
