//! From what Anthropic's servers answer to pieces. An answer is done with `message_stop`, and with nothing else; the
//! reason and the figures come just before it, in `message_delta`.

mod event;

use std::borrow::Cow;

use bytes::Bytes;
use steadfast_contract::{
    chat::Protocol,
    chunk::{Chunk, FinishReason, Frame, Piece, Status, ToolCallPart, Weight},
    usage::Usage,
};

use self::event::{Block, Delta, WireEvent, WireUsage};
use crate::{
    answer_reader::{AnswerReader, Broken, Progress},
    loose::json_text,
};

#[derive(Debug, Default)]
pub struct Reader {
    calls: Vec<Call>,
    reason: Option<FinishReason>,
    usage: WireUsage,
    has_usage: bool,
    /// The frames since the reason.
    held: Vec<Frame>,
    is_over: bool,
}

/// A call; its place in the list is our number for it.
#[derive(Debug)]
struct Call {
    /// The number of its block.
    block: u32,
    has_arguments: bool,
}

impl AnswerReader for Reader {
    fn event(&mut self, name: &str, data: Bytes, found: &mut Vec<Piece>) -> Result<Progress, Broken> {
        if data.trim_ascii().is_empty() {
            return Ok(Progress::GoesOn);
        }
        let Ok(event) = serde_json::from_slice::<WireEvent<'_>>(&data) else { return Err(Broken::Unreadable(data)) };
        let kind = if event.kind.0.is_empty() { name.to_owned() } else { event.kind.0.clone() };
        if kind.is_empty() {
            return Err(if event.is_error() { Broken::Told(data) } else { Broken::Unreadable(data) });
        }
        if kind == "error" {
            return Err(Broken::Told(data));
        }
        let chunk = self.chunk(&kind, event).map_err(|TooMany| Broken::Unreadable(data.clone()))?;
        let wire = Frame { protocol: Protocol::Messages, event: Some(static_name(kind)), data };
        match chunk {
            Some(chunk) => {
                let mut wire_of_piece = std::mem::take(&mut self.held);
                wire_of_piece.push(wire);
                found.push(Piece { chunk, wire: wire_of_piece });
            }
            None => self.held.push(wire),
        }
        Ok(if self.is_over { Progress::Over } else { Progress::GoesOn })
    }

    fn whole(&mut self, body: Bytes, found: &mut Vec<Piece>) -> Result<(), Broken> {
        let Ok(message) = serde_json::from_slice::<WireEvent<'_>>(&body) else { return Err(Broken::Unreadable(body)) };
        if message.is_error() || message.kind.0 == "error" {
            return Err(Broken::Told(body));
        }
        let usage = message.usage();
        let Some(blocks) = message.content else { return Err(Broken::Unreadable(body)) };
        self.count(usage);
        self.reason = Some(reason(&message.stop_reason.0));
        let mut chunks = Vec::new();
        for (place, block) in blocks.into_iter().enumerate() {
            let place = u32::try_from(place).unwrap_or(u32::MAX);
            let is_call = block.kind.0 == "tool_use";
            let chunk = self.begin_block(place, block).map_err(|TooMany| Broken::Unreadable(body.clone()))?;
            chunks.extend(Some(chunk).filter(|chunk| *chunk != Chunk::Other(Weight::Preamble)));
            if is_call {
                chunks.extend(self.end_block(place));
            }
        }
        let mut wire = vec![Frame { protocol: Protocol::Messages, event: None, data: body }];
        for chunk in chunks {
            found.push(Piece { chunk, wire: std::mem::take(&mut wire) });
        }
        self.held = wire;
        self.is_over = true;
        found.push(self.end()?);
        Ok(())
    }

    fn end(&mut self) -> Result<Piece, Broken> {
        if !self.is_over {
            return Err(Broken::Cut);
        }
        let reason = match self.reason.unwrap_or(FinishReason::Stop) {
            FinishReason::Stop if !self.calls.is_empty() => FinishReason::ToolCalls,
            reason => reason,
        };
        let chunk = Chunk::Finish { reason, usage: self.has_usage.then(|| Usage::from(self.usage)) };
        Ok(Piece { chunk, wire: std::mem::take(&mut self.held) })
    }

    fn is_finished(&self) -> bool {
        self.is_over
    }
}

impl Reader {
    /// What an event says; `None` when it belongs to the end.
    fn chunk(&mut self, kind: &str, event: WireEvent<'_>) -> Result<Option<Chunk>, TooMany> {
        let block = event.index.0;
        Ok(Some(match kind {
            "message_start" => {
                self.count(event.message.and_then(|message| message.usage()));
                Chunk::Other(Weight::Preamble)
            }
            "content_block_start" => self.begin_block(block, event.content_block.unwrap_or_default())?,
            "content_block_delta" => self.add(block, event.delta.unwrap_or_default()),
            "content_block_stop" => self.end_block(block).unwrap_or(Chunk::Other(Weight::Preamble)),
            "ping" if self.reason.is_none() => Chunk::Status(Status::Alive),
            "ping" => return Ok(None),
            "message_delta" => {
                self.count(event.usage());
                self.reason = event
                    .delta
                    .map(|delta| delta.stop_reason.0)
                    .filter(|word| !word.is_empty())
                    .map_or(self.reason, |word| Some(reason(&word)));
                return Ok(None);
            }
            "message_stop" => {
                self.is_over = true;
                return Ok(None);
            }
            // The protocol says that there may be more kinds some day.
            _ => Chunk::Other(Weight::Preamble),
        }))
    }

    fn begin_block(&mut self, place: u32, block: Block<'_>) -> Result<Chunk, TooMany> {
        Ok(match block.kind.0.as_str() {
            "tool_use" => {
                if self.calls.len() == CALLS {
                    return Err(TooMany);
                }
                let index = u32::try_from(self.calls.len()).unwrap_or(u32::MAX);
                let arguments = Some(json_text(block.input)).filter(|input| input != "{}").unwrap_or_default();
                self.calls.push(Call { block: place, has_arguments: !arguments.is_empty() });
                Chunk::ToolCall(ToolCallPart { index, id: block.id.some(), name: block.name.some(), arguments })
            }
            "text" => block.text.some().map_or(Chunk::Other(Weight::Preamble), Chunk::Text),
            "thinking" => block.thinking.some().map_or(Chunk::Other(Weight::Preamble), Chunk::Reasoning),
            // Thoughts that only their author can read.
            "redacted_thinking" => Chunk::Other(Weight::Preamble),
            // A search on the server and what it found: a program may wait for it.
            _ => Chunk::Other(Weight::Content),
        })
    }

    fn add(&mut self, place: u32, delta: Delta) -> Chunk {
        match delta.kind.0.as_str() {
            "text_delta" => delta.text.some().map_or(Chunk::Other(Weight::Preamble), Chunk::Text),
            "thinking_delta" => delta.thinking.some().map_or(Chunk::Other(Weight::Preamble), Chunk::Reasoning),
            "input_json_delta" => self.arguments(place, delta.partial_json.0),
            // Goes with the thoughts that it signs.
            "signature_delta" => Chunk::Other(Weight::Preamble),
            _ => Chunk::Other(Weight::Content),
        }
    }

    fn arguments(&mut self, place: u32, arguments: String) -> Chunk {
        let found = self.calls.iter_mut().enumerate().rev().find(|(_, call)| call.block == place);
        match found {
            Some((index, call)) if !arguments.is_empty() => {
                call.has_arguments = true;
                let index = u32::try_from(index).unwrap_or(u32::MAX);
                Chunk::ToolCall(ToolCallPart { index, arguments, ..ToolCallPart::default() })
            }
            Some(_) => Chunk::Other(Weight::Preamble),
            // Of a tool that the server itself runs.
            None => Chunk::Other(Weight::Content),
        }
    }

    /// A call without arguments never says so: they are the empty object.
    fn end_block(&mut self, place: u32) -> Option<Chunk> {
        let (index, call) = self.calls.iter_mut().enumerate().rev().find(|(_, call)| call.block == place)?;
        if std::mem::replace(&mut call.has_arguments, true) {
            return None;
        }
        let index = u32::try_from(index).unwrap_or(u32::MAX);
        Some(Chunk::ToolCall(ToolCallPart { index, arguments: "{}".to_owned(), ..ToolCallPart::default() }))
    }

    /// Figures are totals; what a later event leaves out stays as it was.
    fn count(&mut self, usage: Option<WireUsage>) {
        if let Some(usage) = usage {
            self.has_usage = true;
            self.usage = self.usage.updated(usage);
        }
    }
}

struct TooMany;

fn reason(word: &str) -> FinishReason {
    match word {
        "max_tokens" | "model_context_window_exceeded" => FinishReason::Length,
        "tool_use" => FinishReason::ToolCalls,
        "refusal" => FinishReason::ContentFilter,
        _ => FinishReason::Stop,
    }
}

fn static_name(kind: String) -> Cow<'static, str> {
    const KNOWN: &[&str] = &[
        "content_block_delta",
        "content_block_start",
        "content_block_stop",
        "ping",
        "message_start",
        "message_delta",
        "message_stop",
    ];
    KNOWN.iter().find(|known| **known == kind).map_or(Cow::Owned(kind), |known| Cow::Borrowed(*known))
}

/// As in the other protocol: nobody offers more tools.
const CALLS: usize = 128;

#[cfg(test)]
mod tests;
