//! What is said about an upstream in the settings. Checked when a provider is made of it.

use std::time::Duration;

use steadfast_contract::model::{Abilities, ModelInfo, Place, Tier};

use crate::secret::Secret;

/// A remote server.
#[derive(Debug, Clone)]
pub struct UpstreamSettings {
    /// As people and logs see it: "cloud-b".
    pub name: String,
    /// Up to and with the version: `http://127.0.0.1:9000/v1`.
    pub base_url: String,
    pub key: Option<Secret>,
    pub models: Vec<ModelSettings>,
    pub timeouts: Timeouts,
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
}

/// How long to wait for an upstream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timeouts {
    /// Until the connection stands, name and TLS included.
    pub connect: Duration,
    /// From the question to the first byte of the answer.
    pub first_byte: Duration,
    /// Between two bytes of the answer.
    pub idle: Duration,
}

impl UpstreamSettings {
    pub fn new(name: impl Into<String>, base_url: impl Into<String>, models: Vec<ModelSettings>) -> Self {
        Self { name: name.into(), base_url: base_url.into(), key: None, models, timeouts: Timeouts::default() }
    }

    pub(crate) fn model_infos(&self) -> Vec<ModelInfo> {
        self.models.iter().map(|model| self.model_info(model)).collect()
    }

    fn model_info(&self, model: &ModelSettings) -> ModelInfo {
        ModelInfo {
            id: model.id.clone(),
            name: model.name.clone().unwrap_or_else(|| model.id.clone()),
            tier: model.tier,
            place: Place::Remote,
            description: String::new(),
            licence: None,
            size_bytes: None,
            memory_bytes: None,
            context_tokens: model.context,
            upstream: Some(self.name.clone()),
            abilities: Abilities::default(),
        }
    }
}

impl Default for Timeouts {
    /// 10 s is twice what a slow TLS handshake takes; 30 s of silence is when people have left.
    fn default() -> Self {
        Self { connect: Duration::from_secs(10), first_byte: Duration::from_secs(30), idle: Duration::from_secs(30) }
    }
}
