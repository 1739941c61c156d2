//! What comes back: a stream of pieces that must end with [`Chunk::Finish`].
//!
//! A stream that ends without `Finish` has failed, however quietly it ended: whoever reads one checks that. A piece
//! is what was said, in our words, and the very bytes in which an upstream said it, so that a client who speaks the
//! upstream's protocol gets those untouched.

use std::{
    borrow::Cow,
    pin::Pin,
    task::{Context, Poll},
};

use bytes::Bytes;
use futures_core::Stream;
use serde::{Deserialize, Serialize};
use steadfast::Error;
use ts_rs::TS;

use crate::{chat::Protocol, usage::Usage};

/// One answer on its way. Dropping it cancels the answer.
pub type AnswerStream = Pin<Box<dyn Stream<Item = Result<Piece, Error>> + Send>>;

/// An answer that never was on a wire: the local engine's.
pub type ChunkStream = Pin<Box<dyn Stream<Item = Result<Chunk, Error>> + Send>>;

/// What was said, and the bytes in which an upstream said it.
#[derive(Debug, Clone, PartialEq)]
pub struct Piece {
    pub chunk: Chunk,
    /// Every frame belongs to exactly one piece, and frames stand in the order in which they came. A frame that says
    /// several things goes with the first of them; the pieces after it have none. The end marker carries whatever
    /// followed it (the usage). Empty for what was never on a wire.
    pub wire: Vec<Frame>,
}

/// One event of an upstream's stream, or its whole answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    pub protocol: Protocol,
    /// The event's name, in protocols that name them.
    pub event: Option<Cow<'static, str>>,
    /// Its JSON, byte for byte.
    pub data: Bytes,
}

#[derive(Debug, Clone, PartialEq)]
pub enum Chunk {
    /// The provider says what it is doing. Never content: may come before the first text and between texts.
    Status(Status),
    /// Whole UTF-8 text, never a broken character.
    Text(String),
    /// What the model thinks before it answers, where the upstream shows that.
    Reasoning(String),
    /// A part of a call that the model wants made.
    ToolCall(ToolCallPart),
    /// Something that only the wire can say (a role, log probabilities, audio, another choice). `Content` once a
    /// person or a program would miss it.
    Other(Weight),
    /// The end marker; nothing follows it.
    Finish { reason: FinishReason, usage: Option<Usage> },
}

/// Whether something may be thrown away when the answer begins anew elsewhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Weight {
    /// A preamble or figures: nothing is lost without it.
    Preamble,
    Content,
}

/// A tool call arrives in parts: the first of an `index` has the id and the name, all of them pieces of the arguments.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ToolCallPart {
    /// Which call of the answer, counted from 0.
    pub index: u32,
    pub id: Option<String>,
    pub name: Option<String>,
    /// A piece of the arguments' JSON text.
    pub arguments: String,
}

impl From<Chunk> for Piece {
    fn from(chunk: Chunk) -> Self {
        Self { chunk, wire: Vec::new() }
    }
}

/// The same answer, as a stream of pieces that were never on a wire.
pub fn never_on_a_wire(chunks: ChunkStream) -> AnswerStream {
    Box::pin(NeverOnAWire(chunks))
}

struct NeverOnAWire(ChunkStream);

impl Stream for NeverOnAWire {
    type Item = Result<Piece, Error>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.0.as_mut().poll_next(context).map(|item| item.map(|chunk| chunk.map(Piece::from)))
    }
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
    /// The answer broke after its first words and goes on, here: `at_chars` characters were there before.
    Seam(Seam),
    /// What follows was kept from an earlier question, because nobody could answer this one.
    Stale {
        age_seconds: u32,
        /// Why nobody could: an error code.
        code: String,
    },
}

/// Where two attempts at one answer were joined.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct Seam {
    /// Characters that were delivered before it.
    pub at_chars: u32,
    /// Who spoke before, as `UPSTREAM/MODEL` or the local model's name, and who speaks after.
    pub from: String,
    pub to: String,
    pub method: SeamMethod,
    /// Why the first broke: an error code.
    pub cause: String,
    /// The attempt that goes on, counted from 1 over the whole answer.
    pub attempt: u32,
}

/// How an answer was joined.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum SeamMethod {
    /// The same model went on from the very text.
    Exact,
    /// A model that is known to go on from a given beginning was given one.
    Prefill,
    /// Only thoughts had been shown: somebody else answers from the beginning.
    Anew,
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
