//! What is asked: messages in roles, made of parts, tools, and how to sample the answer.

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use ts_rs::TS;

/// One question to a model, as every provider understands it.
#[derive(Debug, Clone, Default)]
pub struct ChatRequest {
    /// The provider's own name for the model (after routing, never the alias that the client used).
    pub model: String,
    /// When the last one is the assistant's, the answer goes on with its text (see `Provider::continuation`).
    pub messages: Vec<Message>,
    pub sampling: Sampling,
    pub tools: Vec<Tool>,
    pub tool_choice: ToolChoice,
    pub format: AnswerFormat,
    /// How hard to think, in the provider's word: "low", "medium", "high".
    pub reasoning_effort: Option<String>,
    pub tool_arguments: ToolArguments,
    /// What the client sent, word for word, for a provider that speaks the same protocol. It says the same as the
    /// other members, and more; `None` once the question was changed.
    pub source: Option<Source>,
}

/// How the arguments of a tool call reach whoever asked.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum ToolArguments {
    /// Held back until the call is whole: nobody can carry out half a call, and a line that drops in one leaves
    /// nothing to take back.
    #[default]
    Whole,
    /// As they come, for who shows them while they are written.
    Live,
}

/// A question as it came in.
#[derive(Debug, Clone)]
pub struct Source {
    pub protocol: Protocol,
    /// The body: valid JSON, an object.
    pub body: Bytes,
    /// What the protocol says in headers, checked: it goes with the body.
    pub headers: Vec<(&'static str, String)>,
}

/// The languages that clients and upstreams speak.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Protocol {
    /// OpenAI's `/v1/chat/completions`.
    ChatCompletions,
    /// OpenAI's `/v1/responses`.
    Responses,
    /// Anthropic's `/v1/messages`.
    Messages,
}

/// Something that the model may ask to have called.
#[derive(Debug, Clone)]
pub struct Tool {
    pub name: String,
    pub description: Option<String>,
    /// The arguments' JSON schema.
    pub parameters: Option<Box<RawValue>>,
    /// Whether the arguments must follow the schema to the letter; `None` is the provider's default.
    pub strict: Option<bool>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum ToolChoice {
    #[default]
    Auto,
    Never,
    /// Some tool must be called.
    Required,
    Named(String),
}

/// The shape that the answer must have.
#[derive(Debug, Clone, Default)]
pub enum AnswerFormat {
    #[default]
    Text,
    /// Any JSON object.
    Json,
    Schema {
        name: String,
        schema: Box<RawValue>,
        strict: Option<bool>,
    },
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
    /// The assistant asked for this call.
    ToolCall {
        id: String,
        name: String,
        /// JSON text.
        arguments: String,
    },
    /// What a tool answered.
    ToolResult {
        /// The call's id.
        id: String,
        text: String,
        outcome: ToolOutcome,
    },
    /// A part that only its own protocol can say (audio, a file, signed thoughts): word for word, and its type.
    Foreign {
        kind: String,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ToolOutcome {
    Worked,
    Failed,
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
                _ => None,
            })
            .collect()
    }
}
