//! From what a server answers to pieces. Tolerant of everything that real servers do, strict about one thing: an
//! answer is done when every choice that began has its `finish_reason`; `[DONE]` alone proves nothing.
//!
//! Surprise: from the finish on, frames are kept back until the end, because the figures come behind it.

mod calls;
mod frame;

use bytes::Bytes;
use steadfast_contract::{
    chat::Protocol,
    chunk::{Chunk, FinishReason, Frame, Piece, Weight},
    usage::Usage,
};

use self::{
    calls::Calls,
    frame::{Delta, Finish, WireChoice, WireFrame},
};
use crate::{
    answer_reader::{AnswerReader, Broken, Progress},
    loose::says_something,
};

#[derive(Debug, Default)]
pub struct Reader {
    /// In the order in which they began; the first is the answer, the others are for who asked for several.
    choices: Vec<Choice>,
    calls: Calls,
    /// The frames since the finish.
    held: Vec<Frame>,
    usage: Option<Usage>,
}

#[derive(Debug)]
struct Choice {
    index: u32,
    finish: Option<Finish>,
}

impl AnswerReader for Reader {
    fn event(&mut self, name: &str, data: Bytes, found: &mut Vec<Piece>) -> Result<Progress, Broken> {
        let trimmed = data.trim_ascii();
        if trimmed == b"[DONE]" {
            return Ok(Progress::Over);
        }
        if trimmed.is_empty() {
            return Ok(Progress::GoesOn);
        }
        if name == "error" {
            return Err(Broken::Told(data));
        }
        let was_finished = self.is_finished();
        let chunks = self.chunks(&data)?;
        let wire = frame_of(data);
        if self.is_finished() && chunks.is_empty() {
            self.held.push(wire);
            return Ok(if self.held.len() > HELD_FRAMES { Progress::Over } else { Progress::GoesOn });
        }
        if was_finished && !self.held.is_empty() {
            // It went on after all: a further choice, or a server that counts its words as it likes.
            found.push(Piece { chunk: Chunk::Other(Weight::Preamble), wire: std::mem::take(&mut self.held) });
        }
        add(chunks, wire, found);
        Ok(Progress::GoesOn)
    }

    fn whole(&mut self, body: Bytes, found: &mut Vec<Piece>) -> Result<(), Broken> {
        let chunks = self.chunks(&body)?;
        let Some(main) = self.choices.first_mut() else { return Err(Broken::Unreadable(body)) };
        // A body that is whole is an answer that is done, also where nobody says why.
        main.finish.get_or_insert(Finish::Done(FinishReason::Stop));
        let mut wire = vec![frame_of(body)];
        for chunk in chunks {
            found.push(Piece { chunk, wire: std::mem::take(&mut wire) });
        }
        self.held = wire;
        self.choices.truncate(1);
        found.push(self.end()?);
        Ok(())
    }

    fn end(&mut self) -> Result<Piece, Broken> {
        match self.choices.first().and_then(|main| main.finish) {
            Some(Finish::Done(reason)) if self.is_finished() => {
                let reason = match reason {
                    // Ollama and others end a call with "stop".
                    FinishReason::Stop if self.calls.any() => FinishReason::ToolCalls,
                    reason => reason,
                };
                let chunk = Chunk::Finish { reason, usage: self.usage };
                Ok(Piece { chunk, wire: std::mem::take(&mut self.held) })
            }
            _ => Err(Broken::Cut),
        }
    }

    fn is_finished(&self) -> bool {
        !self.choices.is_empty() && self.choices.iter().all(|choice| choice.finish.is_some())
    }
}

impl Reader {
    /// What a frame says, in our words.
    fn chunks(&mut self, data: &Bytes) -> Result<Vec<Chunk>, Broken> {
        let Ok(frame) = serde_json::from_slice::<WireFrame<'_>>(data) else {
            return Err(Broken::Unreadable(data.clone()));
        };
        if frame.is_error() {
            return Err(Broken::Told(data.clone()));
        }
        if !frame.is_protocol() {
            return Err(Broken::Unreadable(data.clone()));
        }
        self.usage = frame.usage().or(self.usage);
        let mut chunks = Vec::new();
        for choice in frame.choices.unwrap_or_default() {
            self.take_choice(choice, &mut chunks).map_err(|TooMany| Broken::Unreadable(data.clone()))?;
        }
        match self.choices.first().and_then(|main| main.finish) {
            Some(Finish::Broken) => Err(Broken::Cut),
            _ => Ok(chunks),
        }
    }

    fn take_choice(&mut self, choice: WireChoice<'_>, chunks: &mut Vec<Chunk>) -> Result<(), TooMany> {
        let place = match self.choices.iter().position(|known| known.index == choice.index.0) {
            Some(place) => place,
            None if self.choices.len() == CHOICES => return Err(TooMany),
            None => {
                self.choices.push(Choice { index: choice.index.0, finish: None });
                self.choices.len() - 1
            }
        };
        let finish = choice.finish();
        let delta = choice.delta.or(choice.message).unwrap_or_default();
        if place == 0 {
            self.take_delta(delta, chunks)?;
        } else if delta.says_something() {
            chunks.push(Chunk::Other(Weight::Content));
        }
        self.choices[place].finish = finish.or(self.choices[place].finish);
        Ok(())
    }

    fn take_delta(&mut self, delta: Delta<'_>, chunks: &mut Vec<Chunk>) -> Result<(), TooMany> {
        let is_foreign = [delta.audio, delta.images, delta.annotations].into_iter().any(says_something);
        // vLLM says the same under both names for a while.
        chunks.extend(delta.reasoning_content.some().or(delta.reasoning.some()).map(Chunk::Reasoning));
        // A refusal is what a person reads in the answer's place.
        chunks.extend([delta.content.some(), delta.refusal.some()].into_iter().flatten().map(Chunk::Text));
        for call in delta.tool_calls.unwrap_or_default() {
            chunks.push(Chunk::ToolCall(self.calls.part(call)?));
        }
        if let Some(function) = delta.function_call {
            chunks.push(Chunk::ToolCall(self.calls.old_style(function)));
        }
        if is_foreign {
            chunks.push(Chunk::Other(Weight::Content));
        }
        Ok(())
    }
}

/// More choices or calls than anybody asks for: memory must not grow without a bound.
struct TooMany;

/// The frame goes with the first thing that it says.
fn add(chunks: Vec<Chunk>, wire: Frame, found: &mut Vec<Piece>) {
    let mut wire = vec![wire];
    if chunks.is_empty() {
        found.push(Piece { chunk: Chunk::Other(Weight::Preamble), wire });
        return;
    }
    for chunk in chunks {
        found.push(Piece { chunk, wire: std::mem::take(&mut wire) });
    }
}

fn frame_of(data: Bytes) -> Frame {
    Frame { protocol: Protocol::ChatCompletions, event: None, data }
}

/// The protocol's own limit for `n`.
const CHOICES: usize = 128;
/// One or two are usual; who sends more has nothing to say.
const HELD_FRAMES: usize = 64;

#[cfg(test)]
mod tests;
