//! What the protocol's answers say, as far as we look: a few members, the rest is skipped unread.

use serde::Deserialize;
use serde_json::value::RawValue;
use steadfast_contract::{chunk::FinishReason, usage::Usage};

/// A chunk of a stream, or a whole answer: they differ in `delta` and `message`.
#[derive(Debug, Deserialize)]
pub(super) struct Frame<'a> {
    choices: Option<Vec<Choice>>,
    /// Read separately, so that odd figures do not cost the answer.
    #[serde(borrow)]
    usage: Option<&'a RawValue>,
    #[serde(borrow)]
    error: Option<&'a RawValue>,
    /// "error" in what older vLLM servers send instead of `error`.
    object: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Choice {
    #[serde(default)]
    index: u32,
    #[serde(alias = "message")]
    delta: Option<Delta>,
    finish_reason: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
struct Delta {
    content: Option<String>,
}

/// What one frame adds to the answer.
#[derive(Debug, PartialEq)]
pub(super) struct Said {
    pub(super) text: String,
    pub(super) finish: Option<Finish>,
    pub(super) usage: Option<Usage>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Finish {
    Whole(FinishReason),
    /// The upstream says itself that it could not go on.
    Broken,
}

/// A frame, read.
#[derive(Debug, PartialEq)]
pub(super) enum Peeked {
    Said(Said),
    /// It carries an error instead.
    Error,
    /// It is not the protocol's JSON.
    Unreadable,
}

pub(super) fn peek(data: &[u8]) -> Peeked {
    match serde_json::from_slice::<Frame<'_>>(data) {
        Ok(frame) if frame.is_error() => Peeked::Error,
        Ok(Frame { choices: None, usage: None, .. }) => Peeked::Unreadable,
        Ok(frame) => Peeked::Said(frame.said()),
        Err(_) => Peeked::Unreadable,
    }
}

impl Frame<'_> {
    fn is_error(&self) -> bool {
        self.error.is_some_and(|error| error.get() != "null") || self.object.as_deref() == Some("error")
    }

    fn said(self) -> Said {
        let usage = self.usage.and_then(|usage| serde_json::from_str::<Option<WireUsage>>(usage.get()).ok().flatten());
        let first = self.choices.unwrap_or_default().into_iter().find(|choice| choice.index == 0);
        let (text, finish) = match first {
            Some(choice) => {
                (choice.delta.unwrap_or_default().content, choice.finish_reason.as_deref().and_then(finish))
            }
            None => (None, None),
        };
        Said { text: text.unwrap_or_default(), finish, usage: usage.map(Usage::from) }
    }
}

fn finish(reason: &str) -> Option<Finish> {
    Some(match reason {
        "" => return None, // some servers send it in every chunk
        "length" | "max_tokens" => Finish::Whole(FinishReason::Length),
        "content_filter" => Finish::Whole(FinishReason::ContentFilter),
        "tool_calls" | "function_call" => Finish::Whole(FinishReason::ToolCalls),
        "error" | "abort" => Finish::Broken,
        _ => Finish::Whole(FinishReason::Stop),
    })
}

#[derive(Deserialize)]
struct WireUsage {
    #[serde(default)]
    prompt_tokens: u32,
    #[serde(default)]
    completion_tokens: u32,
    prompt_tokens_details: Option<PromptDetails>,
}

#[derive(Deserialize)]
struct PromptDetails {
    cached_tokens: Option<u32>,
}

impl From<WireUsage> for Usage {
    fn from(wire: WireUsage) -> Self {
        Self {
            prompt_tokens: wire.prompt_tokens,
            completion_tokens: wire.completion_tokens,
            cached_tokens: wire.prompt_tokens_details.and_then(|details| details.cached_tokens).unwrap_or(0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(data: &str) -> Said {
        match peek(data.as_bytes()) {
            Peeked::Said(said) => said,
            other => panic!("{data}: {other:?}"),
        }
    }

    #[test]
    fn text_finish_and_usage_are_found_wherever_they_come() {
        assert_eq!(said(r#"{"choices":[{"index":0,"delta":{"content":"Hi \ud83c\udf89"}}]}"#).text, "Hi 🎉");
        assert_eq!(
            said(r#"{"choices":[{"delta":{"role":"assistant","content":null},"finish_reason":null}]}"#).text,
            ""
        );
        assert_eq!(
            said(r#"{"choices":[{"message":{"content":"all"},"finish_reason":"length"}]}"#),
            Said { text: "all".into(), finish: Some(Finish::Whole(FinishReason::Length)), usage: None }
        );
        let usage = said(r#"{"choices":[],"usage":{"prompt_tokens":5,"completion_tokens":2,"prompt_tokens_details":{"cached_tokens":4}}}"#).usage;
        assert_eq!(usage, Some(Usage { prompt_tokens: 5, completion_tokens: 2, cached_tokens: 4 }));
    }

    #[test]
    fn other_choices_and_odd_figures_do_no_harm() {
        assert_eq!(said(r#"{"choices":[{"index":1,"delta":{"content":"other"}}]}"#).text, "");
        assert_eq!(said(r#"{"choices":[{"delta":{"content":"x"}}],"usage":"none"}"#).usage, None);
        assert_eq!(
            said(r#"{"choices":[{"delta":{"content":"x"}}],"usage":null,"error":null,"extra":{"a":[1]}}"#).text,
            "x"
        );
        assert_eq!(said(r#"{"choices":[{"delta":null,"finish_reason":""}]}"#).finish, None);
    }

    #[test]
    fn errors_and_what_is_not_the_protocol_are_told_apart() {
        for error in
            [r#"{"error":{"message":"x"}}"#, r#"{"error":"x"}"#, r#"{"object":"error","message":"x","code":400}"#]
        {
            assert_eq!(peek(error.as_bytes()), Peeked::Error, "{error}");
        }
        for broken in ["", "{", "{}", "null", "[1]", r#"{"choices":[{"delta":{"content":"cut"#, "\u{0}"] {
            assert_eq!(peek(broken.as_bytes()), Peeked::Unreadable, "{broken}");
        }
        assert_eq!(peek(b"{\"choices\":[{\"delta\":{\"content\":\"\xff\"}}]}"), Peeked::Unreadable, "not UTF-8");
    }
}
