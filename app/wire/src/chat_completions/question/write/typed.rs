//! Our words as the protocol's JSON. Says only what was asked for: a strict server refuses members it does not know.

use serde::Serialize;
use serde_json::value::RawValue;
use steadfast::Error;
use steadfast_contract::{
    chat::{AnswerFormat, ChatRequest, Message, Part, Role, Tool, ToolChoice},
    code,
    provider::Delivery,
};

use super::{Dialect, Manner, Turn};

#[derive(Serialize)]
pub(super) struct Body<'a> {
    model: &'a str,
    messages: Vec<WireMessage<'a>>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    tools: Vec<WireTool<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_choice: Option<WireChoice<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    response_format: Option<WireFormat<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reasoning_effort: Option<&'a str>,
    stream: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    stream_options: Option<StreamOptions>,
    #[serde(skip_serializing_if = "Option::is_none")]
    temperature: Option<f32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    top_p: Option<f32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    top_k: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    min_p: Option<f32>,
    /// llama.cpp's and Ollama's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    repeat_penalty: Option<f32>,
    /// vLLM's and SGLang's name for the same.
    #[serde(skip_serializing_if = "Option::is_none")]
    repetition_penalty: Option<f32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    seed: Option<u64>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    stop: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    max_tokens: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_completion_tokens: Option<u32>,
    /// vLLM's and llama.cpp's pair for going on with the last message.
    #[serde(skip_serializing_if = "Option::is_none")]
    continue_final_message: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    add_generation_prompt: Option<bool>,
}

#[derive(Serialize)]
struct StreamOptions {
    include_usage: bool,
}

#[derive(Serialize)]
struct WireMessage<'a> {
    role: Role,
    content: Option<Content<'a>>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    tool_calls: Vec<WireCall<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_call_id: Option<&'a str>,
}

/// A plain string whenever the message is plain: not every server takes parts.
#[derive(Serialize)]
#[serde(untagged)]
enum Content<'a> {
    Text(String),
    Parts(Vec<WirePart<'a>>),
}

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum WirePart<'a> {
    Text { text: &'a str },
    ImageUrl { image_url: ImageUrl<'a> },
}

#[derive(Serialize)]
struct ImageUrl<'a> {
    url: &'a str,
}

#[derive(Serialize)]
struct WireCall<'a> {
    id: &'a str,
    r#type: &'static str,
    function: CallFunction<'a>,
}

#[derive(Serialize)]
struct CallFunction<'a> {
    name: &'a str,
    arguments: &'a str,
}

#[derive(Serialize)]
struct WireTool<'a> {
    r#type: &'static str,
    function: ToolFunction<'a>,
}

#[derive(Serialize)]
struct ToolFunction<'a> {
    name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    parameters: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    strict: Option<bool>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum WireChoice<'a> {
    Word(&'static str),
    Named { r#type: &'static str, function: Name<'a> },
}

#[derive(Serialize)]
struct Name<'a> {
    name: &'a str,
}

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum WireFormat<'a> {
    JsonObject,
    JsonSchema { json_schema: JsonSchema<'a> },
}

#[derive(Serialize)]
struct JsonSchema<'a> {
    name: &'a str,
    schema: &'a RawValue,
    #[serde(skip_serializing_if = "Option::is_none")]
    strict: Option<bool>,
}

impl<'a> Body<'a> {
    pub(super) fn of(request: &'a ChatRequest, manner: Manner) -> Result<Self, Error> {
        let Manner { delivery, turn, dialect } = manner;
        let only = |wanted: Dialect| move |_: &u32| dialect == wanted;
        let at_others = |figure: Option<f32>| figure.filter(|_| dialect == Dialect::Others);
        let sampling = &request.sampling;
        let streams = delivery == Delivery::Streamed;
        let mut messages = Vec::with_capacity(request.messages.len());
        for message in &request.messages {
            add_message(message, &mut messages)?;
        }
        Ok(Self {
            model: &request.model,
            messages,
            tools: request.tools.iter().map(WireTool::of).collect(),
            tool_choice: Some(&request.tool_choice).filter(|_| !request.tools.is_empty()).and_then(tool_choice),
            response_format: format(&request.format),
            reasoning_effort: request.reasoning_effort.as_deref(),
            stream: streams,
            stream_options: streams.then_some(StreamOptions { include_usage: true }),
            temperature: sampling.temperature,
            top_p: sampling.top_p,
            top_k: sampling.top_k.filter(only(Dialect::Others)),
            min_p: at_others(sampling.min_p),
            repeat_penalty: at_others(sampling.repeat_penalty),
            repetition_penalty: at_others(sampling.repeat_penalty),
            seed: sampling.seed,
            stop: &sampling.stop,
            max_tokens: sampling.max_tokens.filter(only(Dialect::Others)),
            max_completion_tokens: sampling.max_tokens.filter(only(Dialect::OpenAi)),
            continue_final_message: (turn == Turn::GoOn).then_some(true),
            add_generation_prompt: (turn == Turn::GoOn).then_some(false),
        })
    }
}

/// One of our messages may be several of theirs: each tool's answer stands alone, right behind the calls.
fn add_message<'a>(message: &'a Message, messages: &mut Vec<WireMessage<'a>>) -> Result<(), Error> {
    let (mut parts, mut tool_calls) = (Vec::new(), Vec::new());
    let mut results = 0;
    for part in &message.parts {
        match part {
            Part::Text(text) => parts.push(WirePart::Text { text }),
            Part::Image { url } => parts.push(WirePart::ImageUrl { image_url: ImageUrl { url } }),
            Part::ToolCall { id, name, arguments } => {
                tool_calls.push(WireCall { id, r#type: "function", function: CallFunction { name, arguments } });
            }
            Part::ToolResult { id, text, outcome: _ } => {
                results += 1;
                let content = Some(Content::Text(text.clone()));
                messages.push(WireMessage { role: Role::Tool, content, tool_calls: vec![], tool_call_id: Some(id) });
            }
            Part::Foreign { kind } => return Err(foreign(kind)),
        }
    }
    if parts.is_empty() && tool_calls.is_empty() && results > 0 {
        return Ok(());
    }
    // What a person says beside a tool's answer is said by the person.
    let role = if message.role == Role::Tool { Role::User } else { message.role };
    messages.push(WireMessage {
        role,
        content: content(parts, !tool_calls.is_empty()),
        tool_calls,
        tool_call_id: None,
    });
    Ok(())
}

fn content(parts: Vec<WirePart<'_>>, has_calls: bool) -> Option<Content<'_>> {
    let texts: Option<Vec<&str>> = parts
        .iter()
        .map(|part| match part {
            WirePart::Text { text } => Some(*text),
            WirePart::ImageUrl { .. } => None,
        })
        .collect();
    match texts {
        Some(texts) if texts.is_empty() && has_calls => None,
        Some(texts) => Some(Content::Text(texts.concat())),
        None => Some(Content::Parts(parts)),
    }
}

fn foreign(kind: &str) -> Error {
    code::unsupported_input(format!("The model cannot be sent a part of the kind {kind:?}."))
}

impl<'a> WireTool<'a> {
    fn of(tool: &'a Tool) -> Self {
        let function = ToolFunction {
            name: &tool.name,
            description: tool.description.as_deref(),
            parameters: tool.parameters.as_deref(),
            strict: tool.strict,
        };
        Self { r#type: "function", function }
    }
}

fn tool_choice(choice: &ToolChoice) -> Option<WireChoice<'_>> {
    Some(match choice {
        ToolChoice::Auto => return None,
        ToolChoice::Never => WireChoice::Word("none"),
        ToolChoice::Required => WireChoice::Word("required"),
        ToolChoice::Named(name) => WireChoice::Named { r#type: "function", function: Name { name } },
    })
}

fn format(format: &AnswerFormat) -> Option<WireFormat<'_>> {
    Some(match format {
        AnswerFormat::Text => return None,
        AnswerFormat::Json => WireFormat::JsonObject,
        AnswerFormat::Schema { name, schema, strict } => {
            WireFormat::JsonSchema { json_schema: JsonSchema { name, schema, strict: *strict } }
        }
    })
}
