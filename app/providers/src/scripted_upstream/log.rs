//! Every call that was seen: when, which scenario, with which headers, how far it came and how it ended.

use std::{
    collections::HashMap,
    io,
    sync::{Mutex, MutexGuard, PoisonError},
};

use serde::Serialize;

use super::{play::End, request::Request, talk::Said};

#[derive(Debug, Default)]
pub(super) struct Log(Mutex<Inside>);

#[derive(Debug, Default)]
struct Inside {
    /// Calls that were forgotten, so that a place stays a place.
    forgotten: usize,
    calls: Vec<Call>,
    /// How often each scenario was asked for.
    counts: HashMap<String, u32>,
}

#[derive(Debug, Serialize)]
struct Call {
    scenario: String,
    /// 1 for the first call with this scenario and key.
    call: u32,
    at_ms: u64,
    ended_ms: Option<u64>,
    path: String,
    model: String,
    streamed: bool,
    /// Keys are shown as `<secret>`.
    headers: Vec<(String, String)>,
    messages: usize,
    /// What the question wanted to be continued, when its last message is the assistant's.
    prefill: Option<String>,
    words_sent: usize,
    /// Every letter of the answer that was written to the socket, in order.
    text_sent: String,
    /// Whether that was all of it.
    whole: bool,
    closed_by_client: bool,
}

impl Log {
    /// The call's place in the log, and its count for the scenario.
    pub(super) fn begin(&self, scenario: &str, request: &Request, now_ms: u64) -> (usize, u32) {
        let mut inside = self.lock();
        let count = inside.counts.entry(scenario.to_owned()).or_default();
        *count += 1;
        let call = Call {
            scenario: scenario.to_owned(),
            call: *count,
            at_ms: now_ms,
            ended_ms: None,
            path: request.path.clone(),
            model: request.model(),
            streamed: request.streamed(),
            headers: request.headers.iter().map(|(name, value)| (name.clone(), shown(name, value))).collect(),
            messages: request.body["messages"].as_array().map_or(0, Vec::len),
            prefill: request.prefill(),
            words_sent: 0,
            text_sent: String::new(),
            whole: false,
            closed_by_client: false,
        };
        let number = call.call;
        inside.calls.push(call);
        (inside.forgotten + inside.calls.len() - 1, number)
    }

    pub(super) fn end(&self, place: usize, said: Said, end: &io::Result<End>, now_ms: u64) {
        let mut inside = self.lock();
        let place = place.checked_sub(inside.forgotten);
        if let Some(call) = place.and_then(|place| inside.calls.get_mut(place)) {
            call.words_sent = said.words;
            call.text_sent = said.text;
            call.whole = said.whole;
            call.ended_ms = Some(now_ms);
            call.closed_by_client = end.is_err();
        }
    }

    /// Calls and counts begin anew.
    pub(super) fn clear(&self) {
        let mut inside = self.lock();
        inside.forgotten += inside.calls.len();
        inside.calls.clear();
        inside.counts.clear();
    }

    pub(super) fn as_json(&self) -> String {
        serde_json::json!({ "calls": self.lock().calls }).to_string()
    }

    fn lock(&self) -> MutexGuard<'_, Inside> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn shown(header: &str, value: &str) -> String {
    match header {
        "authorization" => "Bearer <secret>".to_owned(),
        "x-api-key" => "<secret>".to_owned(),
        _ => value.to_owned(),
    }
}
