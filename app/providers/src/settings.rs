//! What is said about an upstream in the settings. Checked when a provider is made of it.

use std::time::Duration;

use steadfast_contract::{
    model::{Abilities, ModelInfo, Place, Tier},
    provider::{Continuation, Timers},
};

use crate::secret::Secret;

/// A remote server.
#[derive(Debug, Clone, PartialEq)]
pub struct UpstreamSettings {
    /// As people and logs see it: "cloud-b".
    pub name: String,
    pub protocol: UpstreamProtocol,
    /// Up to and with the version: `http://127.0.0.1:9000/v1`.
    pub base_url: String,
    pub key: Option<Secret>,
    pub models: Vec<ModelSettings>,
    pub found: FoundModels,
    pub timeouts: Timeouts,
}

/// The language that an upstream speaks.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum UpstreamProtocol {
    /// OpenAI's `/chat/completions`, which most servers speak.
    #[default]
    OpenAi,
    /// Anthropic's `/messages`.
    Anthropic,
}

/// What becomes of the models that an upstream says it has, beside those of the settings.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum FoundModels {
    #[default]
    Ignored,
    Added,
}

/// A model of an upstream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelSettings {
    /// The upstream's own name for it.
    pub id: String,
    /// What a person calls it; the id unless told otherwise.
    pub name: Option<String>,
    pub tier: Option<Tier>,
    /// Tokens that it can read.
    pub context: Option<u32>,
    /// Whether it goes on from a given beginning. `Unknown` until it is said here or a probe has looked.
    pub continuation: Continuation,
    pub probing: Probing,
    /// What it can be given and asked for, as far as somebody has said.
    pub abilities: Abilities,
}

/// Whether somebody wants it looked at that a model goes on.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Probing {
    #[default]
    Unwanted,
    /// With a short question, at the start and once a month.
    Wanted,
}

/// How long to wait for an upstream.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Timeouts {
    /// Until the connection stands, name and TLS included.
    pub connect: Duration,
    /// Without any event of the answer: the provider's own last limit, so that nothing can hang. Whoever asks has
    /// shorter ones.
    pub silence: Duration,
    /// What whoever asks waits for; the provider only tells them.
    pub timers: Timers,
}

impl UpstreamSettings {
    pub fn new(name: impl Into<String>, base_url: impl Into<String>, models: Vec<ModelSettings>) -> Self {
        Self {
            name: name.into(),
            protocol: UpstreamProtocol::default(),
            base_url: base_url.into(),
            key: None,
            models,
            found: FoundModels::default(),
            timeouts: Timeouts::default(),
        }
    }
}

impl ModelSettings {
    /// A model of which no more is known than its name there.
    pub fn named(id: impl Into<String>) -> Self {
        Self {
            id: id.into(),
            name: None,
            tier: None,
            context: None,
            continuation: Continuation::Unknown,
            probing: Probing::default(),
            abilities: Abilities::default(),
        }
    }

    pub(crate) fn info(&self, upstream: &str) -> ModelInfo {
        ModelInfo {
            id: self.id.clone(),
            name: self.name.clone().unwrap_or_else(|| self.id.clone()),
            tier: self.tier,
            place: Place::Remote,
            description: String::new(),
            licence: None,
            size_bytes: None,
            memory_bytes: None,
            context_tokens: self.context,
            upstream: Some(upstream.to_owned()),
            abilities: self.abilities,
        }
    }
}

impl Default for Timeouts {
    /// A connection that does not stand in 3 s seldom does, and a healthy fallback is waiting; models that think say
    /// nothing for up to 5 minutes.
    fn default() -> Self {
        Self { connect: Duration::from_secs(3), silence: Duration::from_secs(330), timers: Timers::default() }
    }
}
