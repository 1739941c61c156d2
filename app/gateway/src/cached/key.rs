//! When two questions are the same: word for word what the client wrote, but for white space, the order of the
//! outermost members, and whether the answer is to be streamed. The order further in counts: models read it.

use std::collections::BTreeMap;

use serde_json::value::RawValue;
use sha2::{Digest as _, Sha256};
use steadfast_contract::chat::{Protocol, Source};

/// A whole digest: a short one would be somebody else's answer some day.
pub(super) type Key = [u8; 32];

/// `targets` are the names of those who may answer: another chain under the same name is another question.
pub(super) fn key(principal: &str, targets: &[String], source: &Source) -> Option<Key> {
    let members: BTreeMap<String, &RawValue> = serde_json::from_slice(&source.body).ok()?;
    let mut hash = Hash(Sha256::new());
    hash.word(VERSION);
    hash.word(principal);
    hash.word(protocol(source.protocol));
    hash.number(targets.len());
    targets.iter().for_each(|target| hash.word(target));
    hash.number(source.headers.len());
    for (name, value) in &source.headers {
        hash.word(name);
        hash.word(value);
    }
    for (name, value) in members.iter().filter(|(name, _)| !MANNER.contains(&name.as_str())) {
        hash.word(name);
        hash.json(value.get());
    }
    Some(hash.0.finalize().into())
}

struct Hash(Sha256);

impl Hash {
    fn number(&mut self, number: usize) {
        self.0.update((number as u64).to_le_bytes());
    }

    fn word(&mut self, word: &str) {
        self.number(word.len());
        self.0.update(word);
    }

    /// Without the white space between its tokens.
    fn json(&mut self, text: &str) {
        let (mut in_string, mut escaped, mut start) = (false, false, 0);
        for (at, byte) in text.bytes().enumerate() {
            match byte {
                _ if escaped => escaped = false,
                b'\\' => escaped = in_string,
                b'"' => in_string = !in_string,
                b' ' | b'\n' | b'\r' | b'\t' if !in_string => {
                    self.0.update(&text.as_bytes()[start..at]);
                    start = at + 1;
                }
                _ => {}
            }
        }
        self.0.update(&text.as_bytes()[start..]);
        self.0.update([0]); // stands in no JSON, so that the next member cannot be read into this one
    }
}

fn protocol(protocol: Protocol) -> &'static str {
    match protocol {
        Protocol::ChatCompletions => "chat completions",
        Protocol::Responses => "responses",
        Protocol::Messages => "messages",
    }
}

/// How the answer is handed over, which is no part of what is asked.
const MANNER: &[&str] = &["stream", "stream_options"];
/// Changes with the meaning of what is kept, so that nothing old is read in a new sense.
const VERSION: &str = "steadfast answers 1";

#[cfg(test)]
mod tests {
    use super::*;

    fn source(body: &str) -> Source {
        Source { protocol: Protocol::ChatCompletions, body: body.to_owned().into(), headers: vec![] }
    }

    fn of(body: &str) -> Key {
        key("ann", &["a/big".to_owned()], &source(body)).unwrap()
    }

    #[test]
    fn white_space_outer_order_and_streaming_do_not_matter() {
        let plain = of(r#"{"model":"m","messages":[{"role":"user","content":"a b"}]}"#);
        assert_eq!(of(r#"{ "messages": [ {"role": "user", "content": "a b"} ], "model": "m" }"#), plain);
        let streamed = r#"{"stream":true,"stream_options":{"include_usage":true},"model":"m","messages":[{"role":"user","content":"a b"}]}"#;
        assert_eq!(of(streamed), plain);
    }

    #[test]
    fn everything_else_does() {
        let plain = of(r#"{"model":"m","x":{"a":1,"b":2},"text":"a b"}"#);
        for other in [
            r#"{"model":"m","x":{"b":2,"a":1},"text":"a b"}"#,
            r#"{"model":"m","x":{"a":1,"b":2},"text":"ab"}"#,
            r#"{"model":"m","x":{"a":1,"b":2},"text":"a \"b"}"#,
            r#"{"model":"m","x":{"a":1,"b":2},"text":"a b","seed":1}"#,
            r#"{"model":"n","x":{"a":1,"b":2},"text":"a b"}"#,
        ] {
            assert_ne!(of(other), plain, "{other}");
        }
    }

    #[test]
    fn somebody_else_another_chain_another_protocol_and_another_header_are_other_keys() {
        let (body, targets) = (source("{}"), ["a/big".to_owned()]);
        let plain = key("ann", &targets, &body).unwrap();
        assert_ne!(key("bob", &targets, &body).unwrap(), plain);
        assert_ne!(key("ann", &["a/big".to_owned(), "b/big".to_owned()], &body).unwrap(), plain);
        assert_ne!(key("ann", &targets, &Source { protocol: Protocol::Messages, ..body.clone() }).unwrap(), plain);
        let beta = Source { headers: vec![("anthropic-beta", "x".to_owned())], ..body };
        assert_ne!(key("ann", &targets, &beta).unwrap(), plain);
    }
}
