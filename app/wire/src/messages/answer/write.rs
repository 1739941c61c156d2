//! Writes messages: event by event, or whole.
//!
//! Events of an upstream that speaks this protocol are passed on byte for byte; the blocks in them are watched, so
//! that an answer which goes on elsewhere goes on in the block that is open.

mod blocks;
mod whole;

use serde_json::{Value, json};
use steadfast::Error;
use steadfast_contract::{
    chat::Protocol,
    chunk::{Chunk, FinishReason, Frame, Piece},
    stream_log::AnswerWriter,
    usage::Usage,
};

use self::blocks::Blocks;
pub use self::whole::whole;
use crate::{
    again::{Memo, Speaks},
    answer::{Manner, Setting, Told, named, own},
};

#[derive(Debug)]
pub struct Writer {
    setting: Setting,
    manner: Manner,
    told: Told,
    blocks: Blocks,
    start: Start,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Start {
    Said,
    NotYet,
}

impl Writer {
    pub fn new(setting: Setting) -> Self {
        Self {
            setting,
            manner: Manner::default(),
            told: Told::default(),
            blocks: Blocks::default(),
            start: Start::NotYet,
        }
    }
}

impl AnswerWriter for Writer {
    fn begin(&mut self) -> Vec<Frame> {
        vec![]
    }

    fn piece(&mut self, piece: Piece) -> Vec<Frame> {
        self.manner.hear(&piece, PROTOCOL);
        self.told.hear(&piece.chunk);
        let mut frames: Vec<Frame> = match &piece.chunk {
            Chunk::Status(status) => self.setting.status(PROTOCOL, status).into_iter().collect(),
            _ => vec![],
        };
        match self.manner {
            Manner::PassedOn => {
                let passed = own(piece.wire, PROTOCOL);
                passed.iter().for_each(|frame| self.watch(frame));
                frames.extend(passed);
            }
            Manner::Written => self.write(&piece.chunk, &mut frames),
            Manner::Undecided => {}
        }
        frames
    }

    fn fail(&mut self, error: &Error) -> Vec<Frame> {
        let error = self.setting.error(error, &self.told);
        let request_id = error["steadfast"]["request_id"].clone();
        vec![event("error", &json!({ "type": "error", "error": error, "request_id": request_id }))]
    }

    fn snapshot(&self) -> Value {
        whole::message(&self.told, &self.setting.identity)
    }

    fn memo(&self) -> Value {
        Memo::of(&self.setting, &self.told, Speaks::Messages)
    }
}

impl Writer {
    fn watch(&mut self, frame: &Frame) {
        self.start = Start::Said;
        self.blocks.watch(frame);
    }

    fn write(&mut self, chunk: &Chunk, frames: &mut Vec<Frame>) {
        if matches!(chunk, Chunk::Status(_) | Chunk::Other(_)) {
            return;
        }
        if std::mem::replace(&mut self.start, Start::Said) == Start::NotYet {
            frames.push(self.message_start());
        }
        match chunk {
            Chunk::Text(text) => self.blocks.text(text, frames),
            Chunk::Reasoning(text) => self.blocks.thinking(text, frames),
            Chunk::ToolCall(part) => self.blocks.call(part, frames),
            Chunk::Finish { reason, usage } => {
                self.blocks.close_all(frames);
                let delta = json!({ "stop_reason": stop_reason(*reason), "stop_sequence": null });
                let usage = usage_of(*usage);
                frames
                    .push(event("message_delta", &json!({ "type": "message_delta", "delta": delta, "usage": usage })));
                frames.push(event("message_stop", &json!({ "type": "message_stop" })));
            }
            Chunk::Status(_) | Chunk::Other(_) => {}
        }
    }

    /// What was read is known at the end only, and then said in `message_delta`.
    fn message_start(&self) -> Frame {
        let mut message = whole::message(&Told::default(), &self.setting.identity);
        message["usage"] = usage_of(None);
        event("message_start", &json!({ "type": "message_start", "message": message }))
    }
}

fn event(name: &'static str, value: &Value) -> Frame {
    named(PROTOCOL, name, value)
}

fn stop_reason(reason: FinishReason) -> &'static str {
    match reason {
        FinishReason::Stop => "end_turn",
        FinishReason::Length => "max_tokens",
        FinishReason::ContentFilter => "refusal",
        FinishReason::ToolCalls => "tool_use",
    }
}

/// Anthropic counts what came from a cache beside what was read, not within it.
fn usage_of(usage: Option<Usage>) -> Value {
    let usage = usage.unwrap_or_default();
    json!({
        "input_tokens": usage.prompt_tokens.saturating_sub(usage.cached_tokens),
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": usage.cached_tokens,
        "output_tokens": usage.completion_tokens,
    })
}

const PROTOCOL: Protocol = Protocol::Messages;
