//! What is known of one stream so far, and the judgement of each thing that happens to it.

use std::collections::{BTreeMap, BTreeSet};

use steadfast_contract::{
    chunk::{Chunk, Frame, Seam, Status},
    stream_log::{LogItem, StreamState},
};

use super::law::Law;

/// How a client reads text out of the protocol, and whose words they are.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Ears {
    pub(super) words: Option<fn(&Frame) -> Option<String>>,
    pub(super) words_of: Option<fn(&serde_json::Value) -> Option<String>>,
    /// Which attempt at which target said these words.
    pub(super) voice: Option<fn(&str) -> Option<String>>,
    /// Whether a frame speaks of a seam.
    pub(super) seam: Option<fn(&Frame) -> Option<Seam>>,
}

#[derive(Debug, Default)]
pub(super) struct Story {
    pub(super) owner: Option<String>,
    /// Every frame, from 1: as it was written where that was watched, else as the first reader got it.
    frames: BTreeMap<u64, Frame>,
    /// How many frames were written; `None` when the writing is not watched.
    written: Option<u64>,
    /// The upstream's own end marker came.
    finished: bool,
    /// The writer was told of the end.
    closed: bool,
    end: Option<StreamState>,
    voice: Option<String>,
    /// Characters of text so far.
    chars: usize,
    seam: bool,
    calls: BTreeSet<String>,
    readers: BTreeMap<usize, Reader>,
    pub(super) lines: Vec<String>,
}

#[derive(Debug, Default)]
struct Reader {
    seq: u64,
    epoch: u64,
    /// All its text; `None` when it began in the middle and nobody knows what came before.
    text: Option<String>,
}

type Verdict = Result<(), (Law, String)>;

impl Story {
    pub(super) fn is_written(&mut self) {
        self.written.get_or_insert(0);
    }

    /// A piece reached the writer of the protocol.
    pub(super) fn said(&mut self, chunk: &Chunk, ears: Ears) -> Verdict {
        if self.closed {
            return Err((Law::OneWriter, format!("{chunk:?} was written after the end")));
        }
        match chunk {
            Chunk::Status(Status::Seam(seam)) => self.joined(seam)?,
            Chunk::Text(text) => self.hear(text, ears)?,
            Chunk::ToolCall(part) => {
                if let Some(id) = part.id.clone()
                    && !self.calls.insert(id.clone())
                {
                    return Err((Law::NoDoubleEffect, format!("the call {id} was asked for twice")));
                }
            }
            Chunk::Finish { .. } => (self.finished, self.closed) = (true, true),
            Chunk::Status(_) | Chunk::Reasoning(_) | Chunk::Other(_) => {}
        }
        Ok(())
    }

    pub(super) fn broke_off(&mut self) -> Verdict {
        if std::mem::replace(&mut self.closed, true) {
            return Err((Law::OneTerminal, "an error was written after the end".to_owned()));
        }
        Ok(())
    }

    pub(super) fn wrote(&mut self, frames: &[Frame]) -> Verdict {
        for frame in frames {
            let seq = self.written.unwrap_or_default() + 1;
            self.written = Some(seq);
            self.frames.insert(seq, frame.clone());
            if is_a_good_end(frame) && !self.finished {
                return Err((Law::OneTerminal, "the marker of a good end was written without one".to_owned()));
            }
        }
        Ok(())
    }

    pub(super) fn attached(&mut self, reader: usize, principal: &str, after: u64, ears: Ears) -> Verdict {
        if self.owner.as_deref().is_some_and(|owner| owner != principal) {
            return Err((Law::Ownership, format!("{principal} was let in")));
        }
        let text = if after == 0 { Some(String::new()) } else { self.text_of_frames(after, ears) };
        self.readers.insert(reader, Reader { seq: after, epoch: 0, text });
        Ok(())
    }

    pub(super) fn delivered(&mut self, reader: usize, item: &LogItem, ears: Ears) -> Verdict {
        let (seq, epoch) = (item.seq(), item.epoch());
        if self.written.is_some_and(|written| seq > written) {
            return Err((Law::LogBeforeSend, format!("{seq} was delivered before it was written")));
        }
        let before = self.readers.entry(reader).or_default();
        if epoch < before.epoch {
            return Err((Law::OneWriter, format!("{seq} is of epoch {epoch}, after one of epoch {}", before.epoch)));
        }
        before.epoch = epoch;
        match item {
            LogItem::Frame(numbered) => self.delivered_frame(reader, numbered.seq, &numbered.frame, ears),
            LogItem::Snapshot(snapshot) => {
                let text = ears.words_of.and_then(|words| words(&snapshot.value));
                self.delivered_snapshot(reader, snapshot.through, text, ears)
            }
        }
    }

    fn delivered_frame(&mut self, reader: usize, seq: u64, frame: &Frame, ears: Ears) -> Verdict {
        if self.written.is_none() && !self.frames.contains_key(&seq) {
            self.hear_frame(frame, ears)?;
        }
        if self.frames.entry(seq).or_insert_with(|| frame.clone()) != frame {
            return Err((Law::PrefixImmutability, format!("{seq} is not what it was")));
        }
        let before = self.readers.entry(reader).or_default();
        if seq != before.seq + 1 {
            return Err((Law::GaplessOrder, format!("reader {reader} got {seq} after {}", before.seq)));
        }
        before.seq = seq;
        if let Some(text) = &mut before.text {
            text.extend(ears.words.and_then(|words| words(frame)));
        }
        self.check_the_marker(frame)
    }

    fn delivered_snapshot(&mut self, reader: usize, through: u64, text: Option<String>, ears: Ears) -> Verdict {
        let written = self.text_of_frames(through, ears);
        let before = self.readers.entry(reader).or_default();
        if through < before.seq {
            return Err((Law::GaplessOrder, format!("a snapshot up to {through} takes reader {reader} back")));
        }
        before.seq = through;
        let Some(text) = text else { return Ok(()) };
        if before.text.as_ref().is_some_and(|before| !text.starts_with(before)) {
            return Err((
                Law::PrefixImmutability,
                format!("the snapshot up to {through} says something else: {text:?}"),
            ));
        }
        if written.is_some_and(|written| written != text) {
            return Err((Law::GaplessOrder, format!("the snapshot up to {through} is not what was said: {text:?}")));
        }
        before.text = Some(text);
        Ok(())
    }

    /// What the log gave to somebody who asked for `seq` right after it was delivered.
    pub(super) fn looked_up(&self, seq: u64, found: Option<&LogItem>) -> Verdict {
        let is_there = match found {
            Some(LogItem::Frame(numbered)) => numbered.seq == seq && self.frames.get(&seq) == Some(&numbered.frame),
            Some(LogItem::Snapshot(snapshot)) => snapshot.through >= seq,
            None => false,
        };
        if is_there {
            Ok(())
        } else {
            Err((Law::LogBeforeSend, format!("{seq} was delivered, and the log has {found:?}")))
        }
    }

    /// Somebody was told that the stream is there, or that it has ended; the log gave `last` as its newest.
    pub(super) fn acknowledged(&self, last: Option<u64>) -> Verdict {
        match (last, self.written) {
            (None, _) => Err((Law::DurableAcknowledgement, "what was acknowledged is not there".to_owned())),
            (Some(last), Some(written)) if self.end.is_some() && last != written => {
                Err((Law::DurableAcknowledgement, format!("it ended with {written}, and the log has {last}")))
            }
            _ => Ok(()),
        }
    }

    pub(super) fn ended(&mut self, state: &StreamState) -> Verdict {
        if let Some(end) = &self.end
            && end != state
        {
            return Err((Law::OneTerminal, format!("it ended as {end:?} and as {state:?}")));
        }
        self.end = Some(state.clone());
        if !state.is_end() {
            return Err((Law::OneTerminal, "it stopped without an end".to_owned()));
        }
        if state.is_the_models_own_end() && self.written.is_some() && !self.finished {
            return Err((Law::EvidenceOfCompletion, format!("{state:?} without the upstream's end marker")));
        }
        let marker = self.frames.values().any(is_a_good_end);
        if marker && !state.is_the_models_own_end() {
            return Err((Law::OneTerminal, format!("a good end was told of what ended as {state:?}")));
        }
        Ok(())
    }

    fn check_the_marker(&self, frame: &Frame) -> Verdict {
        match &self.end {
            Some(end) if is_a_good_end(frame) && !end.is_the_models_own_end() => {
                Err((Law::OneTerminal, format!("a good end was told of what ended as {end:?}")))
            }
            _ => Ok(()),
        }
    }

    /// What was not seen written is judged as the first reader gets it.
    fn hear_frame(&mut self, frame: &Frame, ears: Ears) -> Verdict {
        if let Some(seam) = ears.seam.and_then(|seam| seam(frame)) {
            self.joined(&seam)?;
        }
        match ears.words.and_then(|words| words(frame)) {
            Some(text) => self.hear(&text, ears),
            None => Ok(()),
        }
    }

    fn joined(&mut self, seam: &Seam) -> Verdict {
        if seam.at_chars as usize != self.chars {
            let what = format!("a seam at {} is told of, where {} were said", seam.at_chars, self.chars);
            return Err((Law::TruthfulSeams, what));
        }
        self.seam = true;
        Ok(())
    }

    fn hear(&mut self, text: &str, ears: Ears) -> Verdict {
        self.chars += text.chars().count();
        let Some(voice) = ears.voice.and_then(|voice| voice(text)) else { return Ok(()) };
        let before = self.voice.replace(voice.clone());
        let seam = std::mem::take(&mut self.seam);
        match before {
            Some(before) if before != voice && !seam => {
                Err((Law::TruthfulSeams, format!("{voice} goes on where {before} spoke, and nothing says so")))
            }
            _ => Ok(()),
        }
    }

    /// The text of the first frames, when all of them are known.
    fn text_of_frames(&self, through: u64, ears: Ears) -> Option<String> {
        let words = ears.words?;
        self.written?;
        Some(self.frames.range(..=through).filter_map(|(_, frame)| words(frame)).collect())
    }
}

/// The three protocols' way to say that all is well.
fn is_a_good_end(frame: &Frame) -> bool {
    frame.data.as_ref() == b"[DONE]"
        || matches!(frame.event.as_deref(), Some("message_stop" | "response.completed" | "response.incomplete"))
}
