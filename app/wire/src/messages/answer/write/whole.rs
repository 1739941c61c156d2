//! A message in one piece.

use bytes::Bytes;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{PROTOCOL, stop_reason, usage_of};
use crate::answer::{Collected, Identity, Told, json_bytes};

/// The upstream's own body, untouched; written here if it had none in this protocol.
pub fn whole(answer: &Collected, identity: &Identity) -> Bytes {
    match answer.body(PROTOCOL, is_body) {
        Some(body) => body.data.clone(),
        None => json_bytes(&message(&answer.told, identity)),
    }
}

pub(super) fn message(told: &Told, identity: &Identity) -> Value {
    let mut content = vec![];
    if !told.reasoning.is_empty() {
        content.push(json!({ "type": "thinking", "thinking": told.reasoning, "signature": "" }));
    }
    if !told.text.is_empty() {
        content.push(json!({ "type": "text", "text": told.text }));
    }
    content.extend(
        told.calls.iter().map(
            |call| json!({ "type": "tool_use", "id": call.id, "name": call.name, "input": input(&call.arguments) }),
        ),
    );
    json!({
        "id": identity.id,
        "type": "message",
        "role": "assistant",
        "model": identity.model,
        "content": content,
        "stop_reason": told.finish.map(stop_reason),
        "stop_sequence": null,
        "usage": usage_of(told.usage),
    })
}

/// Arguments are JSON text in our words and JSON here. What a model broke stands there as text, not as nothing.
fn input(arguments: &str) -> Value {
    match serde_json::from_str(arguments) {
        Ok(input) => input,
        Err(_) if arguments.trim().is_empty() => json!({}),
        Err(_) => json!(arguments),
    }
}

fn is_body(data: &[u8]) -> bool {
    #[derive(Deserialize)]
    struct Body {
        #[serde(rename = "type")]
        kind: String,
    }
    serde_json::from_slice::<Body>(data).is_ok_and(|body| body.kind == "message")
}
