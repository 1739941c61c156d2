//! A request as far as the script needs it.

use serde_json::Value;

#[derive(Debug)]
pub(super) struct Request {
    pub(super) method: String,
    pub(super) path: String,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: Value,
}

impl Request {
    /// From the head (without its empty line) and the body.
    pub(super) fn parse(head: &str, body: &[u8]) -> Option<Self> {
        let mut lines = head.lines();
        let mut first = lines.next()?.split(' ');
        let (method, path) = (first.next()?.to_owned(), first.next()?.to_owned());
        let headers = lines
            .filter_map(|line| line.split_once(':'))
            .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()));
        Some(Self { method, path, headers: headers.collect(), body: serde_json::from_slice(body).unwrap_or_default() })
    }

    /// `SCN-…` in the last user message, with its `#key`; `SCN-ok` when there is none.
    pub(super) fn scenario(&self) -> String {
        let messages = self.body["messages"].as_array().map(Vec::as_slice).unwrap_or_default();
        let last = messages.iter().rev().find(|message| message["role"] == "user");
        let text = last.map(|message| text_of(&message["content"])).unwrap_or_default();
        let word = text.find("SCN-").map(|start| text[start..].split_whitespace().next().unwrap_or_default());
        word.map_or_else(|| "SCN-ok".to_owned(), |word| word.trim_end_matches(['.', ',', '!', '?', '"']).to_owned())
    }

    pub(super) fn model(&self) -> String {
        self.body["model"].as_str().unwrap_or("scripted").to_owned()
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
