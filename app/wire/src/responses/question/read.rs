//! Reads what a client of the Responses protocol asks. No upstream is asked in it, so whatever has no word of ours is
//! refused by name rather than lost.

mod items;
mod tools;

use bytes::Bytes;
use serde::Deserialize;
use serde_json::{Map, Number, Value, value::RawValue};
use steadfast::Error;
use steadfast_contract::chat::{ChatRequest, Message, Protocol, Role, Sampling, ToolArguments};

use self::tools::{RawChoice, RawTool, Text};
use crate::{
    json::{self, wrong},
    question::{
        self, Wanted, calls, names,
        range::{real, whole},
        refused::{self, Present, unsupported},
    },
};

/// A response that can be given.
#[derive(Debug, Clone)]
pub struct Question {
    pub request: ChatRequest,
    pub wanted: Wanted,
    pub ground: Ground,
    /// What was asked, as every answer repeats it.
    pub echo: Map<String, Value>,
}

/// Whether the answer goes on without a reader.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ground {
    Foreground,
    Background,
}

/// # Errors
/// `VALIDATION` naming the member that is wrong; `UNSUPPORTED_PARAMETER` for one that cannot be obeyed.
pub fn read(body: Bytes) -> Result<Question, Error> {
    let raw: Raw = json::decode(&body)?;
    raw.refuse()?;
    let messages = conversation(raw.instructions.as_deref(), &raw.input)?;
    let sampling = Sampling {
        temperature: real("temperature", raw.temperature.as_ref(), 0.0, 2.0)?,
        top_p: real("top_p", raw.top_p.as_ref(), 0.0, 1.0)?,
        max_tokens: whole("max_output_tokens", raw.max_output_tokens.as_ref(), 1, u32::MAX)?,
        ..Sampling::default()
    };
    let echo = echo(&body)?;
    let tools = tools::check(raw.tools.unwrap_or_default())?;
    let request = ChatRequest {
        tool_arguments: ToolArguments::default(),
        model: names::model(raw.model)?,
        messages,
        sampling,
        tool_choice: tools::choice(raw.tool_choice, &tools)?,
        tools,
        format: tools::format(raw.text)?,
        reasoning_effort: raw.reasoning.and_then(|reasoning| reasoning.effort),
        source: None,
    };
    Ok(Question {
        request: question::with_source(request, Protocol::Responses, body),
        wanted: Wanted::of(raw.stream),
        ground: if raw.background == Some(true) { Ground::Background } else { Ground::Foreground },
        echo,
    })
}

fn conversation(instructions: Option<&str>, input: &RawValue) -> Result<Vec<Message>, Error> {
    let system = instructions.map(|text| ("instructions".to_owned(), Message::text(Role::System, text)));
    let items = items::read(input)?;
    question::count("input", items.len())?;
    let (places, messages): (Vec<String>, Vec<Message>) = system.into_iter().chain(items).unzip();
    calls::check(&messages, |number| places[number].clone())?;
    Ok(messages)
}

#[derive(Debug, Deserialize)]
struct Raw {
    model: String,
    input: Box<RawValue>,
    instructions: Option<String>,
    stream: Option<bool>,
    background: Option<bool>,
    max_output_tokens: Option<Number>,
    temperature: Option<Number>,
    top_p: Option<Number>,
    tools: Option<Vec<RawTool>>,
    tool_choice: Option<RawChoice>,
    text: Option<Text>,
    reasoning: Option<Reasoning>,
    #[serde(default)]
    previous_response_id: Present,
    #[serde(default)]
    conversation: Present,
    #[serde(default)]
    prompt: Present,
    #[serde(default)]
    api_base: Present,
    #[serde(default)]
    base_url: Present,
    #[serde(default)]
    api_key: Present,
    #[serde(default)]
    extra_headers: Present,
}

#[derive(Debug, Deserialize)]
struct Reasoning {
    effort: Option<String>,
}

impl Raw {
    fn refuse(&self) -> Result<(), Error> {
        refused::check(&[
            ("api_base", self.api_base),
            ("base_url", self.base_url),
            ("api_key", self.api_key),
            ("extra_headers", self.extra_headers),
        ])?;
        for (member, present) in [
            ("previous_response_id", self.previous_response_id),
            ("conversation", self.conversation),
            ("prompt", self.prompt),
        ] {
            if present.is_there() {
                return Err(unsupported(member, "nothing is kept here between requests, so send the whole `input`"));
            }
        }
        Ok(())
    }
}

/// What was asked, in the order and with the defaults that OpenAI's own answers have.
fn echo(body: &[u8]) -> Result<Map<String, Value>, Error> {
    let Value::Object(mut asked) = json::decode::<Value>(body)? else { return Err(wrong("input", "it must be there")) };
    let default = |(member, value): (&str, Value)| {
        let said = asked.remove(member).filter(|value| !value.is_null());
        (member.to_owned(), said.unwrap_or(value))
    };
    let members = [
        ("instructions", Value::Null),
        ("max_output_tokens", Value::Null),
        ("metadata", Value::Object(Map::new())),
        ("parallel_tool_calls", true.into()),
        ("reasoning", serde_json::json!({ "effort": null, "summary": null })),
        ("store", true.into()),
        ("temperature", Value::Null),
        ("text", serde_json::json!({ "format": { "type": "text" } })),
        ("tool_choice", "auto".into()),
        ("tools", Value::Array(vec![])),
        ("top_p", Value::Null),
        ("truncation", "disabled".into()),
        ("background", false.into()),
    ];
    Ok(members.into_iter().map(default).collect())
}
