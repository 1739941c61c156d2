//! The messages of a chat completion: roles, parts, tool calls and their results.

use serde::Deserialize;
use steadfast::Error;
use steadfast_contract::chat::{Message, Part, Role, ToolOutcome};

use crate::{
    json::wrong,
    question::{image_url, names, refused::Present},
};

#[derive(Debug, Deserialize)]
pub(super) struct RawMessage {
    role: RawRole,
    content: Option<Content>,
    tool_calls: Option<Vec<RawCall>>,
    tool_call_id: Option<String>,
    #[serde(default)]
    refusal: Present,
    #[serde(default)]
    audio: Present,
    #[serde(default)]
    reasoning_content: Present,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum RawRole {
    System,
    Developer,
    User,
    Assistant,
    Tool,
}

#[derive(Debug, Deserialize)]
#[serde(untagged, expecting = "text, or a list of parts")]
enum Content {
    Text(String),
    Parts(Vec<RawPart>),
}

#[derive(Debug, Deserialize)]
struct RawPart {
    #[serde(rename = "type")]
    kind: String,
    text: Option<String>,
    refusal: Option<String>,
    image_url: Option<ImageUrl>,
}

#[derive(Debug, Deserialize)]
struct ImageUrl {
    url: String,
}

#[derive(Debug, Deserialize)]
struct RawCall {
    id: String,
    function: RawFunction,
}

#[derive(Debug, Deserialize)]
struct RawFunction {
    name: String,
    arguments: String,
}

pub(super) fn check(messages: Vec<RawMessage>) -> Result<Vec<Message>, Error> {
    messages.into_iter().enumerate().map(|(number, raw)| raw.check(&format!("messages[{number}]"))).collect()
}

impl RawMessage {
    fn check(self, place: &str) -> Result<Message, Error> {
        if self.role != RawRole::Assistant && self.tool_calls.is_some() {
            return Err(wrong(&format!("{place}.tool_calls"), "only the assistant calls tools"));
        }
        if self.role != RawRole::Tool && self.tool_call_id.is_some() {
            return Err(wrong(&format!("{place}.tool_call_id"), "only a message of the role `tool` has one"));
        }
        let role = match self.role {
            RawRole::System | RawRole::Developer => Role::System,
            RawRole::User => Role::User,
            RawRole::Assistant => return self.assistant(place),
            RawRole::Tool => return self.tool(place),
        };
        let missing = || wrong(&format!("{place}.content"), "it must be text, or a list of parts");
        Ok(Message { role, parts: parts(self.content.ok_or_else(missing)?, place)? })
    }

    fn assistant(self, place: &str) -> Result<Message, Error> {
        let mut all = match self.content {
            Some(content) => parts(content, place)?,
            None => vec![],
        };
        for (number, call) in self.tool_calls.unwrap_or_default().into_iter().enumerate() {
            names::tool(&format!("{place}.tool_calls[{number}].function.name"), &call.function.name)?;
            let RawFunction { name, arguments } = call.function;
            all.push(Part::ToolCall { id: call.id, name, arguments });
        }
        if self.audio.is_there() {
            all.push(Part::Foreign { kind: "audio".to_owned() });
        }
        let said_something_else = self.refusal.is_there() || self.reasoning_content.is_there();
        if all.is_empty() && !said_something_else {
            return Err(wrong(&format!("{place}.content"), "a message without `tool_calls` must have content"));
        }
        Ok(Message { role: Role::Assistant, parts: all })
    }

    fn tool(self, place: &str) -> Result<Message, Error> {
        let id = self.tool_call_id.ok_or_else(|| {
            wrong(&format!("{place}.tool_call_id"), "a tool's message names the call that it answers")
        })?;
        let missing = || wrong(&format!("{place}.content"), "a tool's message has text");
        let parts = parts(self.content.ok_or_else(missing)?, place)?;
        let text = Message { role: Role::Tool, parts }.as_text().ok_or_else(missing)?;
        Ok(Message { role: Role::Tool, parts: vec![Part::ToolResult { id, text, outcome: ToolOutcome::Worked }] })
    }
}

fn parts(content: Content, place: &str) -> Result<Vec<Part>, Error> {
    match content {
        Content::Text(text) => Ok(vec![Part::Text(text)]),
        Content::Parts(parts) if parts.is_empty() => {
            Err(wrong(&format!("{place}.content"), "a list of parts has at least one"))
        }
        Content::Parts(parts) => {
            let place = |part: usize| format!("{place}.content[{part}]");
            parts.into_iter().enumerate().map(|(at, part)| part.check(&place(at))).collect()
        }
    }
}

impl RawPart {
    fn check(self, place: &str) -> Result<Part, Error> {
        match (self.kind.as_str(), self.text, self.refusal, self.image_url) {
            ("text", Some(text), ..) | ("refusal", _, Some(text), _) => Ok(Part::Text(text)),
            ("image_url", _, _, Some(ImageUrl { url })) => {
                image_url::check(&url).map_err(|why| wrong(&format!("{place}.image_url.url"), &why))?;
                Ok(Part::Image { url })
            }
            (kind @ ("text" | "refusal" | "image_url"), ..) => {
                Err(wrong(place, &format!("a part of type {kind} needs its `{kind}`")))
            }
            _ => Ok(Part::Foreign { kind: self.kind }),
        }
    }
}
