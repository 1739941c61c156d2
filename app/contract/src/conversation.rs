//! Conversations and the messages in them, as they are stored and as the page reads them.

use serde::{Deserialize, Serialize};
use ts_rs::TS;

use crate::{chat::Role, run::RunView};

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct Conversation {
    /// Chosen by the client (UUID), so that creating it twice is harmless.
    pub id: String,
    pub title: String,
    #[ts(type = "number")]
    pub created_ms: u64,
    #[ts(type = "number")]
    pub updated_ms: u64,
    /// Grows with every change of the conversation, its messages or its runs.
    #[ts(type = "number")]
    pub revision: u64,
    /// Deleted, but for a while still to be had back.
    pub deleted: bool,
    /// The state of the newest run, for the list beside the page.
    pub activity: Option<crate::run::RunState>,
}

/// What somebody wrote. Answers are runs, and hang on the message that they answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct StoredMessage {
    /// Chosen by the client (UUID): sending the same id twice makes one message and one run.
    pub id: String,
    pub conversation_id: String,
    /// Place in the conversation, from 1 without gaps.
    #[ts(type = "number")]
    pub ordinal: u64,
    pub role: Role,
    /// Byte for byte what was typed.
    pub text: String,
    #[ts(type = "number")]
    pub created_ms: u64,
}

/// A conversation with everything in it, as the page reads it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
#[ts(export)]
pub struct ConversationView {
    pub conversation: Conversation,
    pub turns: Vec<Turn>,
}

/// A message and every answer it got, oldest first. The last one is shown; the others are versions.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
pub struct Turn {
    pub message: StoredMessage,
    pub runs: Vec<RunView>,
}
