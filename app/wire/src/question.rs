//! What the readers of all protocols check alike.

pub(crate) mod calls;
pub(crate) mod image_url;
pub(crate) mod names;
pub(crate) mod range;
pub(crate) mod refused;

use bytes::Bytes;
use serde_json::value::RawValue;
use steadfast::Error;
use steadfast_contract::chat::{ChatRequest, Message, Part, Protocol, Role, Source, Tool, ToolChoice};

pub use self::refused::UNSUPPORTED_PARAMETER;
use crate::json::wrong;

/// How the client wants its answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wanted {
    Stream,
    Whole,
}

impl Wanted {
    pub(crate) fn of(stream: Option<bool>) -> Self {
        if stream == Some(true) { Self::Stream } else { Self::Whole }
    }
}

/// The question's own body goes with it, for whoever speaks the same protocol.
pub(crate) fn with_source(request: ChatRequest, protocol: Protocol, body: Bytes) -> ChatRequest {
    ChatRequest { source: Some(Source { protocol, body, headers: vec![] }), ..request }
}

/// How many messages there may be; a person does not get there, a loop does.
pub(crate) fn count(member: &str, messages: usize) -> Result<(), Error> {
    const MOST: usize = 4096;
    if (1..=MOST).contains(&messages) {
        return Ok(());
    }
    Err(wrong(member, &format!("it must have 1 to {MOST} entries, and has {messages}")))
}

/// A schema is an object; what it says is for whoever obeys it. Nothing in it is resolved or fetched here.
pub(crate) fn is_object(member: &str, schema: Option<&RawValue>) -> Result<(), Error> {
    match schema {
        Some(schema) if !schema.get().starts_with('{') => Err(wrong(member, "it must be an object")),
        _ => Ok(()),
    }
}

/// A choice must be possible. What a provider's own tools are called, only that provider knows.
pub(crate) fn choice(choice: ToolChoice, tools: &[Tool], foreign: &[String]) -> Result<ToolChoice, Error> {
    match &choice {
        _ if !foreign.is_empty() => Ok(choice),
        ToolChoice::Required if tools.is_empty() => Err(wrong("tool_choice", "there are no `tools` to choose from")),
        ToolChoice::Named(name) if !tools.iter().any(|tool| tool.name == *name) => {
            Err(wrong("tool_choice", &format!("`tools` has none that is named {name:?}")))
        }
        _ => Ok(choice),
    }
}

/// Tools that a provider runs by itself have no word in our language: only their own protocol can ask for them, and
/// a foreign part is how a question says so.
pub(crate) fn ask_for_foreign_tools(messages: &mut [Message], kinds: Vec<String>) {
    if let Some(last) = messages.iter_mut().rfind(|message| message.role == Role::User) {
        last.parts.extend(kinds.into_iter().map(|kind| Part::Foreign { kind: format!("tool {kind}") }));
    }
}
