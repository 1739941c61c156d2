//! What is asked: messages in roles, made of parts, and how to sample the answer.

use serde::{Deserialize, Serialize};
use ts_rs::TS;

/// One question to a model, as every provider understands it.
#[derive(Debug, Clone, PartialEq)]
pub struct ChatRequest {
    /// The provider's own name for the model (after routing, never the alias that the client used).
    pub model: String,
    /// When the last one is the assistant's, the answer goes on with its text (see `Provider::can_continue`).
    pub messages: Vec<Message>,
    pub sampling: Sampling,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    System,
    User,
    Assistant,
    Tool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    pub role: Role,
    pub parts: Vec<Part>,
}

/// A piece of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Part {
    Text(String),
    /// An image by URL (`https:` or `data:`); local text models answer it with a clear error.
    Image {
        url: String,
    },
}

/// How the next token is chosen and when to end. `None` means the provider's default.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, TS)]
#[serde(default)]
pub struct Sampling {
    /// 0 is greedy; 0.7 unless told otherwise.
    pub temperature: Option<f32>,
    pub top_p: Option<f32>,
    pub top_k: Option<u32>,
    pub min_p: Option<f32>,
    pub repeat_penalty: Option<f32>,
    pub seed: Option<u64>,
    pub stop: Vec<String>,
    pub max_tokens: Option<u32>,
}

impl Message {
    pub fn text(role: Role, text: impl Into<String>) -> Self {
        Self { role, parts: vec![Part::Text(text.into())] }
    }

    /// The text parts, joined; `None` when the message holds anything else.
    pub fn as_text(&self) -> Option<String> {
        self.parts
            .iter()
            .map(|part| match part {
                Part::Text(text) => Some(text.as_str()),
                Part::Image { .. } => None,
            })
            .collect()
    }
}
