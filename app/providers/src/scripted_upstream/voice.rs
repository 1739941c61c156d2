//! The faces an upstream has: how each says a word, a tool call, the end, and all of it at once. `chat` is OpenAI's
//! chat completions, `messages` Anthropic's; embeddings have no stream.

mod chat;
mod messages;

use serde_json::json;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Voice {
    Chat,
    Messages,
    Embeddings,
}

/// One event of a stream.
#[derive(Debug, Clone)]
pub(super) struct Event {
    pub(super) name: Option<&'static str>,
    pub(super) data: String,
}

/// A piece of a tool call. It is one call, `look_up` with [`ARGUMENTS`], in as many pieces as there are strings.
#[derive(Debug, Clone, Copy)]
pub(super) enum ToolPiece {
    Begin,
    Arguments(&'static str),
    End,
}

/// Why an answer ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Finish {
    Stop,
    Tool,
}

impl Voice {
    pub(super) fn of(path: &str) -> Option<Self> {
        match path {
            "/v1/chat/completions" => Some(Self::Chat),
            "/v1/messages" => Some(Self::Messages),
            "/v1/embeddings" => Some(Self::Embeddings),
            _ => None,
        }
    }

    pub(super) fn begin(self, model: &str) -> Vec<Event> {
        match self {
            Self::Messages => messages::begin(model),
            Self::Chat | Self::Embeddings => chat::begin(model),
        }
    }

    pub(super) fn word(self, model: &str, word: &str) -> Vec<Event> {
        match self {
            Self::Messages => messages::word(word),
            Self::Chat | Self::Embeddings => chat::word(model, word),
        }
    }

    pub(super) fn tool(self, model: &str, piece: ToolPiece) -> Vec<Event> {
        match self {
            Self::Messages => messages::tool(piece),
            Self::Chat | Self::Embeddings => chat::tool(model, piece),
        }
    }

    /// The reason for the end; not yet the end.
    pub(super) fn finish(self, model: &str, finish: Finish, words: usize) -> Vec<Event> {
        match self {
            Self::Messages => messages::finish(finish, words),
            Self::Chat | Self::Embeddings => chat::finish(model, finish),
        }
    }

    /// What follows the reason: usage and the end marker.
    pub(super) fn end(self, model: &str, words: usize) -> Vec<Event> {
        match self {
            Self::Messages => messages::end(),
            Self::Chat | Self::Embeddings => chat::end(model, words),
        }
    }

    pub(super) fn failure(self) -> Event {
        match self {
            Self::Messages => messages::failure(),
            Self::Chat | Self::Embeddings => Event { name: None, data: OUT_OF_MEMORY.to_owned() },
        }
    }

    /// The whole answer as one body.
    pub(super) fn whole(self, model: &str, text: &str, finish: Finish, words: usize) -> String {
        match self {
            Self::Chat => chat::whole(model, text, finish, words),
            Self::Messages => messages::whole(model, text, finish, words),
            Self::Embeddings => json!({
                "object": "list",
                "data": [{ "object": "embedding", "index": 0, "embedding": [0.25, -0.5, 0.125] }],
                "model": model,
                "usage": { "prompt_tokens": 9, "total_tokens": 9 },
            })
            .to_string(),
        }
    }
}

impl ToolPiece {
    /// The whole call, piece by piece.
    pub(super) fn all() -> impl Iterator<Item = Self> {
        [Self::Begin].into_iter().chain(ARGUMENTS.map(Self::Arguments)).chain([Self::End])
    }
}

pub(super) fn models() -> String {
    let ids = ["scripted", "SCN-ok", "SCN-continues", "SCN-restarts", "SCN-noprefill"];
    let data =
        ids.map(|id| json!({ "id": id, "object": "model", "created": CREATED, "owned_by": "scripted-upstream" }));
    json!({ "object": "list", "data": data }).to_string()
}

const TOOL: &str = "look_up";
const TOOL_ID: &str = "call_scripted_1";
const ARGUMENTS: [&str; 3] = ["{\"city\":", "\"Oslo\",", "\"days\":3}"];
const CREATED: u64 = 1_700_000_000;
const PROMPT_TOKENS: usize = 9;
const OUT_OF_MEMORY: &str =
    r#"{"error":{"message":"CUDA out of memory. Tried to allocate 2.00 GiB","type":"server_error","code":null}}"#;
