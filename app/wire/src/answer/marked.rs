//! The mark on an answer that is older than its question: a member `steadfast.cached` in the first words of ours that
//! it comes in, of whatever protocol. Official clients keep members that they do not know, and show them to who asks.

use bytes::Bytes;
use serde_json::{Value, json};
use steadfast::Error;
use steadfast_contract::{
    chunk::{Chunk, Frame, Piece, Status},
    stream_log::AnswerWriter,
};

/// A writer whose first frame after a [`Status::Stale`] says so.
#[derive(Debug)]
pub struct Marked<W> {
    writer: W,
    /// What is still to be said.
    mark: Option<Value>,
}

impl<W> Marked<W> {
    pub fn new(writer: W) -> Self {
        Self { writer, mark: None }
    }
}

impl<W: AnswerWriter> AnswerWriter for Marked<W> {
    fn begin(&mut self) -> Vec<Frame> {
        self.writer.begin()
    }

    fn piece(&mut self, piece: Piece) -> Vec<Frame> {
        if let Chunk::Status(Status::Stale { age_seconds, code }) = &piece.chunk {
            self.mark = Some(mark(*age_seconds, code));
        }
        let mut frames = self.writer.piece(piece);
        let ours = |frame: &Frame| frame.event.as_ref().is_some_and(|name| name.starts_with("steadfast."));
        if let Some(mark) = &self.mark
            && let Some(first) = frames.iter_mut().find(|frame| frame.data.starts_with(b"{") && !ours(frame))
        {
            first.data = with(&first.data, mark);
            self.mark = None;
        }
        frames
    }

    fn fail(&mut self, error: &Error) -> Vec<Frame> {
        self.writer.fail(error)
    }

    fn snapshot(&self) -> Value {
        self.writer.snapshot()
    }

    fn memo(&self) -> Value {
        self.writer.memo()
    }
}

/// The same body, with the mark.
pub fn marked(body: &Bytes, age_seconds: u32, code: &str) -> Bytes {
    with(body, &mark(age_seconds, code))
}

fn mark(age_seconds: u32, code: &str) -> Value {
    json!({ "cached": { "freshness": "stale", "age_seconds": age_seconds, "code": code } })
}

/// A JSON object with `steadfast` as its first member; every other byte stays as it was.
fn with(object: &Bytes, mark: &Value) -> Bytes {
    let Some(rest) = object.strip_prefix(b"{") else { return object.clone() };
    let comma = if rest.trim_ascii_start().starts_with(b"}") { "" } else { "," };
    [format!("{{\"steadfast\":{mark}{comma}").as_bytes(), rest].concat().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_keeps_every_byte_and_says_how_old_it_is() {
        let body = Bytes::from_static(br#"{ "id": "x",  "n": 1.50}"#);
        let said = marked(&body, 300, "UNAVAILABLE");
        let value: Value = serde_json::from_slice(&said).unwrap();
        assert_eq!(
            value["steadfast"]["cached"],
            json!({ "freshness": "stale", "age_seconds": 300, "code": "UNAVAILABLE" })
        );
        assert!(said.ends_with(br#" "id": "x",  "n": 1.50}"#));
        let empty: Value = serde_json::from_slice(&marked(&Bytes::from_static(b"{}"), 1, "X")).unwrap();
        assert_eq!(empty["steadfast"]["cached"]["age_seconds"], 1);
        assert_eq!(marked(&Bytes::from_static(b"[]"), 1, "X"), "[]", "what is no object has no members");
    }
}
