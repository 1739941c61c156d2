//! Turns of a conversation. Anthropic puts tool results into the user's turns; in our words each is a message of its
//! own. Thoughts of earlier answers stay in the source: no model but the one that thought them can use them.

use serde::Deserialize;
use serde_json::value::RawValue;
use steadfast::Error;
use steadfast_contract::chat::{Message, Part, Role, ToolOutcome};

use crate::{
    json::wrong,
    question::{image_url, names},
};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum RawRole {
    User,
    Assistant,
}

/// Text, or a list of blocks; kept as it stands because what is in a block is passed on to the letter.
pub(super) type Content = Box<RawValue>;

#[derive(Debug, Deserialize)]
struct Block {
    #[serde(rename = "type")]
    kind: String,
    text: Option<String>,
    source: Option<Source>,
    id: Option<String>,
    name: Option<String>,
    input: Option<Box<RawValue>>,
    tool_use_id: Option<String>,
    content: Option<Content>,
    is_error: Option<bool>,
}

#[derive(Debug, Deserialize)]
struct Source {
    #[serde(rename = "type")]
    kind: String,
    media_type: Option<String>,
    data: Option<String>,
    url: Option<String>,
}

pub(super) fn system(content: &RawValue) -> Result<Vec<Part>, Error> {
    let one = |(number, block): (usize, Block)| match (block.kind.as_str(), block.text) {
        ("text", Some(text)) => Ok(Part::Text(text)),
        _ => Err(wrong(&format!("system[{number}]"), "a system prompt is made of text")),
    };
    blocks(content, "system")?.into_iter().enumerate().map(one).collect()
}

/// The messages of one turn, in their order.
pub(super) fn turn(role: RawRole, content: &RawValue, place: &str) -> Result<Vec<Message>, Error> {
    let role = match role {
        RawRole::User => Role::User,
        RawRole::Assistant => Role::Assistant,
    };
    let mut messages: Vec<Message> = vec![];
    for (number, block) in blocks(content, &format!("{place}.content"))?.into_iter().enumerate() {
        let Some(part) = block.check(role, &format!("{place}.content[{number}]"))? else { continue };
        match (&part, messages.last_mut()) {
            (Part::ToolResult { .. }, _) => messages.push(Message { role: Role::Tool, parts: vec![part] }),
            (_, Some(last)) if last.role == role => last.parts.push(part),
            _ => messages.push(Message { role, parts: vec![part] }),
        }
    }
    if messages.is_empty() && role == Role::User {
        return Err(wrong(&format!("{place}.content"), "it has at least one block"));
    }
    Ok(messages)
}

fn blocks(content: &RawValue, place: &str) -> Result<Vec<Block>, Error> {
    let text = content.get();
    let read = match text.as_bytes().first() {
        Some(b'"') => serde_json::from_str::<String>(text).map(|text| vec![Block::text(text)]),
        _ => serde_json::from_str(text),
    };
    read.map_err(|error| wrong(place, &format!("it must be text, or a list of blocks ({error})")))
}

impl Block {
    fn text(text: String) -> Self {
        Self {
            kind: "text".to_owned(),
            text: Some(text),
            source: None,
            id: None,
            name: None,
            input: None,
            tool_use_id: None,
            content: None,
            is_error: None,
        }
    }

    fn check(self, role: Role, place: &str) -> Result<Option<Part>, Error> {
        let needs = |member: &str| wrong(place, &format!("a block of type {} needs its `{member}`", self.kind));
        Ok(Some(match self.kind.as_str() {
            "text" => Part::Text(self.text.ok_or_else(|| needs("text"))?),
            "image" => image(self.source.ok_or_else(|| needs("source"))?, place)?,
            "tool_use" if role == Role::Assistant => {
                let (id, name) = self.id.zip(self.name).ok_or_else(|| needs("id` and `name"))?;
                names::tool(&format!("{place}.name"), &name)?;
                Part::ToolCall {
                    id,
                    name,
                    arguments: self.input.map_or_else(|| "{}".to_owned(), |input| input.get().to_owned()),
                }
            }
            "tool_result" if role == Role::User => Part::ToolResult {
                id: self.tool_use_id.clone().ok_or_else(|| needs("tool_use_id"))?,
                text: result_text(self.content.as_deref(), place)?,
                outcome: if self.is_error == Some(true) { ToolOutcome::Failed } else { ToolOutcome::Worked },
            },
            "tool_use" | "tool_result" => {
                return Err(wrong(place, "the assistant asks for tools, and the user has their results"));
            }
            "thinking" | "redacted_thinking" => return Ok(None),
            _ => Part::Foreign { kind: self.kind },
        }))
    }
}

fn image(source: Source, place: &str) -> Result<Part, Error> {
    let url = match (source.kind.as_str(), source.url, source.media_type.zip(source.data)) {
        ("url", Some(url), _) => url,
        ("base64", _, Some((media_type, data))) => format!("data:{media_type};base64,{data}"),
        ("url" | "base64", ..) => return Err(wrong(&format!("{place}.source"), "it is not complete")),
        _ => return Ok(Part::Foreign { kind: format!("image of {}", source.kind) }),
    };
    image_url::check(&url).map_err(|why| wrong(&format!("{place}.source"), &why))?;
    Ok(Part::Image { url })
}

/// A result is text in our words. What else it holds can be said in Anthropic's protocol only.
fn result_text(content: Option<&RawValue>, place: &str) -> Result<String, Error> {
    let Some(content) = content else { return Ok(String::new()) };
    let texts = blocks(content, &format!("{place}.content"))?.into_iter().map(|block| match block.text {
        Some(text) => text,
        None => format!("({} left out)", block.kind),
    });
    Ok(texts.collect::<Vec<_>>().join("\n"))
}
