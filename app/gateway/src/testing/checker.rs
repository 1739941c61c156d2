//! Watches streams and keeps the first law that was broken, with the story that led to it.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use serde_json::Value;
use steadfast::Error;
use steadfast_contract::{
    chunk::{Frame, Piece, Seam},
    stream_log::{AnswerWriter, LogItem, StreamState},
};

use super::{
    law::{Broken, Law},
    story::{Ears, Story},
};

/// Told of everything that happens to streams; clones are the same checker.
#[derive(Clone, Default)]
pub struct StreamChecker(Arc<Mutex<Watched>>);

#[derive(Default)]
struct Watched {
    ears: Ears,
    streams: BTreeMap<String, Story>,
    readers: usize,
    broken: Option<Broken>,
}

impl StreamChecker {
    pub fn new() -> Self {
        Self::default()
    }

    /// How text is read out of a frame and out of a snapshot.
    #[must_use]
    pub fn reading(self, words: fn(&Frame) -> Option<String>, words_of: fn(&Value) -> Option<String>) -> Self {
        let mut watched = self.watched();
        (watched.ears.words, watched.ears.words_of) = (Some(words), Some(words_of));
        drop(watched);
        self
    }

    /// How to tell from some words which attempt at which target said them.
    #[must_use]
    pub fn knowing_voices(self, voice: fn(&str) -> Option<String>) -> Self {
        self.watched().ears.voice = Some(voice);
        self
    }

    /// How to tell that a frame speaks of a seam: for streams whose writing cannot be watched.
    #[must_use]
    pub fn seeing_seams(self, seam: fn(&Frame) -> Option<Seam>) -> Self {
        self.watched().ears.seam = Some(seam);
        self
    }

    /// The stream is `principal`'s, and `writer` writes it.
    pub fn writer(&self, stream: &str, principal: &str, writer: Box<dyn AnswerWriter>) -> Box<dyn AnswerWriter> {
        self.owned(stream, principal);
        self.judge(stream, String::new(), |story, _| {
            story.is_written();
            Ok(())
        });
        Box::new(WatchedWriter { checker: self.clone(), stream: stream.to_owned(), writer })
    }

    /// For streams whose writing cannot be watched.
    pub fn owned(&self, stream: &str, principal: &str) {
        self.judge(stream, format!("is {principal}'s"), |story, _| {
            story.owner = Some(principal.to_owned());
            Ok(())
        });
    }

    /// A reader was let in; the number names it from here on.
    pub fn attached(&self, stream: &str, principal: &str, after: u64) -> usize {
        let reader = {
            let mut watched = self.watched();
            watched.readers += 1;
            watched.readers
        };
        self.judge(stream, format!("reader {reader} ({principal}) begins after {after}"), |story, ears| {
            story.attached(reader, principal, after, ears)
        });
        reader
    }

    pub fn delivered(&self, stream: &str, reader: usize, item: &LogItem) {
        self.judge(stream, format!("reader {reader} gets {}", short(item)), |story, ears| {
            story.delivered(reader, item, ears)
        });
    }

    /// What the log gives to somebody who asks for the frame `seq`, right after that was delivered.
    pub fn looked_up(&self, stream: &str, seq: u64, found: Option<&LogItem>) {
        self.judge(stream, String::new(), |story, _| story.looked_up(seq, found));
    }

    /// Somebody was told that the stream is there; `last` is what its log then says it has, if it is found.
    pub fn acknowledged(&self, stream: &str, last: Option<u64>) {
        self.judge(stream, format!("is acknowledged, the log has {last:?}"), |story, _| story.acknowledged(last));
    }

    pub fn ended(&self, stream: &str, state: &StreamState) {
        self.judge(stream, format!("ended: {state:?}"), |story, _| story.ended(state));
    }

    /// Something worth knowing when the story is told.
    pub fn note(&self, stream: &str, what: impl Into<String>) {
        self.judge(stream, what.into(), |_, _| Ok(()));
    }

    /// Nothing so far, or the first law that was broken.
    pub fn verdict(&self) -> Result<(), Broken> {
        self.watched().broken.clone().map_or(Ok(()), Err)
    }

    fn judge(&self, stream: &str, line: String, judge: impl FnOnce(&mut Story, Ears) -> Result<(), (Law, String)>) {
        let mut watched = self.watched();
        let ears = watched.ears;
        let story = watched.streams.entry(stream.to_owned()).or_default();
        if !line.is_empty() {
            story.lines.push(line);
        }
        if let Err((law, what)) = judge(story, ears) {
            let story = story.lines.clone();
            watched.broken.get_or_insert(Broken { law, stream: stream.to_owned(), what, story });
        }
    }

    fn watched(&self) -> MutexGuard<'_, Watched> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Sees what goes into a protocol's writer and what comes out: exactly what the log must hold.
struct WatchedWriter {
    checker: StreamChecker,
    stream: String,
    writer: Box<dyn AnswerWriter>,
}

impl WatchedWriter {
    fn wrote(&self, frames: Vec<Frame>) -> Vec<Frame> {
        self.checker.judge(&self.stream, format!("writes {} frames", frames.len()), |story, _| story.wrote(&frames));
        frames
    }
}

impl AnswerWriter for WatchedWriter {
    fn begin(&mut self) -> Vec<Frame> {
        let frames = self.writer.begin();
        self.wrote(frames)
    }

    fn piece(&mut self, piece: Piece) -> Vec<Frame> {
        self.checker
            .judge(&self.stream, format!("says {:?}", piece.chunk), |story, ears| story.said(&piece.chunk, ears));
        let frames = self.writer.piece(piece);
        self.wrote(frames)
    }

    fn fail(&mut self, error: &Error) -> Vec<Frame> {
        self.checker.judge(&self.stream, format!("breaks off: {error}"), |story, _| story.broke_off());
        let frames = self.writer.fail(error);
        self.wrote(frames)
    }

    fn snapshot(&self) -> Value {
        self.writer.snapshot()
    }

    fn memo(&self) -> Value {
        self.writer.memo()
    }
}

fn short(item: &LogItem) -> String {
    match item {
        LogItem::Frame(numbered) => {
            format!("{}-{} {}", numbered.epoch, numbered.seq, String::from_utf8_lossy(&numbered.frame.data))
        }
        LogItem::Snapshot(snapshot) => format!("a snapshot up to {}-{}", snapshot.epoch, snapshot.through),
    }
}

impl fmt::Debug for StreamChecker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StreamChecker").field("broken", &self.watched().broken).finish_non_exhaustive()
    }
}
