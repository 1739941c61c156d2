//! A question for Anthropic's servers. The client's own bytes where it spoke the same protocol, with only `model` and
//! `stream` changed where they must be; otherwise written anew from our words.

mod turns;
mod typed;

use std::borrow::Cow;

use bytes::Bytes;
use serde::Deserialize;
use steadfast::Error;
use steadfast_contract::{
    chat::{ChatRequest, Protocol},
    provider::Delivery,
};

use crate::object::{Object, to_json};

pub fn write(request: &ChatRequest, delivery: Delivery) -> Result<Bytes, Error> {
    match &request.source {
        Some(source) if source.protocol == Protocol::Messages => edited(&source.body, &request.model, delivery),
        _ => to_json(&typed::Body::of(request, delivery)?),
    }
}

#[derive(Deserialize)]
struct Peek<'a> {
    #[serde(borrow)]
    model: Option<Cow<'a, str>>,
    stream: Option<bool>,
}

fn edited(body: &Bytes, model: &str, delivery: Delivery) -> Result<Bytes, Error> {
    let streams = delivery == Delivery::Streamed;
    let peek = serde_json::from_slice::<Peek<'_>>(body).ok();
    if peek.is_some_and(|peek| peek.model.as_deref() == Some(model) && peek.stream.unwrap_or_default() == streams) {
        return Ok(body.clone());
    }
    let mut object = Object::parse(body)?;
    object.set("model", &model)?;
    if streams || object.get("stream").is_some() {
        object.set("stream", &streams)?;
    }
    object.to_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;
    use steadfast_contract::chat::Source;

    fn asked(body: &'static str, model: &str, delivery: Delivery) -> Bytes {
        let source = Some(Source { protocol: Protocol::Messages, body: body.into(), headers: vec![] });
        write(&ChatRequest { model: model.into(), source, ..ChatRequest::default() }, delivery).unwrap()
    }

    #[test]
    fn only_what_must_change_changes() {
        let body = r#"{ "model":"m","max_tokens":5,"thinking":{"type":"enabled"},"stream":true}"#;
        assert_eq!(asked(body, "m", Delivery::Streamed), body);
        assert_eq!(
            asked(body, "n", Delivery::Whole),
            r#"{"model":"n","max_tokens":5,"thinking":{"type":"enabled"},"stream":false}"#
        );
        let whole = r#"{"model":"m","messages":[ ]}"#;
        assert_eq!(asked(whole, "m", Delivery::Whole), whole);
        assert_eq!(asked(whole, "m", Delivery::Streamed), r#"{"model":"m","messages":[ ],"stream":true}"#);
    }
}
