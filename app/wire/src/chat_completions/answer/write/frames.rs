//! The pieces of a chat completion's frames.

use bytes::Bytes;
use serde::{Deserialize, de::IgnoredAny};
use serde_json::{Value, json};
use steadfast_contract::{
    chunk::{Frame, ToolCallPart},
    usage::Usage,
};

use super::PROTOCOL;
use crate::answer::{Call, json_bytes};

pub(super) fn data(value: &Value) -> Frame {
    Frame { protocol: PROTOCOL, event: None, data: json_bytes(value) }
}

pub(super) fn done() -> Frame {
    Frame { protocol: PROTOCOL, event: None, data: Bytes::from_static(b"[DONE]") }
}

/// The first delta of an answer says who speaks, and always has a content.
pub(super) fn with_role(delta: Value) -> Value {
    let mut first = json!({ "role": "assistant", "content": "" });
    if let (Value::Object(first), Value::Object(delta)) = (&mut first, delta) {
        first.extend(delta);
    }
    first
}

pub(super) fn call_part(part: &ToolCallPart) -> Value {
    let mut call = json!({ "index": part.index });
    if let Some(id) = &part.id {
        call["id"] = id.as_str().into();
        call["type"] = "function".into();
    }
    if let Some(name) = &part.name {
        call["function"]["name"] = name.as_str().into();
    }
    call["function"]["arguments"] = part.arguments.as_str().into();
    call
}

pub(super) fn calls(calls: &[Call]) -> Vec<Value> {
    let one = |call: &Call| json!({ "id": call.id, "type": "function", "function": { "name": call.name, "arguments": call.arguments } });
    calls.iter().map(one).collect()
}

pub(super) fn usage(usage: Usage) -> Value {
    json!({
        "prompt_tokens": usage.prompt_tokens,
        "completion_tokens": usage.completion_tokens,
        "total_tokens": usage.total_tokens(),
        "prompt_tokens_details": { "cached_tokens": usage.cached_tokens },
    })
}

/// The frame after the finish that has no choices.
pub(super) fn is_only_usage(data: &[u8]) -> bool {
    #[derive(Deserialize)]
    struct Peek {
        #[serde(default)]
        choices: Vec<IgnoredAny>,
        usage: Option<IgnoredAny>,
    }
    serde_json::from_slice::<Peek>(data).is_ok_and(|peek| peek.choices.is_empty() && peek.usage.is_some())
}
