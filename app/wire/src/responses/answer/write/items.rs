//! The output items of a response, and the events that open, fill and close them.
//!
//! One item of text or thoughts is open at a time. Calls stay open until something else begins, because their parts
//! may come in turns, and every delta says whose it is.

use serde_json::{Value, json};
use steadfast_contract::chunk::ToolCallPart;

use super::Events;
use crate::answer::Told;

#[derive(Debug)]
pub(super) struct Items {
    /// What the ids of items are made of: the response's own, without its kind.
    stem: String,
    items: Vec<Item>,
}

#[derive(Debug)]
struct Item {
    id: String,
    state: ItemState,
    kind: Kind,
    /// Text, thoughts, or the arguments of a call.
    text: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ItemState {
    Open,
    Done,
    /// The answer ended in the middle of it.
    BrokenOff,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Kind {
    Message,
    Reasoning,
    Call { number: u32, call_id: String, name: String },
}

impl Items {
    pub(super) fn new(response: &str) -> Self {
        let stem = response.split_once('_').map_or(response, |(_, stem)| stem);
        Self { stem: stem.to_owned(), items: vec![] }
    }

    pub(super) fn text(&mut self, text: &str, events: &mut Events) {
        let at = self.opened(Kind::Message, events);
        let place = self.add(at, text);
        events.add(
            "response.output_text.delta",
            with(place, json!({ "content_index": 0, "delta": text, "logprobs": [] })),
        );
    }

    pub(super) fn reasoning(&mut self, text: &str, events: &mut Events) {
        let at = self.opened(Kind::Reasoning, events);
        let place = self.add(at, text);
        events.add("response.reasoning_text.delta", with(place, json!({ "content_index": 0, "delta": text })));
    }

    pub(super) fn call(&mut self, part: &ToolCallPart, events: &mut Events) {
        let known = self.items.iter().position(|item| item.is_open_call(part.index));
        let at = known.unwrap_or_else(|| {
            let call_id = part.id.clone().unwrap_or_default();
            let name = part.name.clone().unwrap_or_default();
            self.opened(Kind::Call { number: part.index, call_id, name }, events)
        });
        if !part.arguments.is_empty() {
            let place = self.add(at, &part.arguments);
            events.add("response.function_call_arguments.delta", with(place, json!({ "delta": part.arguments })));
        }
    }

    pub(super) fn close_all(&mut self, events: &mut Events) {
        for at in 0..self.items.len() {
            if self.items[at].state == ItemState::Open {
                self.items[at].state = ItemState::Done;
                self.items[at].closed(at, events);
            }
        }
    }

    pub(super) fn break_off(&mut self) {
        for item in self.items.iter_mut().filter(|item| item.state == ItemState::Open) {
            item.state = ItemState::BrokenOff;
        }
    }

    pub(super) fn output(&self) -> Vec<Value> {
        self.items.iter().map(Item::value).collect()
    }

    /// The items of an answer that is there as a whole.
    pub(super) fn take_over(&mut self, told: &Told) {
        if !told.reasoning.is_empty() {
            self.push(Kind::Reasoning, told.reasoning.clone(), ItemState::Done);
        }
        if !told.text.is_empty() || told.calls.is_empty() {
            self.push(Kind::Message, told.text.clone(), ItemState::Done);
        }
        for call in &told.calls {
            let kind = Kind::Call { number: call.index, call_id: call.id.clone(), name: call.name.clone() };
            self.push(kind, call.arguments.clone(), ItemState::Done);
        }
    }

    /// The open item of this kind, or a new one.
    fn opened(&mut self, kind: Kind, events: &mut Events) -> usize {
        let open = |item: &Item| item.state == ItemState::Open;
        if let Some(at) = self.items.iter().position(|item| open(item) && item.kind == kind) {
            return at;
        }
        let only_calls = self.items.iter().filter(|item| open(item)).all(|item| item.kind.is_call());
        if !(only_calls && kind.is_call()) {
            self.close_all(events);
        }
        let at = self.push(kind, String::new(), ItemState::Open);
        self.items[at].began(at, events);
        at
    }

    fn push(&mut self, kind: Kind, text: String, state: ItemState) -> usize {
        let at = self.items.len();
        let prefix = match kind {
            Kind::Message => "msg",
            Kind::Reasoning => "rs",
            Kind::Call { .. } => "fc",
        };
        self.items.push(Item { id: format!("{prefix}_{}_{at}", self.stem), state, kind, text });
        at
    }

    fn add(&mut self, at: usize, text: &str) -> Value {
        let item = &mut self.items[at];
        item.text.push_str(text);
        json!({ "item_id": item.id, "output_index": at })
    }
}

impl Kind {
    fn is_call(&self) -> bool {
        matches!(self, Self::Call { .. })
    }
}

impl Item {
    fn is_open_call(&self, index: u32) -> bool {
        self.state == ItemState::Open && matches!(self.kind, Kind::Call { number, .. } if number == index)
    }

    fn began(&self, at: usize, events: &mut Events) {
        let empty = match &self.kind {
            Kind::Message => {
                json!({ "type": "message", "id": self.id, "status": "in_progress", "role": "assistant", "content": [] })
            }
            Kind::Reasoning => json!({ "type": "reasoning", "id": self.id, "summary": [], "content": [] }),
            Kind::Call { .. } => self.value(),
        };
        events.add("response.output_item.added", json!({ "output_index": at, "item": empty }));
        if !self.kind.is_call() {
            events.add(
                "response.content_part.added",
                with(self.place(at), json!({ "content_index": 0, "part": self.part() })),
            );
        }
    }

    fn closed(&self, at: usize, events: &mut Events) {
        let place = self.place(at);
        match &self.kind {
            Kind::Message => {
                let text = json!({ "content_index": 0, "text": self.text, "logprobs": [] });
                events.add("response.output_text.done", with(place.clone(), text));
            }
            Kind::Reasoning => {
                events.add(
                    "response.reasoning_text.done",
                    with(place.clone(), json!({ "content_index": 0, "text": self.text })),
                );
            }
            Kind::Call { name, .. } => {
                let done = json!({ "name": name, "arguments": self.text });
                events.add("response.function_call_arguments.done", with(place.clone(), done));
            }
        }
        if !self.kind.is_call() {
            events.add("response.content_part.done", with(place, json!({ "content_index": 0, "part": self.part() })));
        }
        events.add("response.output_item.done", json!({ "output_index": at, "item": self.value() }));
    }

    fn place(&self, at: usize) -> Value {
        json!({ "item_id": self.id, "output_index": at })
    }

    fn part(&self) -> Value {
        match self.kind {
            Kind::Reasoning => json!({ "type": "reasoning_text", "text": self.text }),
            _ => json!({ "type": "output_text", "text": self.text, "annotations": [], "logprobs": [] }),
        }
    }

    fn value(&self) -> Value {
        let status = match self.state {
            ItemState::Open => "in_progress",
            ItemState::Done => "completed",
            ItemState::BrokenOff => "incomplete",
        };
        match &self.kind {
            Kind::Message => {
                json!({ "type": "message", "id": self.id, "status": status, "role": "assistant", "content": [self.part()] })
            }
            Kind::Reasoning => json!({ "type": "reasoning", "id": self.id, "summary": [], "content": [self.part()] }),
            Kind::Call { call_id, name, .. } => {
                json!({ "type": "function_call", "id": self.id, "status": status, "call_id": call_id, "name": name, "arguments": self.text })
            }
        }
    }
}

/// A place, and what happened there.
fn with(place: Value, more: Value) -> Value {
    match (place, more) {
        (Value::Object(mut place), Value::Object(more)) => {
            place.extend(more);
            Value::Object(place)
        }
        (place, _) => place,
    }
}
