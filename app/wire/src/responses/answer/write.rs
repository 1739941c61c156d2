//! Writes responses: event by event, or whole.
//!
//! Every event has its `sequence_number`, which is its place in the log less one: the protocol counts from 0, the log
//! from 1. So this writer makes no event that the protocol has no number for.

mod items;

use std::borrow::Cow;

use bytes::Bytes;
use serde_json::{Map, Value, json};
use steadfast::{Code, Error};
use steadfast_contract::{
    chat::Protocol,
    chunk::{Chunk, FinishReason, Frame, Piece},
    code,
    stream_log::AnswerWriter,
    usage::Usage,
};

use self::items::Items;
use crate::{
    again::{Memo, Speaks},
    answer::{Collected, Setting, Told, json_bytes, named},
};

#[derive(Debug)]
pub struct Writer {
    setting: Setting,
    echo: Map<String, Value>,
    told: Told,
    items: Items,
    events: Events,
    state: State,
    error: Value,
}

/// Events under way, each numbered as it is made.
#[derive(Debug, Default)]
struct Events {
    next: u64,
    made: Vec<Frame>,
}

/// How far a response is, in the protocol's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    Queued,
    InProgress,
    Completed,
    Incomplete,
    Failed,
    Cancelled,
}

impl State {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::InProgress => "in_progress",
            Self::Completed => "completed",
            Self::Incomplete => "incomplete",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }
}

impl Writer {
    pub fn new(setting: Setting, echo: Map<String, Value>) -> Self {
        let items = Items::new(&setting.identity.id);
        let events = Events::default();
        Self { setting, echo, told: Told::default(), items, events, state: State::Queued, error: Value::Null }
    }

    /// For a log whose first frame is number `first`.
    pub(crate) fn beginning_at(mut self, first: u64) -> Self {
        self.events.next = first.saturating_sub(1);
        self
    }
}

impl AnswerWriter for Writer {
    fn begin(&mut self) -> Vec<Frame> {
        self.state = State::InProgress;
        for name in ["response.created", "response.in_progress"] {
            self.events.add(name, json!({ "response": self.response() }));
        }
        self.events.take()
    }

    fn piece(&mut self, piece: Piece) -> Vec<Frame> {
        self.told.hear(&piece.chunk);
        match &piece.chunk {
            Chunk::Text(text) => self.items.text(text, &mut self.events),
            Chunk::Reasoning(text) => self.items.reasoning(text, &mut self.events),
            Chunk::ToolCall(part) => self.items.call(part, &mut self.events),
            Chunk::Finish { reason, .. } => self.finish(*reason),
            Chunk::Status(_) | Chunk::Other(_) => {}
        }
        self.events.take()
    }

    fn fail(&mut self, error: &Error) -> Vec<Frame> {
        self.state = match error.code() {
            Code::CANCELLED => State::Cancelled,
            code::INTERRUPTED => State::Incomplete,
            _ => State::Failed,
        };
        self.error = self.setting.error(error, &self.told);
        self.items.break_off();
        let name = if self.state == State::Incomplete { "response.incomplete" } else { "response.failed" };
        self.events.add(name, json!({ "response": self.response() }));
        self.events.take()
    }

    fn snapshot(&self) -> Value {
        self.response()
    }

    fn memo(&self) -> Value {
        Memo::of(&self.setting, &self.told, Speaks::Responses { echo: Cow::Borrowed(&self.echo) })
    }
}

impl Writer {
    fn finish(&mut self, reason: FinishReason) {
        self.items.close_all(&mut self.events);
        self.state = end_of(reason).0;
        let name = if self.state == State::Completed { "response.completed" } else { "response.incomplete" };
        self.events.add(name, json!({ "response": self.response() }));
    }

    fn response(&self) -> Value {
        let identity = &self.setting.identity;
        let mut response = Map::new();
        response.insert("id".into(), identity.id.as_str().into());
        response.insert("object".into(), "response".into());
        response.insert("created_at".into(), identity.created.into());
        response.insert("status".into(), self.state.as_str().into());
        let error = Some(&self.error).filter(|error| !error.is_null());
        let told = |error: &Value| json!({ "code": error["code"], "message": error["message"] });
        response.insert("error".into(), json!(error.map(told)));
        let interrupted = (self.state == State::Incomplete).then_some("interrupted");
        let details = self.told.finish.map_or(interrupted, |reason| end_of(reason).1);
        response.insert("incomplete_details".into(), json!(details.map(|reason| json!({ "reason": reason }))));
        response.insert("model".into(), identity.model.as_str().into());
        response.insert("output".into(), self.items.output().into());
        response.insert("previous_response_id".into(), Value::Null);
        response.extend(self.echo.clone());
        response.insert("usage".into(), json!(self.told.usage.map(usage)));
        if let Some(error) = error {
            response.insert("steadfast".into(), error["steadfast"].clone());
        }
        Value::Object(response)
    }
}

impl Events {
    fn add(&mut self, name: &'static str, members: Value) {
        let mut event = Map::new();
        event.insert("type".into(), name.into());
        event.insert("sequence_number".into(), self.next.into());
        if let Value::Object(members) = members {
            event.extend(members);
        }
        self.next += 1;
        self.made.push(named(Protocol::Responses, name, &Value::Object(event)));
    }

    fn take(&mut self) -> Vec<Frame> {
        std::mem::take(&mut self.made)
    }
}

/// A response in one piece: what the last event of a stream would hold.
pub fn whole(answer: Collected, setting: Setting, echo: Map<String, Value>) -> Bytes {
    let mut writer = Writer::new(setting, echo);
    let told = answer.told;
    writer.items.take_over(&told);
    writer.state = told.finish.map_or(State::InProgress, |reason| end_of(reason).0);
    writer.told = told;
    json_bytes(&writer.response())
}

/// A response that nobody has begun to give.
pub fn queued(setting: Setting, echo: Map<String, Value>) -> Value {
    Writer::new(setting, echo).response()
}

fn end_of(reason: FinishReason) -> (State, Option<&'static str>) {
    match reason {
        FinishReason::Stop | FinishReason::ToolCalls => (State::Completed, None),
        FinishReason::Length => (State::Incomplete, Some("max_output_tokens")),
        FinishReason::ContentFilter => (State::Incomplete, Some("content_filter")),
    }
}

fn usage(usage: Usage) -> Value {
    json!({
        "input_tokens": usage.prompt_tokens,
        "input_tokens_details": { "cached_tokens": usage.cached_tokens },
        "output_tokens": usage.completion_tokens,
        "output_tokens_details": { "reasoning_tokens": 0 },
        "total_tokens": usage.total_tokens(),
    })
}
