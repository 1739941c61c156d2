//! A request as far as the script needs it.

use serde_json::Value;

#[derive(Debug)]
pub(super) struct Request {
    pub(super) method: String,
    pub(super) path: String,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: Value,
    /// The body as it came, for those who did not send JSON.
    pub(super) text: String,
}

impl Request {
    /// From the head (without its empty line) and the body.
    pub(super) fn parse(head: &str, body: &[u8]) -> Option<Self> {
        let mut lines = head.lines();
        let mut first = lines.next()?.split(' ');
        let (method, target) = (first.next()?.to_owned(), first.next()?);
        let path = target.split('?').next().unwrap_or(target).to_owned();
        let headers = lines
            .filter_map(|line| line.split_once(':'))
            .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
            .collect();
        let text = String::from_utf8_lossy(body).into_owned();
        Some(Self { method, path, headers, body: serde_json::from_slice(body).unwrap_or_default(), text })
    }

    /// The model's name when that is a scenario, else `SCN-…` in the last user message or the input, with its
    /// `#key`; `SCN-ok` when there is none.
    pub(super) fn scenario(&self) -> String {
        let model = self.model();
        if model.starts_with("SCN-") {
            return model;
        }
        let last = self.messages().iter().rev().find(|message| message["role"] == "user");
        let text = last.map_or_else(|| text_of(&self.body["input"]), |message| text_of(&message["content"]));
        let word = text.find("SCN-").map(|start| text[start..].split_whitespace().next().unwrap_or_default());
        word.map_or_else(|| "SCN-ok".to_owned(), |word| word.trim_end_matches(['.', ',', '!', '?', '"']).to_owned())
    }

    pub(super) fn model(&self) -> String {
        self.body["model"].as_str().unwrap_or("scripted").to_owned()
    }

    pub(super) fn streamed(&self) -> bool {
        self.body["stream"] == true
    }

    /// What the answer is to go on from: the last message's text, when that message is the assistant's.
    pub(super) fn prefill(&self) -> Option<String> {
        self.messages().last().filter(|last| last["role"] == "assistant").map(|last| text_of(&last["content"]))
    }

    /// Whether the last message brings what a tool found.
    pub(super) fn brings_a_result(&self) -> bool {
        self.messages().last().is_some_and(|last| {
            let parts = last["content"].as_array().map(Vec::as_slice).unwrap_or_default();
            last["role"] == "tool" || parts.iter().any(|part| part["type"] == "tool_result")
        })
    }

    fn messages(&self) -> &[Value] {
        self.body["messages"].as_array().map(Vec::as_slice).unwrap_or_default()
    }
}

/// The content is a string or a list of parts.
fn text_of(content: &Value) -> String {
    match content {
        Value::Array(parts) => parts.iter().filter_map(|part| part["text"].as_str()).collect::<Vec<_>>().join(" "),
        other => other.as_str().unwrap_or_default().to_owned(),
    }
}

/// The value of `content-length` in a head; 0 when there is none.
pub(super) fn content_length(head: &str) -> usize {
    let values = head.lines().filter_map(|line| line.split_once(':'));
    let length =
        values.filter(|(name, _)| name.eq_ignore_ascii_case("content-length")).map(|(_, value)| value.trim().parse());
    length.flatten().next().unwrap_or(0)
}
