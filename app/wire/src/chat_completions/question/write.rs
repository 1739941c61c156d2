//! A question for a server that speaks the protocol. The client's own bytes where it spoke the same protocol, with
//! only those members changed that must be; otherwise written anew from our words.

mod typed;

use bytes::Bytes;
use serde_json::Value;
use steadfast::Error;
use steadfast_contract::{
    chat::{ChatRequest, Protocol},
    provider::Delivery,
};

use crate::{
    json,
    object::{Object, to_json},
};

/// What the model does with a last message of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Turn {
    /// It answers as the server likes.
    Begin,
    /// It goes on with that very text; says so in the way of vLLM and llama.cpp.
    GoOn,
}

/// Whose words the server knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// OpenAI itself: refuses what it does not know, and `max_tokens` with its newer models.
    OpenAi,
    /// Everybody else: more ways to sample, and the old name of the token limit, which all of them know.
    Others,
}

/// How a question is put.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Manner {
    pub delivery: Delivery,
    pub turn: Turn,
    pub dialect: Dialect,
}

pub fn write(request: &ChatRequest, manner: Manner) -> Result<Bytes, Error> {
    match &request.source {
        Some(source) if source.protocol == Protocol::ChatCompletions => {
            edited(&source.body, &request.model, manner.delivery)
        }
        _ => to_json(&typed::Body::of(request, manner)?),
    }
}

fn edited(body: &Bytes, model: &str, delivery: Delivery) -> Result<Bytes, Error> {
    let mut object = Object::parse(body)?;
    if fits(&object, model, delivery) {
        return Ok(body.clone());
    }
    object.set("model", &model)?;
    match delivery {
        Delivery::Streamed => {
            let options = with_usage(object.get("stream_options"));
            object.set("stream", &true)?;
            object.set("stream_options", &options)?;
        }
        Delivery::Whole => {
            if object.get("stream").is_some() {
                object.set("stream", &false)?;
            }
            // OpenAI refuses them without a stream.
            object.remove("stream_options");
        }
    }
    object.to_bytes()
}

/// Whether the client's bytes say already what has to be said. A member that stands twice is put right.
fn fits(object: &Object<'_>, model: &str, delivery: Delivery) -> bool {
    let said = |name: &str| object.get(name).filter(|json| *json != "null");
    let delivery_fits = match delivery {
        Delivery::Streamed => said("stream") == Some("true") && asks_for_usage(said("stream_options")),
        Delivery::Whole => matches!(said("stream"), None | Some("false")) && said("stream_options").is_none(),
    };
    delivery_fits
        && said("model").is_some_and(|json| json::is_text(json, model))
        && ["model", "stream", "stream_options"].into_iter().all(|name| object.has_at_most_one(name))
}

fn asks_for_usage(options: Option<&str>) -> bool {
    let options = options.and_then(|options| serde_json::from_str::<Value>(options).ok());
    options.is_some_and(|options| options["include_usage"] == Value::Bool(true))
}

/// The client's options and the usage, which we need; the client's writer drops what its client did not ask for.
fn with_usage(options: Option<&str>) -> Value {
    let mut options = match options.and_then(|options| serde_json::from_str(options).ok()) {
        Some(Value::Object(options)) => options,
        _ => serde_json::Map::new(),
    };
    options.insert("include_usage".to_owned(), Value::Bool(true));
    Value::Object(options)
}

/// An embeddings request with the model's name at that server; untouched when that is what it says.
pub fn with_model(body: &Bytes, model: &str) -> Result<Bytes, Error> {
    let mut object = Object::parse(body)?;
    if object.get("model").is_some_and(|json| json::is_text(json, model)) {
        return Ok(body.clone());
    }
    object.set("model", &model)?;
    object.to_bytes()
}

#[cfg(test)]
mod tests;
