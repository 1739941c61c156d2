//! What the model may call, and the shape of its answer, in Anthropic's words.

use serde::Deserialize;
use serde_json::value::RawValue;
use steadfast::Error;
use steadfast_contract::chat::{AnswerFormat, Tool, ToolChoice};

use crate::{
    json::wrong,
    question::{self, names},
};

#[derive(Debug, Deserialize)]
pub(super) struct RawTool {
    #[serde(rename = "type")]
    kind: Option<String>,
    name: Option<String>,
    description: Option<String>,
    input_schema: Option<Box<RawValue>>,
    strict: Option<bool>,
}

#[derive(Debug, Deserialize)]
pub(super) struct RawChoice {
    #[serde(rename = "type")]
    kind: String,
    name: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(super) struct OutputConfig {
    pub(super) effort: Option<String>,
    format: Option<RawFormat>,
}

#[derive(Debug, Clone, Deserialize)]
pub(super) struct RawFormat {
    #[serde(rename = "type")]
    kind: String,
    schema: Option<Box<RawValue>>,
}

/// The tools of the client, and the kinds of those that Anthropic's own servers run.
pub(super) fn check(tools: Vec<RawTool>) -> Result<(Vec<Tool>, Vec<String>), Error> {
    let (mut own, mut foreign) = (vec![], vec![]);
    for (number, raw) in tools.into_iter().enumerate() {
        match raw.kind.as_deref() {
            None | Some("custom") => own.push(raw.check(&format!("tools[{number}]"))?),
            Some(kind) => foreign.push(kind.to_owned()),
        }
    }
    names::unique(own.iter().map(|tool| tool.name.as_str()))?;
    Ok((own, foreign))
}

impl RawTool {
    fn check(self, place: &str) -> Result<Tool, Error> {
        let name = self.name.ok_or_else(|| wrong(&format!("{place}.name"), "it must be there"))?;
        names::tool(&format!("{place}.name"), &name)?;
        question::is_object(&format!("{place}.input_schema"), self.input_schema.as_deref())?;
        Ok(Tool { name, description: self.description, parameters: self.input_schema, strict: self.strict })
    }
}

pub(super) fn choice(raw: Option<RawChoice>, tools: &[Tool], foreign: &[String]) -> Result<ToolChoice, Error> {
    let Some(raw) = raw else { return Ok(ToolChoice::Auto) };
    let choice = match (raw.kind.as_str(), raw.name) {
        ("auto", _) => ToolChoice::Auto,
        ("none", _) => ToolChoice::Never,
        ("any", _) => ToolChoice::Required,
        ("tool", Some(name)) => ToolChoice::Named(name),
        _ => return Err(wrong("tool_choice", "its type is `auto`, `any`, `none`, or `tool` with a `name`")),
    };
    question::choice(choice, tools, foreign)
}

pub(super) fn format(config: Option<&OutputConfig>, older: Option<RawFormat>) -> Result<AnswerFormat, Error> {
    let Some(format) = config.and_then(|config| config.format.clone()).or(older) else { return Ok(AnswerFormat::Text) };
    match (format.kind.as_str(), format.schema) {
        ("json_schema", Some(schema)) => {
            question::is_object("output_config.format.schema", Some(&schema))?;
            Ok(AnswerFormat::Schema { name: "answer".to_owned(), schema, strict: None })
        }
        _ => Err(wrong("output_config.format", "its type is `json_schema`, with a `schema`")),
    }
}
