//! What the page hears on its one live line (`GET /api/events`).

use serde::{Deserialize, Serialize};
use ts_rs::TS;

use crate::{conversation::Conversation, model::ModelStatus};

/// One thing that changed. Every kind carries the whole new state of what changed, so a lost one heals with the next.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
#[ts(export)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Live {
    /// First on every line: who is speaking. A new `boot` means that the server was restarted.
    Hello {
        boot: String,
        version: String,
    },
    Model {
        model: Box<ModelStatus>,
    },
    /// A conversation, one of its messages or one of its runs changed; `conversation.revision` grew.
    Conversation {
        conversation: Conversation,
    },
    Heartbeat {
        #[ts(type = "number")]
        at_ms: u64,
    },
}
