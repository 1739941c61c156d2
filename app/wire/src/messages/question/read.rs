//! Reads what a client of Anthropic's protocol asks. Members that we do not know go along in the source, untouched.

mod blocks;
mod tools;

use bytes::Bytes;
use serde::Deserialize;
use serde_json::Number;
use steadfast::Error;
use steadfast_contract::chat::{ChatRequest, Message, Part, Protocol, Role, Sampling, ToolArguments};

use self::{
    blocks::{Content, RawRole},
    tools::{OutputConfig, RawChoice, RawTool},
};
use crate::{
    json::{self, wrong},
    question::{
        self, Wanted, calls, names,
        range::{real, stops, whole},
        refused::{self, Present},
    },
};

/// A message that can be answered.
#[derive(Debug, Clone)]
pub struct Question {
    pub request: ChatRequest,
    pub wanted: Wanted,
}

/// # Errors
/// `VALIDATION` naming the member that is wrong; `UNSUPPORTED_PARAMETER` for one that is not allowed.
pub fn read(body: Bytes) -> Result<Question, Error> {
    let raw: Raw = json::decode(&body)?;
    if raw.max_tokens.is_none() {
        return Err(wrong("max_tokens", "it must be there"));
    }
    check(raw, body)
}

/// The same without the members that only an answer needs, as `count_tokens` is asked.
///
/// # Errors
/// As [`read`].
pub fn read_to_count(body: Bytes) -> Result<Question, Error> {
    check(json::decode(&body)?, body)
}

fn check(raw: Raw, body: Bytes) -> Result<Question, Error> {
    raw.refuse()?;
    question::count("messages", raw.messages.len())?;
    let sampling = sampling(&raw)?;
    let mut messages = conversation(raw.system, raw.messages)?;
    let (tools, foreign) = tools::check(raw.tools.unwrap_or_default())?;
    let tool_choice = tools::choice(raw.tool_choice, &tools, &foreign)?;
    question::ask_for_foreign_tools(&mut messages, foreign);
    let request = ChatRequest {
        tool_arguments: ToolArguments::default(),
        model: names::model(raw.model)?,
        messages,
        sampling,
        tool_choice,
        tools,
        format: tools::format(raw.output_config.as_ref(), raw.output_format)?,
        reasoning_effort: raw.output_config.and_then(|config| config.effort),
        source: None,
    };
    Ok(Question { request: question::with_source(request, Protocol::Messages, body), wanted: Wanted::of(raw.stream) })
}

/// A turn may become several messages; each remembers where it stood.
fn conversation(system: Option<Content>, turns: Vec<RawMessage>) -> Result<Vec<Message>, Error> {
    let (mut messages, mut places) = (vec![], vec![]);
    if let Some(system) = system {
        messages.push(Message { role: Role::System, parts: blocks::system(&system)? });
        places.push("system".to_owned());
    }
    for (number, turn) in turns.into_iter().enumerate() {
        let place = format!("messages[{number}]");
        for message in blocks::turn(turn.role, &turn.content, &place)? {
            messages.push(message);
            places.push(place.clone());
        }
    }
    calls::check(&messages, |number| places[number].clone())?;
    Ok(messages)
}

fn sampling(raw: &Raw) -> Result<Sampling, Error> {
    Ok(Sampling {
        temperature: real("temperature", raw.temperature.as_ref(), 0.0, 1.0)?,
        top_p: real("top_p", raw.top_p.as_ref(), 0.0, 1.0)?,
        top_k: whole("top_k", raw.top_k.as_ref(), 0, u32::MAX)?,
        stop: stops("stop_sequences", raw.stop_sequences.clone().unwrap_or_default())?,
        max_tokens: whole("max_tokens", raw.max_tokens.as_ref(), 1, u32::MAX)?,
        ..Sampling::default()
    })
}

#[derive(Debug, Deserialize)]
struct Raw {
    model: String,
    messages: Vec<RawMessage>,
    system: Option<Content>,
    stream: Option<bool>,
    max_tokens: Option<Number>,
    temperature: Option<Number>,
    top_p: Option<Number>,
    top_k: Option<Number>,
    stop_sequences: Option<Vec<String>>,
    tools: Option<Vec<RawTool>>,
    tool_choice: Option<RawChoice>,
    output_config: Option<OutputConfig>,
    output_format: Option<tools::RawFormat>,
    #[serde(default)]
    api_base: Present,
    #[serde(default)]
    base_url: Present,
    #[serde(default)]
    api_key: Present,
    #[serde(default)]
    extra_headers: Present,
}

impl Raw {
    fn refuse(&self) -> Result<(), Error> {
        refused::check(&[
            ("api_base", self.api_base),
            ("base_url", self.base_url),
            ("api_key", self.api_key),
            ("extra_headers", self.extra_headers),
        ])
    }
}

#[derive(Debug, Deserialize)]
struct RawMessage {
    role: RawRole,
    content: Content,
}

/// About how many tokens a question has, where nobody can count them: four bytes of text each, which is what English
/// averages in most vocabularies, some for every message, and a usual sum for an image.
pub fn estimated_tokens(request: &ChatRequest) -> u64 {
    let of_tools = request.tools.iter().map(|tool| {
        let schema = tool.parameters.as_ref().map_or(0, |schema| schema.get().len());
        text_tokens(tool.name.len() + tool.description.as_ref().map_or(0, String::len) + schema)
    });
    let of_messages = request.messages.iter().map(|message| MESSAGE + message.parts.iter().map(of_part).sum::<u64>());
    of_messages.chain(of_tools).sum()
}

fn of_part(part: &Part) -> u64 {
    match part {
        Part::Text(text) | Part::ToolResult { text, .. } => text_tokens(text.len()),
        Part::ToolCall { name, arguments, .. } => text_tokens(name.len() + arguments.len()),
        Part::Image { .. } | Part::Foreign { .. } => IMAGE,
    }
}

fn text_tokens(bytes: usize) -> u64 {
    bytes.div_ceil(4) as u64
}

const MESSAGE: u64 = 4;
/// What Anthropic says of an image of a megapixel.
const IMAGE: u64 = 1_334;
