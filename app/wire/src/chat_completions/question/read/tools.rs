//! What the model may call, and the shape of its answer.

use serde::Deserialize;
use serde_json::value::RawValue;
use steadfast::Error;
use steadfast_contract::chat::{AnswerFormat, Tool, ToolChoice};

use crate::{
    json::wrong,
    question::{self, names, refused},
};

#[derive(Debug, Deserialize)]
pub(super) struct RawTool {
    #[serde(rename = "type")]
    kind: String,
    function: Option<RawFunction>,
}

#[derive(Debug, Deserialize)]
struct RawFunction {
    name: String,
    description: Option<String>,
    parameters: Option<Box<RawValue>>,
    strict: Option<bool>,
}

#[derive(Debug, Deserialize)]
#[serde(untagged, expecting = "`none`, `auto`, `required`, or an object that names a function")]
pub(super) enum RawChoice {
    Word(String),
    Object {
        #[serde(rename = "type")]
        kind: String,
        function: Option<Named>,
    },
}

#[derive(Debug, Deserialize)]
pub(super) struct Named {
    name: String,
}

#[derive(Debug, Deserialize)]
pub(super) struct RawFormat {
    #[serde(rename = "type")]
    kind: String,
    json_schema: Option<RawSchema>,
}

#[derive(Debug, Deserialize)]
struct RawSchema {
    name: String,
    schema: Option<Box<RawValue>>,
    strict: Option<bool>,
}

/// The functions, and the kinds of those tools that only OpenAI's own servers know.
pub(super) fn check(tools: Vec<RawTool>) -> Result<(Vec<Tool>, Vec<String>), Error> {
    let (mut functions, mut foreign) = (vec![], vec![]);
    for (number, raw) in tools.into_iter().enumerate() {
        match (raw.kind.as_str(), raw.function) {
            ("function", Some(function)) => functions.push(function.check(&format!("tools[{number}].function"))?),
            ("function", None) => return Err(wrong(&format!("tools[{number}]"), "it needs its `function`")),
            _ => foreign.push(raw.kind),
        }
    }
    names::unique(functions.iter().map(|tool| tool.name.as_str()))?;
    Ok((functions, foreign))
}

impl RawFunction {
    fn check(self, place: &str) -> Result<Tool, Error> {
        names::tool(&format!("{place}.name"), &self.name)?;
        question::is_object(&format!("{place}.parameters"), self.parameters.as_deref())?;
        Ok(Tool { name: self.name, description: self.description, parameters: self.parameters, strict: self.strict })
    }
}

pub(super) fn choice(raw: Option<RawChoice>, tools: &[Tool], foreign: &[String]) -> Result<ToolChoice, Error> {
    let choice = match raw {
        None => ToolChoice::Auto,
        Some(RawChoice::Word(word)) => match word.as_str() {
            "auto" => ToolChoice::Auto,
            "none" => ToolChoice::Never,
            "required" => ToolChoice::Required,
            _ => return Err(wrong("tool_choice", "it is `none`, `auto`, `required`, or names a function")),
        },
        Some(RawChoice::Object { function: Some(named), .. }) => ToolChoice::Named(named.name),
        Some(RawChoice::Object { kind, .. }) => {
            return Err(refused::unsupported(
                "tool_choice",
                &format!("a choice of type {kind:?} is not understood here"),
            ));
        }
    };
    question::choice(choice, tools, foreign)
}

pub(super) fn format(raw: Option<RawFormat>) -> Result<AnswerFormat, Error> {
    let Some(raw) = raw else { return Ok(AnswerFormat::Text) };
    match (raw.kind.as_str(), raw.json_schema) {
        ("text", _) => Ok(AnswerFormat::Text),
        ("json_object", _) => Ok(AnswerFormat::Json),
        ("json_schema", Some(RawSchema { name, schema: Some(schema), strict })) => {
            question::is_object("response_format.json_schema.schema", Some(&schema))?;
            Ok(AnswerFormat::Schema { name, schema, strict })
        }
        ("json_schema", _) => Err(wrong("response_format.json_schema", "it needs its `schema`")),
        _ => Err(wrong("response_format.type", "it is `text`, `json_object` or `json_schema`")),
    }
}
