//! The one trait that everything which answers implements: the local engine, a remote server, a script.

use std::fmt::Debug;

use steadfast::{CancelToken, Deadline, Error, Events};

use crate::{BoxFuture, chat::ChatRequest, chunk::ChunkStream, model::ModelInfo};

/// Somebody who can answer.
pub trait Provider: Send + Sync + Debug {
    /// The upstream's name as people and logs see it: "this machine", "cloud-b".
    fn name(&self) -> &str;

    /// What it can answer with, as far as is known now. Must not wait.
    fn models(&self) -> Vec<ModelInfo>;

    /// Whether a question whose last message is the assistant's is answered by going on with that very text
    /// (the answer holds only what is new). A provider that says no is never sent such a question.
    fn can_continue(&self) -> bool {
        false
    }

    /// Asks once. One attempt: no retry, no fallback; those are the gateway's.
    ///
    /// Answers when the request was accepted; statuses may come before the first text. Dropping the future or
    /// the stream, or cancelling `ask.token`, ends the work at the source.
    fn open(&self, ask: Ask) -> BoxFuture<'_, Result<ChunkStream, Error>>;
}

/// One attempt at one question.
#[derive(Debug, Clone)]
pub struct Ask {
    pub request: ChatRequest,
    pub token: CancelToken,
    pub deadline: Option<Deadline>,
    pub request_id: String,
    pub events: Events,
}
