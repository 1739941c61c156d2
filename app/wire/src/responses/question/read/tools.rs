//! What the model may call, and the shape of its answer, in the words of the Responses protocol.

use serde::Deserialize;
use serde_json::value::RawValue;
use steadfast::Error;
use steadfast_contract::chat::{AnswerFormat, Tool, ToolChoice};

use crate::{
    json::wrong,
    question::{self, names, refused::unsupported},
};

#[derive(Debug, Deserialize)]
pub(super) struct RawTool {
    #[serde(rename = "type")]
    kind: String,
    name: Option<String>,
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
        name: Option<String>,
    },
}

#[derive(Debug, Deserialize)]
pub(super) struct Text {
    format: Option<RawFormat>,
}

#[derive(Debug, Deserialize)]
struct RawFormat {
    #[serde(rename = "type")]
    kind: String,
    name: Option<String>,
    schema: Option<Box<RawValue>>,
    strict: Option<bool>,
}

pub(super) fn check(tools: Vec<RawTool>) -> Result<Vec<Tool>, Error> {
    let tools: Vec<Tool> = tools
        .into_iter()
        .enumerate()
        .map(|(number, raw)| raw.check(&format!("tools[{number}]")))
        .collect::<Result<_, _>>()?;
    names::unique(tools.iter().map(|tool| tool.name.as_str()))?;
    Ok(tools)
}

impl RawTool {
    fn check(self, place: &str) -> Result<Tool, Error> {
        if self.kind != "function" {
            return Err(unsupported(place, &format!("a tool of type {} runs at OpenAI only", self.kind)));
        }
        let name = self.name.ok_or_else(|| wrong(&format!("{place}.name"), "it must be there"))?;
        names::tool(&format!("{place}.name"), &name)?;
        question::is_object(&format!("{place}.parameters"), self.parameters.as_deref())?;
        Ok(Tool { name, description: self.description, parameters: self.parameters, strict: self.strict })
    }
}

pub(super) fn choice(raw: Option<RawChoice>, tools: &[Tool]) -> Result<ToolChoice, Error> {
    let choice = match raw {
        None => ToolChoice::Auto,
        Some(RawChoice::Word(word)) => match word.as_str() {
            "auto" => ToolChoice::Auto,
            "none" => ToolChoice::Never,
            "required" => ToolChoice::Required,
            _ => return Err(wrong("tool_choice", "it is `none`, `auto`, `required`, or names a function")),
        },
        Some(RawChoice::Object { kind, name: Some(name) }) if kind == "function" => ToolChoice::Named(name),
        Some(RawChoice::Object { kind, .. }) => {
            return Err(unsupported("tool_choice", &format!("a choice of type {kind:?} is not understood here")));
        }
    };
    question::choice(choice, tools, &[])
}

pub(super) fn format(text: Option<Text>) -> Result<AnswerFormat, Error> {
    let Some(format) = text.and_then(|text| text.format) else { return Ok(AnswerFormat::Text) };
    match (format.kind.as_str(), format.schema) {
        ("text", _) => Ok(AnswerFormat::Text),
        ("json_object", _) => Ok(AnswerFormat::Json),
        ("json_schema", Some(schema)) => {
            question::is_object("text.format.schema", Some(&schema))?;
            let name = format.name.ok_or_else(|| wrong("text.format.name", "it must be there"))?;
            Ok(AnswerFormat::Schema { name, schema, strict: format.strict })
        }
        ("json_schema", None) => Err(wrong("text.format", "it needs its `schema`")),
        _ => Err(wrong("text.format.type", "it is `text`, `json_object` or `json_schema`")),
    }
}
