//! A chat completion in one piece.

use bytes::Bytes;
use serde::{Deserialize, de::IgnoredAny};
use serde_json::json;

use super::{PROTOCOL, frames};
use crate::answer::{Collected, Identity, json_bytes};

/// The upstream's own body, untouched; written here if it had none in this protocol.
pub fn whole(answer: &Collected, identity: &Identity) -> Bytes {
    if let Some(body) = answer.body(PROTOCOL, is_body) {
        return body.data.clone();
    }
    let told = &answer.told;
    let content = Some(&told.text).filter(|text| !text.is_empty() || told.calls.is_empty());
    let mut message = json!({ "role": "assistant", "content": content, "refusal": null });
    if !told.reasoning.is_empty() {
        message["reasoning_content"] = told.reasoning.as_str().into();
    }
    if !told.calls.is_empty() {
        message["tool_calls"] = frames::calls(&told.calls).into();
    }
    json_bytes(&json!({
        "id": identity.id,
        "object": "chat.completion",
        "created": identity.created,
        "model": identity.model,
        "choices": [{
            "index": 0,
            "message": message,
            "logprobs": null,
            "finish_reason": told.finish.map(|reason| reason.as_str()),
        }],
        "usage": told.usage.map(frames::usage),
    }))
}

/// A body has a message where an event has a delta.
fn is_body(data: &[u8]) -> bool {
    #[derive(Deserialize)]
    struct Body {
        choices: Vec<Choice>,
    }
    #[derive(Deserialize)]
    struct Choice {
        message: Option<IgnoredAny>,
    }
    serde_json::from_slice::<Body>(data).is_ok_and(|body| body.choices.iter().any(|choice| choice.message.is_some()))
}
