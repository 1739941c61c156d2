//! The ladder: what may be done when an answer breaks, by what of it has been delivered and what was asked. Pure.
//!
//! Nothing delivered is ever taken back. Text goes on as text only where nothing but text was asked for: a model that
//! had tools or a form to keep to would have to choose again, and prose spliced into a call or into JSON is a lie.

use serde_json::Value;
use steadfast_contract::chat::{AnswerFormat, ChatRequest, Protocol, ToolChoice};

/// The most that the reader has of the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Delivered {
    /// Headers, heartbeats, a role; also a tool call that is still held back (S0, S3b).
    Nothing,
    /// Thoughts only (S1).
    Reasoning,
    /// S2, S2t, S4: by what was asked.
    Text,
    /// A tool call (S3).
    ToolCall,
    /// Something that only the wire can say: another choice, sound, log probabilities.
    Foreign,
    /// The end marker: whatever is missing behind it is only figures (S5).
    Finish,
}

/// What was asked for, as far as it matters here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Asked {
    /// One text.
    Text,
    /// A text or calls of tools.
    Tools,
    /// JSON.
    Structured,
    /// Several answers, sound, or log probabilities: text alone would not be the answer.
    MoreThanText,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// The answer is whole.
    Complete,
    /// Ask again, anywhere; nothing has to be kept.
    Anew,
    /// Go on from the text, where somebody can.
    GoOn,
    /// End, and say that it is not whole.
    End(End),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    Cut,
    ToolCall,
}

pub(super) fn decide(delivered: Delivered, asked: Asked) -> Verdict {
    match (delivered, asked) {
        (Delivered::Finish, _) => Verdict::Complete,
        (Delivered::Nothing | Delivered::Reasoning, _) => Verdict::Anew,
        (Delivered::Text, Asked::Text) => Verdict::GoOn,
        (Delivered::Text, Asked::Tools | Asked::Structured | Asked::MoreThanText) => Verdict::End(End::Cut),
        (Delivered::ToolCall, _) => Verdict::End(End::ToolCall),
        (Delivered::Foreign, _) => Verdict::End(End::Cut),
    }
}

impl Asked {
    pub(super) fn of(request: &ChatRequest) -> Self {
        if says_more_than_text(request) {
            Self::MoreThanText
        } else if !matches!(request.format, AnswerFormat::Text) {
            Self::Structured
        } else if !request.tools.is_empty() && request.tool_choice != ToolChoice::Never {
            Self::Tools
        } else {
            Self::Text
        }
    }
}

/// These options have no word of their own in the question, so the client's own bytes are asked.
fn says_more_than_text(request: &ChatRequest) -> bool {
    let Some(source) = &request.source else { return false };
    let Ok(Value::Object(body)) = serde_json::from_slice(&source.body) else { return true };
    let number = |key| body.get(key).and_then(Value::as_u64).unwrap_or_default();
    let is_set = |key| body.get(key).is_some_and(|value| !matches!(value, Value::Null | Value::Bool(false)));
    match source.protocol {
        Protocol::ChatCompletions => number("n") > 1 || ["logprobs", "audio", "functions"].into_iter().any(is_set),
        Protocol::Responses => number("top_logprobs") > 0,
        Protocol::Messages => false,
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use steadfast_contract::chat::{Source, Tool};

    use super::*;

    #[test]
    fn the_ladder_is_a_table() {
        use Asked::{MoreThanText, Structured, Text, Tools};
        use Delivered as D;
        use Verdict::{Anew, Complete, GoOn};
        let (cut, call) = (Verdict::End(End::Cut), Verdict::End(End::ToolCall));
        let rows = [
            // delivered, then the verdict for a question for text, with tools, for JSON, for more than text
            (D::Nothing, [Anew, Anew, Anew, Anew]),
            (D::Reasoning, [Anew, Anew, Anew, Anew]),
            (D::Text, [GoOn, cut, cut, cut]),
            (D::ToolCall, [call, call, call, call]),
            (D::Foreign, [cut, cut, cut, cut]),
            (D::Finish, [Complete, Complete, Complete, Complete]),
        ];
        for (delivered, verdicts) in rows {
            let decided = [Text, Tools, Structured, MoreThanText].map(|asked| decide(delivered, asked));
            assert_eq!(decided, verdicts, "{delivered:?}");
        }
    }

    #[test]
    fn what_was_asked_is_read_from_the_question_and_its_source() {
        let tool = Tool { name: "tide".into(), description: None, parameters: None, strict: None };
        let tools = ChatRequest { tools: vec![tool], ..ChatRequest::default() };
        let never = ChatRequest { tool_choice: ToolChoice::Never, ..tools.clone() };
        let json = ChatRequest { format: AnswerFormat::Json, ..ChatRequest::default() };
        let source = |body: &'static str| ChatRequest {
            source: Some(Source {
                protocol: Protocol::ChatCompletions,
                body: Bytes::from_static(body.as_bytes()),
                headers: vec![],
            }),
            ..ChatRequest::default()
        };
        let rows = [
            (ChatRequest::default(), Asked::Text),
            (tools, Asked::Tools),
            (never, Asked::Text),
            (json, Asked::Structured),
            (source(r#"{"n": 1, "logprobs": false}"#), Asked::Text),
            (source(r#"{"n": 2}"#), Asked::MoreThanText),
            (source(r#"{"logprobs": true}"#), Asked::MoreThanText),
        ];
        for (request, expected) in rows {
            assert_eq!(Asked::of(&request), expected, "{request:?}");
        }
    }
}
