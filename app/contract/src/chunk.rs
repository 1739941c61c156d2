//! What comes back: a stream of chunks that must end with [`Chunk::Finish`].
//!
//! A stream that ends without `Finish` has failed, however quietly it ended: whoever reads one checks that.

use std::pin::Pin;

use futures_core::Stream;
use serde::{Deserialize, Serialize};
use steadfast::Error;
use ts_rs::TS;

use crate::usage::Usage;

/// One answer on its way. Dropping it cancels the answer.
pub type ChunkStream = Pin<Box<dyn Stream<Item = Result<Chunk, Error>> + Send>>;

#[derive(Debug, Clone, PartialEq)]
pub enum Chunk {
    /// The provider says what it is doing. Never content: may come before the first text and between texts.
    Status(Status),
    /// Whole UTF-8 text, never a broken character.
    Text(String),
    /// The end marker; nothing follows it.
    Finish { reason: FinishReason, usage: Option<Usage> },
}

/// What a provider is doing while no text comes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Status {
    /// In line behind other answers; `place` 1 is next.
    Waiting { place: u32 },
    /// Reading the prompt.
    Reading { done: u32, total: u32 },
    /// Still alive, nothing new (a worker's heartbeat, an upstream's comment line).
    Alive,
    /// The worker died or hung and was started again; the answer goes on exactly where it stopped.
    Resumed { cause: String, attempt: u32 },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum FinishReason {
    /// The model ended by itself, or a stop string was met.
    Stop,
    /// The token limit or the context's end.
    Length,
    /// The upstream's filter ended it.
    ContentFilter,
    /// The model wants tools called.
    ToolCalls,
}

impl FinishReason {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Stop => "stop",
            Self::Length => "length",
            Self::ContentFilter => "content_filter",
            Self::ToolCalls => "tool_calls",
        }
    }
}
