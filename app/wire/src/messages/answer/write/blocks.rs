//! The content blocks of a message: which are open, and what number the next one gets.
//!
//! Text and thoughts have one open block at a time. Calls stay open until something else begins, because their parts
//! may come in turns, and every delta says whose it is.

use serde::Deserialize;
use serde_json::{Value, json};
use steadfast_contract::chunk::{Frame, ToolCallPart};

use super::event;

#[derive(Debug, Default)]
pub(super) struct Blocks {
    next: u32,
    open: Vec<Open>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Open {
    index: u32,
    kind: Kind,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Kind {
    Text,
    Thinking,
    /// A call, by its number among the calls.
    Call(u32),
    /// Something that only the upstream can say.
    Other,
}

impl Blocks {
    pub(super) fn text(&mut self, text: &str, frames: &mut Vec<Frame>) {
        let index = self.opened(Kind::Text, || json!({ "type": "text", "text": "" }), frames);
        delta(index, json!({ "type": "text_delta", "text": text }), frames);
    }

    pub(super) fn thinking(&mut self, text: &str, frames: &mut Vec<Frame>) {
        let begin = || json!({ "type": "thinking", "thinking": "", "signature": "" });
        let index = self.opened(Kind::Thinking, begin, frames);
        delta(index, json!({ "type": "thinking_delta", "thinking": text }), frames);
    }

    pub(super) fn call(&mut self, part: &ToolCallPart, frames: &mut Vec<Frame>) {
        let begin = || json!({ "type": "tool_use", "id": part.id, "name": part.name, "input": {} });
        let index = self.opened(Kind::Call(part.index), begin, frames);
        if !part.arguments.is_empty() {
            delta(index, json!({ "type": "input_json_delta", "partial_json": part.arguments }), frames);
        }
    }

    pub(super) fn close_all(&mut self, frames: &mut Vec<Frame>) {
        for open in std::mem::take(&mut self.open) {
            frames.push(event("content_block_stop", &json!({ "type": "content_block_stop", "index": open.index })));
        }
    }

    /// The open block of this kind, or a new one behind all that are open.
    fn opened(&mut self, kind: Kind, begin: impl Fn() -> Value, frames: &mut Vec<Frame>) -> u32 {
        if let Some(open) = self.open.iter().find(|open| open.kind == kind) {
            return open.index;
        }
        let only_calls = self.open.iter().all(|open| matches!(open.kind, Kind::Call(_)));
        if !(only_calls && matches!(kind, Kind::Call(_))) {
            self.close_all(frames);
        }
        let index = self.next;
        self.next += 1;
        self.open.push(Open { index, kind });
        let start = json!({ "type": "content_block_start", "index": index, "content_block": begin() });
        frames.push(event("content_block_start", &start));
        index
    }

    /// Keeps up with an upstream's own events.
    pub(super) fn watch(&mut self, frame: &Frame) {
        #[derive(Deserialize)]
        struct Event {
            index: u32,
            content_block: Option<Begun>,
        }
        #[derive(Deserialize)]
        struct Begun {
            #[serde(rename = "type")]
            kind: String,
        }
        let name = frame.event.as_deref().unwrap_or_default();
        if !matches!(name, "content_block_start" | "content_block_stop") {
            return;
        }
        let Ok(event) = serde_json::from_slice::<Event>(&frame.data) else { return };
        match event.content_block {
            Some(begun) => {
                let kind = match begun.kind.as_str() {
                    "text" => Kind::Text,
                    "thinking" => Kind::Thinking,
                    _ => Kind::Other,
                };
                self.open.push(Open { index: event.index, kind });
                self.next = event.index + 1;
            }
            None => self.open.retain(|open| open.index != event.index),
        }
    }
}

fn delta(index: u32, delta: Value, frames: &mut Vec<Frame>) {
    frames
        .push(event("content_block_delta", &json!({ "type": "content_block_delta", "index": index, "delta": delta })));
}
