//! Our words as the protocol's JSON. What the protocol has no word for and changes only the taste of an answer (a
//! seed, a penalty) is left out; what would change its meaning is refused.

use serde::Serialize;
use serde_json::value::RawValue;
use steadfast::Error;
use steadfast_contract::{
    chat::{AnswerFormat, ChatRequest, Tool, ToolChoice},
    code,
    provider::Delivery,
};

use super::turns::{Turn, system, turns};

#[derive(Serialize)]
pub(super) struct Body<'a> {
    model: &'a str,
    max_tokens: u32,
    #[serde(skip_serializing_if = "String::is_empty")]
    system: String,
    messages: Vec<Turn<'a>>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    tools: Vec<WireTool<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_choice: Option<WireChoice<'a>>,
    #[serde(skip_serializing_if = "OutputConfig::is_empty")]
    output_config: OutputConfig<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    temperature: Option<f32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    top_p: Option<f32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    top_k: Option<u32>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    stop_sequences: Vec<&'a str>,
    stream: bool,
}

#[derive(Serialize)]
struct WireTool<'a> {
    name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<&'a str>,
    input_schema: &'a RawValue,
    #[serde(skip_serializing_if = "Option::is_none")]
    strict: Option<bool>,
}

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum WireChoice<'a> {
    None,
    Any,
    Tool { name: &'a str },
}

#[derive(Serialize)]
struct OutputConfig<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    effort: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    format: Option<WireFormat<'a>>,
}

#[derive(Serialize)]
struct WireFormat<'a> {
    r#type: &'static str,
    schema: &'a RawValue,
}

impl<'a> Body<'a> {
    pub(super) fn of(request: &'a ChatRequest, delivery: Delivery) -> Result<Self, Error> {
        let sampling = &request.sampling;
        Ok(Self {
            model: &request.model,
            max_tokens: sampling.max_tokens.unwrap_or(MAX_TOKENS),
            system: system(&request.messages),
            messages: turns(&request.messages)?,
            tools: request.tools.iter().map(WireTool::of).collect::<Result<_, _>>()?,
            tool_choice: Some(&request.tool_choice).filter(|_| !request.tools.is_empty()).and_then(tool_choice),
            output_config: OutputConfig {
                effort: request.reasoning_effort.as_deref().and_then(effort),
                format: format(&request.format)?,
            },
            // Elsewhere it may be as high as 2.
            temperature: sampling.temperature.map(|temperature| temperature.min(1.0)),
            top_p: sampling.top_p,
            top_k: sampling.top_k,
            // A stop of nothing but white space is refused.
            stop_sequences: sampling.stop.iter().map(String::as_str).filter(|stop| !stop.trim().is_empty()).collect(),
            stream: delivery == Delivery::Streamed,
        })
    }
}

impl<'a> WireTool<'a> {
    fn of(tool: &'a Tool) -> Result<Self, Error> {
        let input_schema = match &tool.parameters {
            Some(parameters) => parameters,
            None => no_parameters()?,
        };
        let description = tool.description.as_deref();
        Ok(Self { name: &tool.name, description, input_schema, strict: tool.strict.filter(|strict| *strict) })
    }
}

impl OutputConfig<'_> {
    fn is_empty(&self) -> bool {
        self.effort.is_none() && self.format.is_none()
    }
}

/// A schema must be there.
fn no_parameters() -> Result<&'static RawValue, Error> {
    serde_json::from_str(r#"{"type":"object","properties":{}}"#)
        .map_err(|error| Error::internal("a schema could not be written").with_source(error))
}

fn tool_choice(choice: &ToolChoice) -> Option<WireChoice<'_>> {
    Some(match choice {
        ToolChoice::Auto => return None,
        ToolChoice::Never => WireChoice::None,
        ToolChoice::Required => WireChoice::Any,
        ToolChoice::Named(name) => WireChoice::Tool { name },
    })
}

fn effort(word: &str) -> Option<&'static str> {
    match word {
        "minimal" | "low" => Some("low"),
        "medium" => Some("medium"),
        "high" | "xhigh" => Some("high"),
        "max" => Some("max"),
        _ => None,
    }
}

fn format(format: &AnswerFormat) -> Result<Option<WireFormat<'_>>, Error> {
    match format {
        AnswerFormat::Text => Ok(None),
        AnswerFormat::Schema { schema, .. } => Ok(Some(WireFormat { r#type: "json_schema", schema })),
        AnswerFormat::Json => {
            Err(code::unsupported_input("The model can be held to a JSON schema, but not to JSON of any shape."))
        }
    }
}

/// The protocol wants a number; every model that is offered today can write this much.
const MAX_TOKENS: u32 = 8192;
