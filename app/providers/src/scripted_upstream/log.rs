//! Every call that was seen: when, which scenario, with which headers, how far it came and how it ended.

use std::{
    collections::HashMap,
    io,
    sync::{Mutex, MutexGuard, PoisonError},
};

use serde::Serialize;

use super::{request::Request, scenario::End};

#[derive(Debug, Default)]
pub(super) struct Log(Mutex<Inside>);

#[derive(Debug, Default)]
struct Inside {
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
    model: String,
    /// The key is shown as `<secret>`.
    headers: Vec<(String, String)>,
    messages: usize,
    words_sent: usize,
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
            model: request.model(),
            headers: request.headers.iter().map(|(name, value)| (name.clone(), shown(name, value))).collect(),
            messages: request.body["messages"].as_array().map_or(0, Vec::len),
            words_sent: 0,
            closed_by_client: false,
        };
        let number = call.call;
        inside.calls.push(call);
        (inside.calls.len() - 1, number)
    }

    pub(super) fn end(&self, place: usize, words_sent: usize, end: &io::Result<End>, now_ms: u64) {
        if let Some(call) = self.lock().calls.get_mut(place) {
            call.words_sent = words_sent;
            call.ended_ms = Some(now_ms);
            call.closed_by_client = end.is_err();
        }
    }

    pub(super) fn as_json(&self) -> String {
        serde_json::json!({ "calls": self.lock().calls }).to_string()
    }

    fn lock(&self) -> MutexGuard<'_, Inside> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn shown(header: &str, value: &str) -> String {
    if header == "authorization" { "Bearer <secret>".to_owned() } else { value.to_owned() }
}
