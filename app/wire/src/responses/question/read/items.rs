//! The input: a text, or a list of items. Calls that follow an assistant's message belong to it, as in every other
//! protocol. Thoughts of earlier answers are left out: no other model can use them.

use serde::Deserialize;
use serde_json::value::RawValue;
use steadfast::Error;
use steadfast_contract::chat::{Message, Part, Role, ToolOutcome};

use crate::{
    json::wrong,
    question::{image_url, names, refused::unsupported},
};

#[derive(Debug, Deserialize)]
struct Item {
    #[serde(rename = "type")]
    kind: Option<String>,
    role: Option<RawRole>,
    content: Option<Box<RawValue>>,
    call_id: Option<String>,
    name: Option<String>,
    arguments: Option<String>,
    output: Option<Box<RawValue>>,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum RawRole {
    System,
    Developer,
    User,
    Assistant,
}

#[derive(Debug, Deserialize)]
struct Piece {
    #[serde(rename = "type")]
    kind: String,
    text: Option<String>,
    refusal: Option<String>,
    image_url: Option<String>,
}

/// Every message, with its place in the request.
pub(super) fn read(input: &RawValue) -> Result<Vec<(String, Message)>, Error> {
    let text = input.get();
    if text.starts_with('"') {
        let text: String = parse(text, "input")?;
        return Ok(vec![("input".to_owned(), Message::text(Role::User, text))]);
    }
    let mut messages: Vec<(String, Message)> = vec![];
    for (number, item) in parse::<Vec<Item>>(text, "input")?.into_iter().enumerate() {
        let place = format!("input[{number}]");
        let Some(message) = item.read(&place)? else { continue };
        match (messages.last_mut(), &message.parts[..]) {
            (Some((_, last)), [Part::ToolCall { .. }]) if last.role == Role::Assistant => {
                last.parts.extend(message.parts);
            }
            _ => messages.push((place, message)),
        }
    }
    Ok(messages)
}

impl Item {
    fn read(self, place: &str) -> Result<Option<Message>, Error> {
        let kind = self.kind.as_deref().unwrap_or("message");
        let needs = |member: &str| wrong(place, &format!("an item of type {kind} needs its `{member}`"));
        match kind {
            "message" => {
                let role = match self.role.ok_or_else(|| needs("role"))? {
                    RawRole::System | RawRole::Developer => Role::System,
                    RawRole::User => Role::User,
                    RawRole::Assistant => Role::Assistant,
                };
                let content = self.content.as_deref().ok_or_else(|| needs("content"))?;
                Ok(Some(Message { role, parts: parts(content, &format!("{place}.content"))? }))
            }
            "function_call" => {
                let name = self.name.clone().ok_or_else(|| needs("name"))?;
                names::tool(&format!("{place}.name"), &name)?;
                let id = self.call_id.clone().ok_or_else(|| needs("call_id"))?;
                let arguments = self.arguments.clone().ok_or_else(|| needs("arguments"))?;
                Ok(Some(Message { role: Role::Assistant, parts: vec![Part::ToolCall { id, name, arguments }] }))
            }
            "function_call_output" => {
                let id = self.call_id.clone().ok_or_else(|| needs("call_id"))?;
                let output = self.output.as_deref().ok_or_else(|| needs("output"))?;
                let place = format!("{place}.output");
                let output = Message { role: Role::Tool, parts: parts(output, &place)? };
                let text = output.as_text().ok_or_else(|| wrong(&place, "a result is text"))?;
                let result = Part::ToolResult { id, text, outcome: ToolOutcome::Worked };
                Ok(Some(Message { role: Role::Tool, parts: vec![result] }))
            }
            "reasoning" => Ok(None),
            _ => Err(unsupported(place, &format!("an item of type {kind} means nothing here"))),
        }
    }
}

fn parts(content: &RawValue, place: &str) -> Result<Vec<Part>, Error> {
    if content.get().starts_with('"') {
        return Ok(vec![Part::Text(parse(content.get(), place)?)]);
    }
    let pieces: Vec<Piece> = parse(content.get(), place)?;
    if pieces.is_empty() {
        return Err(wrong(place, "a list of parts has at least one"));
    }
    pieces.into_iter().enumerate().map(|(number, piece)| piece.read(&format!("{place}[{number}]"))).collect()
}

impl Piece {
    fn read(self, place: &str) -> Result<Part, Error> {
        match (self.kind.as_str(), self.text, self.refusal, self.image_url) {
            ("input_text" | "output_text" | "text", Some(text), ..) | ("refusal", _, Some(text), _) => {
                Ok(Part::Text(text))
            }
            ("input_image", _, _, Some(url)) => {
                image_url::check(&url).map_err(|why| wrong(&format!("{place}.image_url"), &why))?;
                Ok(Part::Image { url })
            }
            ("input_text" | "output_text" | "text" | "refusal", ..) => Err(wrong(place, "its text must be there")),
            ("input_image", ..) => Err(unsupported(place, "an image needs its `image_url`, no files are kept here")),
            (kind, ..) => Err(unsupported(place, &format!("a part of type {kind} means nothing here"))),
        }
    }
}

fn parse<T: serde::de::DeserializeOwned>(text: &str, place: &str) -> Result<T, Error> {
    serde_json::from_str(text).map_err(|error| wrong(place, &format!("it is not what it must be ({error})")))
}
