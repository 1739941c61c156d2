//! A protocol for tests: every frame says one thing, a good end is `[DONE]`, and a snapshot is the text so far.

use bytes::Bytes;
use serde_json::{Value, json};
use steadfast::Error;
use steadfast_contract::{
    chat::Protocol,
    chunk::{Chunk, FinishReason, Frame, Piece, Status},
    kept_stream::WriterAgain,
    stream_log::AnswerWriter,
};

/// Writes the protocol, and reads it: [`Plain::words`] and [`Plain::words_of`] are what a client makes of it.
#[derive(Debug, Default)]
pub struct Plain {
    content: String,
    finish: Option<FinishReason>,
}

impl Plain {
    /// The text that a frame adds.
    pub fn words(frame: &Frame) -> Option<String> {
        let value: Value = serde_json::from_slice(&frame.data).ok()?;
        Some(value.get("content")?.as_str()?.to_owned())
    }

    /// All the text that a snapshot has.
    pub fn words_of(snapshot: &Value) -> Option<String> {
        Some(snapshot.get("content")?.as_str()?.to_owned())
    }
}

impl AnswerWriter for Plain {
    fn begin(&mut self) -> Vec<Frame> {
        vec![frame(&json!({ "begin": true }))]
    }

    fn piece(&mut self, piece: Piece) -> Vec<Frame> {
        match piece.chunk {
            Chunk::Text(text) => {
                self.content.push_str(&text);
                vec![frame(&json!({ "content": text }))]
            }
            Chunk::ToolCall(part) => vec![frame(&json!({ "call": part.id, "arguments": part.arguments }))],
            Chunk::Status(Status::Seam(seam)) => vec![frame(&json!({ "seam": seam }))],
            Chunk::Finish { reason, .. } => {
                self.finish = Some(reason);
                vec![frame(&json!({ "finish": reason })), done()]
            }
            Chunk::Status(_) | Chunk::Reasoning(_) | Chunk::Other(_) => Vec::new(),
        }
    }

    fn fail(&mut self, error: &Error) -> Vec<Frame> {
        vec![frame(&json!({ "error": error.code().name() }))]
    }

    fn snapshot(&self) -> Value {
        json!({ "content": self.content, "finish": self.finish })
    }

    fn memo(&self) -> Value {
        json!({ "content": self.content, "finish": self.finish })
    }
}

impl WriterAgain for Plain {
    fn again(&self, memo: &Value, _first: u64) -> Result<(Box<dyn AnswerWriter>, Vec<Piece>), Error> {
        let text = Self::words_of(memo).filter(|text| !text.is_empty()).map(Chunk::Text);
        let finish = serde_json::from_value::<Option<FinishReason>>(memo["finish"].clone());
        let finish = finish.map_err(|error| Error::corrupt("This is no memo.").with_source(error))?;
        let finish = finish.map(|reason| Chunk::Finish { reason, usage: None });
        Ok((Box::new(Self::default()), text.into_iter().chain(finish).map(Piece::from).collect()))
    }
}

fn frame(value: &Value) -> Frame {
    Frame { protocol: Protocol::ChatCompletions, event: None, data: Bytes::from(value.to_string()) }
}

fn done() -> Frame {
    Frame { protocol: Protocol::ChatCompletions, event: None, data: Bytes::from_static(b"[DONE]") }
}
