//! Reads what a client asks. Members that we do not know go along in the source, untouched; a wrong one is named.

mod messages;
mod sampling;
mod tools;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::Number;
use steadfast::Error;
use steadfast_contract::chat::{ChatRequest, Protocol, ToolArguments};

use self::{
    messages::RawMessage,
    sampling::Stop,
    tools::{RawChoice, RawFormat, RawTool},
};
use crate::{
    json,
    question::{
        self, Wanted, calls, names,
        refused::{self, Present},
    },
};

/// A chat completion that can be answered.
#[derive(Debug, Clone)]
pub struct Question {
    pub request: ChatRequest,
    pub wanted: Wanted,
    pub usage: UsageFrame,
}

/// Whether a streamed answer tells its usage at its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UsageFrame {
    Wanted,
    Unwanted,
}

/// # Errors
/// `VALIDATION` naming the member that is wrong; `UNSUPPORTED_PARAMETER` for one that is not allowed.
pub fn read(body: Bytes) -> Result<Question, Error> {
    let mut raw: Raw = json::decode(&body)?;
    raw.refuse()?;
    question::count("messages", raw.messages.len())?;
    let sampling = sampling::check(&mut raw)?;
    let mut messages = messages::check(raw.messages)?;
    calls::check(&messages, |number| format!("messages[{number}]"))?;
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
        format: tools::format(raw.response_format)?,
        reasoning_effort: raw.reasoning_effort,
        source: None,
    };
    let include_usage = raw.stream_options.and_then(|options| options.include_usage) == Some(true);
    Ok(Question {
        request: question::with_source(request, Protocol::ChatCompletions, body),
        wanted: Wanted::of(raw.stream),
        usage: if include_usage { UsageFrame::Wanted } else { UsageFrame::Unwanted },
    })
}

/// One struct without flattening, because a flattened member loses its place in an error.
#[derive(Debug, Deserialize)]
struct Raw {
    model: String,
    messages: Vec<RawMessage>,
    stream: Option<bool>,
    stream_options: Option<StreamOptions>,
    n: Option<Number>,
    temperature: Option<Number>,
    top_p: Option<Number>,
    top_k: Option<Number>,
    min_p: Option<Number>,
    repeat_penalty: Option<Number>,
    repetition_penalty: Option<Number>,
    frequency_penalty: Option<Number>,
    presence_penalty: Option<Number>,
    logit_bias: Option<std::collections::BTreeMap<String, Number>>,
    top_logprobs: Option<Number>,
    seed: Option<i64>,
    stop: Option<Stop>,
    max_tokens: Option<Number>,
    max_completion_tokens: Option<Number>,
    reasoning_effort: Option<String>,
    tools: Option<Vec<RawTool>>,
    tool_choice: Option<RawChoice>,
    response_format: Option<RawFormat>,
    #[serde(default)]
    functions: Present,
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
struct StreamOptions {
    include_usage: Option<bool>,
}

impl Raw {
    fn refuse(&self) -> Result<(), Error> {
        refused::check(&[
            ("api_base", self.api_base),
            ("base_url", self.base_url),
            ("api_key", self.api_key),
            ("extra_headers", self.extra_headers),
            ("functions", self.functions),
        ])
    }
}
