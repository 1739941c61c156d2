//! A question for a server that speaks the protocol. The client's own bytes where it spoke the same protocol, with
//! only those members changed that must be; otherwise written anew from our words.

mod typed;

use std::borrow::Cow;

use bytes::Bytes;
use serde::Deserialize;
use serde_json::{Value, value::RawValue};
use steadfast::Error;
use steadfast_contract::{
    chat::{ChatRequest, Protocol},
    provider::Delivery,
};

use crate::object::{Object, to_json};

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

/// The members that may have to change.
#[derive(Deserialize)]
struct Peek<'a> {
    #[serde(borrow)]
    model: Option<Cow<'a, str>>,
    stream: Option<bool>,
    #[serde(borrow)]
    stream_options: Option<&'a RawValue>,
}

fn edited(body: &Bytes, model: &str, delivery: Delivery) -> Result<Bytes, Error> {
    let peek = serde_json::from_slice::<Peek<'_>>(body).ok();
    if peek.is_some_and(|peek| peek.fits(model, delivery)) {
        return Ok(body.clone());
    }
    let mut object = Object::parse(body)?;
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

impl Peek<'_> {
    fn fits(&self, model: &str, delivery: Delivery) -> bool {
        let streams = self.stream.unwrap_or_default();
        let delivery_fits = match delivery {
            Delivery::Streamed => streams && asks_for_usage(self.stream_options.map(RawValue::get)),
            Delivery::Whole => !streams && self.stream_options.is_none(),
        };
        delivery_fits && self.model.as_deref() == Some(model)
    }
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
    if object.get("model").and_then(|name| serde_json::from_str::<String>(name).ok()).as_deref() == Some(model) {
        return Ok(body.clone());
    }
    object.set("model", &model)?;
    object.to_bytes()
}

#[cfg(test)]
mod tests;
