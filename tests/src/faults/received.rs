//! What a client got: status, words, the reason for the end, and how the line itself ended.

use std::{collections::BTreeSet, time::Duration};

use serde_json::Value;

#[derive(Debug, Default)]
pub(super) struct Received {
    pub status: Option<u16>,
    pub(super) headers: Vec<(String, String)>,
    pub text: String,
    /// Name and arguments of tool calls, as far as they came.
    pub tools: Vec<(String, String)>,
    pub finish: Option<String>,
    /// `[DONE]`, or `message_stop`.
    pub done: bool,
    /// The error object, from a body or from inside a stream.
    pub error: Option<Value>,
    pub error_at: Option<Duration>,
    /// Whether anything but a comment followed the error.
    pub after_error: bool,
    pub broken_lines: usize,
    pub ids: BTreeSet<String>,
    pub created: BTreeSet<u64>,
    pub roles: usize,
    pub finishes: usize,
    pub usage: Option<Value>,
    pub comments: Vec<String>,
    pub first_text: Option<Duration>,
    pub took: Duration,
    pub ended_ms: u64,
    pub end: End,
    pub(super) body: Vec<u8>,
}

/// How the line ended.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum End {
    /// As HTTP wants it.
    #[default]
    Clean,
    /// Closed in the middle.
    Cut,
    Reset,
    Refused,
    /// The client's patience was over.
    GaveUp,
    /// The client left because it was told to.
    Left,
}

impl Received {
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    pub(super) fn words(&self) -> usize {
        self.text.split_whitespace().count()
    }

    /// The code of the error, in whatever shape the face has.
    pub(super) fn code(&self) -> Option<&str> {
        let error = self.error.as_ref()?;
        let own = error["steadfast"]["code"].as_str();
        own.or_else(|| error["code"].as_str()).or_else(|| error["type"].as_str())
    }

    /// What a client takes for a whole answer: clients believe a clean end even without a reason and a marker.
    pub(super) fn looks_whole(&self) -> bool {
        self.status == Some(200) && self.error.is_none() && self.end == End::Clean
    }

    /// Looks whole, and says so in every way that its protocol has.
    pub(super) fn is_finished(&self) -> bool {
        let reasons = ["stop", "length", "tool_calls", "end_turn", "max_tokens", "tool_use"];
        let reason = self.finish.as_deref().is_some_and(|finish| reasons.contains(&finish));
        self.looks_whole() && reason && (self.done || !self.is_stream())
    }

    /// `200 amber1..heron8 (8); finish=stop; DONE; end=clean`, in one line.
    pub(super) fn told(&self) -> String {
        let mut told = vec![self.status.map_or_else(|| "no reply".to_owned(), |status| status.to_string())];
        let words: Vec<&str> = self.text.split_whitespace().collect();
        if let (Some(first), Some(last)) = (words.first(), words.last()) {
            told.push(format!("{first}..{last} ({})", words.len()));
        }
        told.extend(self.tools.iter().map(|(name, arguments)| format!("{name}({arguments})")));
        if let Some(error) = self.code() {
            let at = self.error_at.map_or_else(String::new, |at| format!(" at {:.2} s", at.as_secs_f64()));
            told.push(format!("error {error}{at}"));
        }
        told.extend(self.finish.iter().map(|finish| format!("finish={finish}")));
        told.extend(self.done.then(|| "DONE".to_owned()));
        told.extend((self.broken_lines > 0).then(|| format!("{} broken lines", self.broken_lines)));
        told.extend(self.header("retry-after").map(|wait| format!("Retry-After {wait}")));
        told.push(match self.end {
            End::Clean => "end clean".to_owned(),
            End::Cut => "end cut".to_owned(),
            End::Reset => "end reset".to_owned(),
            End::Refused => "refused".to_owned(),
            End::GaveUp => "client gave up".to_owned(),
            End::Left => "client left".to_owned(),
        });
        told.join("; ")
    }

    pub(super) fn take_head(&mut self, head: &str) {
        self.status = head.split(' ').nth(1).and_then(|status| status.parse().ok());
        let lines = head.lines().filter_map(|line| line.split_once(':'));
        self.headers = lines.map(|(name, value)| (name.to_owned(), value.trim().to_owned())).collect();
    }

    fn is_stream(&self) -> bool {
        self.header("content-type").is_some_and(|kind| kind.starts_with("text/event-stream"))
    }

    /// Bytes of the body, without HTTP's own.
    pub(super) fn take(&mut self, bytes: &[u8], at: Duration) {
        self.body.extend_from_slice(bytes);
        if !self.is_stream() {
            if let Ok(body) = serde_json::from_slice(&self.body) {
                self.take_body(&body, at);
            }
            return;
        }
        while let Some(end) = self.body.windows(2).position(|two| two == b"\n\n") {
            let block: Vec<u8> = self.body.drain(..end + 2).collect();
            self.take_event(&String::from_utf8_lossy(&block), at);
        }
    }

    fn take_event(&mut self, block: &str, at: Duration) {
        for line in block.lines().filter(|line| !line.is_empty()) {
            if let Some(comment) = line.strip_prefix(':') {
                self.comments.push(comment.trim().to_owned());
            }
            let Some(data) = line.strip_prefix("data:").map(str::trim_start) else { continue };
            self.after_error |= self.error.is_some();
            match serde_json::from_str::<Value>(data) {
                _ if data == "[DONE]" => self.done = true,
                Ok(frame) => self.take_frame(&frame, at),
                Err(_) => self.broken_lines += 1,
            }
        }
    }

    fn take_frame(&mut self, frame: &Value, at: Duration) {
        if frame["error"].is_object() {
            self.error = Some(frame["error"].clone());
            self.error_at = Some(at);
            return;
        }
        self.ids.extend(frame["id"].as_str().map(str::to_owned));
        self.created.extend(frame["created"].as_u64());
        let choice = &frame["choices"][0];
        let delta = &choice["delta"];
        self.roles += usize::from(delta["role"].is_string());
        self.say(delta["content"].as_str().or_else(|| frame["delta"]["text"].as_str()), at);
        for call in delta["tool_calls"].as_array().into_iter().flatten() {
            let function = &call["function"];
            if let Some(name) = function["name"].as_str() {
                self.tools.push((name.to_owned(), String::new()));
            }
            if let (Some((_, all)), Some(more)) = (self.tools.last_mut(), function["arguments"].as_str()) {
                all.push_str(more);
            }
        }
        let finish = choice["finish_reason"].as_str().or_else(|| frame["delta"]["stop_reason"].as_str());
        self.finishes += usize::from(finish.is_some());
        self.finish = finish.map(str::to_owned).or_else(|| self.finish.take());
        self.done |= frame["type"] == "message_stop";
        if frame["usage"].is_object() {
            self.usage = Some(frame["usage"].clone());
        }
    }

    fn take_body(&mut self, body: &Value, at: Duration) {
        if body["error"].is_object() {
            self.error = Some(body["error"].clone());
            return;
        }
        let choice = &body["choices"][0];
        self.text.clear();
        self.say(choice["message"]["content"].as_str().or_else(|| body["content"][0]["text"].as_str()), at);
        for call in choice["message"]["tool_calls"].as_array().into_iter().flatten() {
            let word = |name: &str| call["function"][name].as_str().unwrap_or_default().to_owned();
            self.tools.push((word("name"), word("arguments")));
        }
        let finish = choice["finish_reason"].as_str().or_else(|| body["stop_reason"].as_str());
        self.finishes += usize::from(finish.is_some());
        self.finish = finish.map(str::to_owned);
        self.usage = Some(body["usage"].clone());
    }

    fn say(&mut self, text: Option<&str>, at: Duration) {
        if let Some(text) = text.filter(|text| !text.is_empty()) {
            self.first_text.get_or_insert(at);
            self.text.push_str(text);
        }
    }
}
