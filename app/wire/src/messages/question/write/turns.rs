//! Messages as the protocol wants them: what the system says stands apart, user and assistant take turns, tools answer
//! as the user, nothing is empty, and an answer that is to go on does not end with white space.

use std::borrow::Cow;

use serde::Serialize;
use serde_json::value::RawValue;
use steadfast::Error;
use steadfast_contract::{
    chat::{Message, Part, Role, ToolOutcome},
    code,
};

#[derive(Serialize)]
pub(super) struct Turn<'a> {
    role: &'static str,
    content: Vec<Block<'a>>,
}

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Block<'a> {
    Text {
        text: &'a str,
    },
    Image {
        source: Source<'a>,
    },
    ToolUse {
        id: Cow<'a, str>,
        name: &'a str,
        input: &'a RawValue,
    },
    ToolResult {
        tool_use_id: Cow<'a, str>,
        #[serde(skip_serializing_if = "str::is_empty")]
        content: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        is_error: Option<bool>,
    },
}

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Source<'a> {
    Url { url: &'a str },
    Base64 { media_type: &'a str, data: &'a str },
}

/// Everything that the system says, wherever it stands.
pub(super) fn system(messages: &[Message]) -> String {
    let texts = messages.iter().filter(|message| message.role == Role::System).flat_map(|message| &message.parts);
    let texts = texts.filter_map(|part| match part {
        Part::Text(text) if !text.is_empty() => Some(text.as_str()),
        _ => None,
    });
    texts.collect::<Vec<_>>().join("\n\n")
}

pub(super) fn turns(messages: &[Message]) -> Result<Vec<Turn<'_>>, Error> {
    let mut turns: Vec<Turn<'_>> = Vec::new();
    for message in messages.iter().filter(|message| message.role != Role::System) {
        let role = if message.role == Role::Assistant { "assistant" } else { "user" };
        let content = message.parts.iter().map(block).collect::<Result<Vec<_>, _>>()?;
        let content = content.into_iter().flatten();
        match turns.last_mut() {
            Some(last) if last.role == role => last.content.extend(content),
            _ => turns.push(Turn { role, content: content.collect() }),
        }
    }
    for turn in &mut turns {
        // Tools must answer before anything else is said.
        turn.content.sort_by_key(|block| !matches!(block, Block::ToolResult { .. }));
    }
    trim_the_end(&mut turns);
    turns.retain(|turn| !turn.content.is_empty());
    Ok(turns)
}

fn trim_the_end(turns: &mut [Turn<'_>]) {
    let Some(last) = turns.last_mut().filter(|last| last.role == "assistant") else { return };
    while let Some(Block::Text { text }) = last.content.last_mut() {
        *text = text.trim_end();
        if !text.is_empty() {
            return;
        }
        last.content.pop();
    }
}

fn block(part: &Part) -> Result<Option<Block<'_>>, Error> {
    Ok(Some(match part {
        // A text of nothing but white space is refused.
        Part::Text(text) if text.trim().is_empty() => return Ok(None),
        Part::Text(text) => Block::Text { text },
        Part::Image { url } => Block::Image { source: source(url)? },
        Part::ToolCall { id, name, arguments } => {
            Block::ToolUse { id: allowed_id(id), name, input: input(name, arguments)? }
        }
        Part::ToolResult { id, text, outcome } => Block::ToolResult {
            tool_use_id: allowed_id(id),
            content: text,
            is_error: (*outcome == ToolOutcome::Failed).then_some(true),
        },
        Part::Foreign { kind } => {
            return Err(code::unsupported_input(format!("The model cannot be sent a part of the kind {kind:?}.")));
        }
    }))
}

fn source(url: &str) -> Result<Source<'_>, Error> {
    let Some(rest) = url.strip_prefix("data:") else { return Ok(Source::Url { url }) };
    rest.split_once(";base64,")
        .map(|(media_type, data)| Source::Base64 { media_type, data })
        .ok_or_else(|| Error::validation("An image in a `data:` URL must be written in base64."))
}

fn input<'a>(name: &str, arguments: &'a str) -> Result<&'a RawValue, Error> {
    let arguments = if arguments.trim().is_empty() { "{}" } else { arguments };
    serde_json::from_str::<&RawValue>(arguments)
        .ok()
        .filter(|input| input.get().starts_with('{'))
        .ok_or_else(|| Error::validation(format!("The arguments of the call of {name} are not a JSON object.")))
}

/// Other protocols allow any id; this one letters, digits, `_` and `-`. The same id stays the same.
fn allowed_id(id: &str) -> Cow<'_, str> {
    let is_allowed = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '_' | '-');
    if id.chars().all(is_allowed) {
        Cow::Borrowed(id)
    } else {
        id.chars().map(|letter| if is_allowed(letter) { letter } else { '_' }).collect()
    }
}
