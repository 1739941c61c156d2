//! An upstream's own words about a failure: found in whatever shape they come, cleaned, cut short, and without
//! secrets. They are for operators; people read our sentences.

use serde::Deserialize;
use serde_json::Value;
use steadfast::Error;

use crate::secret::{HIDDEN, Secret};

/// Who answers, and with which model.
#[derive(Debug)]
pub(super) struct Speaker {
    pub(super) upstream: String,
    pub(super) model: String,
    key: Option<Secret>,
}

/// What an error body says, in any of the shapes that are out there.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Words {
    pub(super) message: String,
    /// `type` in OpenAI's shape.
    pub(super) kind: String,
    pub(super) code: String,
    /// llama.cpp says how long the conversation is, and how long it may be.
    pub(super) tokens: Option<(u64, u64)>,
}

impl Speaker {
    pub(super) fn new(upstream: &str, model: &str, key: Option<Secret>) -> Self {
        Self { upstream: upstream.to_owned(), model: model.to_owned(), key }
    }

    /// Puts the upstream's words where operators find them.
    pub(super) fn quote(&self, error: Error, words: &Words) -> Error {
        [("upstream_said", &words.message), ("upstream_type", &words.kind), ("upstream_code", &words.code)]
            .into_iter()
            .filter(|(_, said)| !said.is_empty())
            .fold(error, |error, (key, said)| error.with_detail(key, self.clean(said)))
    }

    /// Without secrets, without control characters, and not long.
    fn clean(&self, said: &str) -> String {
        let said = self.key.as_ref().map_or_else(|| said.to_owned(), |key| key.hide_in(said));
        let words = said.split_whitespace().map(|word| if looks_secret(word) { HIDDEN } else { word });
        let said = words.collect::<Vec<_>>().join(" ");
        said.chars().filter(|letter| !letter.is_control()).take(QUOTE_CHARS).collect()
    }
}

impl Words {
    pub(super) fn of(body: &[u8]) -> Self {
        let text = String::from_utf8_lossy(body);
        match serde_json::from_str::<Value>(&text) {
            Ok(value) => Self::of_json(&value),
            Err(_) if looks_like_a_page(&text) => Self::default(),
            Err(_) => Self { message: text.trim().to_owned(), ..Self::default() },
        }
    }

    fn of_json(value: &Value) -> Self {
        let error = value.get("error").filter(|error| !error.is_null()).unwrap_or(value);
        let shape = Shape::deserialize(error).unwrap_or_default();
        let message = [shape.message, shape.detail, error.clone()].into_iter().find(|said| said.is_string());
        Self {
            message: message.map(said).unwrap_or_default(),
            kind: said(shape.kind),
            code: said(shape.code),
            tokens: shape.n_prompt_tokens.zip(shape.n_ctx),
        }
    }

    /// Do the words say `any` of these? For the servers that have no code for it.
    pub(super) fn say(&self, any: &[&str]) -> bool {
        let (message, kind, code) = (self.message.to_lowercase(), self.kind.to_lowercase(), self.code.to_lowercase());
        any.iter().any(|phrase| message.contains(phrase) || kind.contains(phrase) || code.contains(phrase))
    }
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Shape {
    message: Value,
    /// FastAPI's name for the message.
    detail: Value,
    #[serde(rename = "type")]
    kind: Value,
    code: Value,
    n_prompt_tokens: Option<u64>,
    n_ctx: Option<u64>,
}

fn said(value: Value) -> String {
    match value {
        Value::String(text) => text,
        Value::Number(number) => number.to_string(),
        _ => String::new(),
    }
}

fn looks_like_a_page(text: &str) -> bool {
    text.trim_start().starts_with('<')
}

/// Keys, also those that a server has half covered (`sk-mock****1234`).
fn looks_secret(word: &str) -> bool {
    let word = word.trim_matches(|letter: char| !letter.is_ascii_alphanumeric());
    ["sk-", "sk_", "gsk_", "hf_", "key-", "xai-"].iter().any(|start| word.starts_with(start)) || word.contains("****")
}

const QUOTE_CHARS: usize = 500;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_found_in_every_shape() {
        for (body, message, kind, code) in [
            (r#"{"error":{"message":"m","type":"t","param":null,"code":"c"}}"#, "m", "t", "c"),
            (r#"{"error":{"message":"m","code":503,"type":"unavailable_error"}}"#, "m", "unavailable_error", "503"),
            (r#"{"error":"m"}"#, "m", "", ""),
            (
                r#"{"object":"error","message":"m","type":"BadRequestError","param":null,"code":400}"#,
                "m",
                "BadRequestError",
                "400",
            ),
            (r#"{"detail":"m"}"#, "m", "", ""),
            (r#"{"detail":[{"loc":["body"]}]}"#, "", "", ""),
            ("  no healthy upstream\n", "no healthy upstream", "", ""),
            ("<html><body>502</body></html>", "", "", ""),
            ("", "", "", ""),
            ("[]", "", "", ""),
        ] {
            let words = Words::of(body.as_bytes());
            assert_eq!(
                (words.message.as_str(), words.kind.as_str(), words.code.as_str()),
                (message, kind, code),
                "{body}"
            );
        }
    }

    #[test]
    fn a_quote_has_no_secret_no_control_character_and_an_end() {
        let speaker = Speaker::new("b", "m", Some(Secret::new("topsecret")));
        let said = "bad\nkey: \u{1b}[31mtopsecret, or 'sk-abc123', or sk-mock****1234.";
        assert_eq!(speaker.clean(said), "bad key: [31m<secret>, or <secret> or <secret>");
        assert_eq!(speaker.clean(&"é".repeat(1000)).chars().count(), QUOTE_CHARS);
    }
}
