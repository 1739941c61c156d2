//! Writes chat completions: chunk by chunk, or whole.
//!
//! Frames of an upstream that speaks this protocol are passed on byte for byte. One id, one `created`, one role and
//! one finish hold for the whole answer, however many attempts it took.

mod frames;
mod whole;

use serde::Deserialize;
use serde_json::{Value, json};
use steadfast::Error;
use steadfast_contract::{
    chat::Protocol,
    chunk::{Chunk, Frame, Piece},
    stream_log::AnswerWriter,
};

pub use self::whole::whole;
use super::super::question::read::UsageFrame;
use crate::{
    again::{Memo, Speaks},
    answer::{Manner, Setting, Told, own},
};

#[derive(Debug)]
pub struct Writer {
    setting: Setting,
    usage_frame: UsageFrame,
    manner: Manner,
    told: Told,
    role: Said,
    usage: Said,
    identity: Said,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Said {
    Yes,
    NotYet,
}

impl Writer {
    pub fn new(setting: Setting, usage_frame: UsageFrame) -> Self {
        Self {
            setting,
            usage_frame,
            manner: Manner::default(),
            told: Told::default(),
            role: Said::NotYet,
            usage: Said::NotYet,
            identity: Said::NotYet,
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
        let is_end = matches!(piece.chunk, Chunk::Finish { .. });
        match self.manner {
            Manner::PassedOn => frames.extend(self.pass_on(piece)),
            Manner::Written => frames.extend(self.write(&piece.chunk)),
            Manner::Undecided => {}
        }
        if is_end {
            frames.extend(self.end());
        }
        frames
    }

    fn fail(&mut self, error: &Error) -> Vec<Frame> {
        let mut chunk = self.chunk(&[json!({ "index": 0, "delta": {}, "finish_reason": "error" })]);
        chunk["error"] = self.setting.error(error, &self.told);
        vec![frames::data(&chunk)]
    }

    fn snapshot(&self) -> Value {
        json!({ "choices": [{
            "index": 0,
            "content": self.told.text,
            "reasoning_content": self.told.reasoning,
            "tool_calls": frames::calls(&self.told.calls),
            "finish_reason": self.told.finish.map(|reason| reason.as_str()),
        }] })
    }

    fn memo(&self) -> Value {
        Memo::of(&self.setting, &self.told, Speaks::ChatCompletions { usage: self.usage_frame })
    }
}

impl Writer {
    fn pass_on(&mut self, piece: Piece) -> Vec<Frame> {
        let may_be_usage = matches!(piece.chunk, Chunk::Finish { .. } | Chunk::Other(_));
        let mut frames = own(piece.wire, PROTOCOL);
        if let (Said::NotYet, Some(first)) = (self.identity, frames.first()) {
            self.take_identity(&first.data);
        }
        if may_be_usage {
            frames.retain(|frame| match frames::is_only_usage(&frame.data) {
                true => {
                    self.usage = Said::Yes;
                    self.usage_frame == UsageFrame::Wanted
                }
                false => true,
            });
        }
        self.role = Said::Yes;
        frames
    }

    /// From here on the answer is what the upstream calls it, whoever goes on with it.
    fn take_identity(&mut self, data: &[u8]) {
        #[derive(Deserialize)]
        struct Named {
            id: Option<String>,
            created: Option<u64>,
            model: Option<String>,
        }
        self.identity = Said::Yes;
        let Ok(named) = serde_json::from_slice::<Named>(data) else { return };
        let identity = &mut self.setting.identity;
        identity.id = named.id.unwrap_or_else(|| std::mem::take(&mut identity.id));
        identity.created = named.created.unwrap_or(identity.created);
        identity.model = named.model.unwrap_or_else(|| std::mem::take(&mut identity.model));
    }

    fn write(&mut self, chunk: &Chunk) -> Option<Frame> {
        let (mut delta, finish) = match chunk {
            Chunk::Text(text) => (json!({ "content": text }), None),
            Chunk::Reasoning(text) => (json!({ "reasoning_content": text }), None),
            Chunk::ToolCall(part) => (json!({ "tool_calls": [frames::call_part(part)] }), None),
            Chunk::Finish { reason, .. } => (json!({}), Some(reason.as_str())),
            Chunk::Status(_) | Chunk::Other(_) => return None,
        };
        if std::mem::replace(&mut self.role, Said::Yes) == Said::NotYet {
            delta = frames::with_role(delta);
        }
        let choice = json!({ "index": 0, "delta": delta, "logprobs": null, "finish_reason": finish });
        Some(frames::data(&self.chunk(&[choice])))
    }

    /// The usage, if it is wanted, known and not said yet; then the marker of a good end.
    fn end(&mut self) -> Vec<Frame> {
        let wanted = self.usage_frame == UsageFrame::Wanted && self.usage == Said::NotYet;
        let usage = self.told.usage.filter(|_| wanted).map(|usage| {
            let mut chunk = self.chunk(&[]);
            chunk["usage"] = frames::usage(usage);
            frames::data(&chunk)
        });
        usage.into_iter().chain([frames::done()]).collect()
    }

    fn chunk(&self, choices: &[Value]) -> Value {
        let identity = &self.setting.identity;
        json!({
            "id": identity.id,
            "object": "chat.completion.chunk",
            "created": identity.created,
            "model": identity.model,
            "choices": choices,
        })
    }
}

const PROTOCOL: Protocol = Protocol::ChatCompletions;
