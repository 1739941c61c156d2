//! The answer while it arrives: bytes to events to pieces, until the protocol's end marker.
//!
//! A quiet end of the connection is no end, and once the marker was seen the answer is whole, whatever becomes of the
//! connection. Surprise: comments keep nothing alive; only what an answer is made of counts against silence.

use std::{collections::VecDeque, time::Duration};

use bytes::Bytes;
use http::HeaderMap;
use steadfast::{Call, Clock, Code, Error, StreamTimeout, StreamWatch};
use steadfast_contract::{
    chunk::{Chunk, Piece, Status},
    provider::Delivery,
};
use steadfast_wire::{
    answer_reader::{AnswerReader, Broken, Progress},
    sse::{Item, Splitter},
};
use tokio::time::Instant;

use super::{
    failure::{self, Cause},
    status,
    words::{Speaker, Words},
};
use crate::http::Answer;

/// Dropping it closes the connection.
pub(super) struct Reading {
    /// `None` when there is nothing more to read.
    source: Option<Source>,
    reader: Box<dyn AnswerReader>,
    wire: Wire,
    speaker: Speaker,
    /// One timer for the whole answer; the limit moves on with every event.
    silence: StreamWatch<'static>,
    limits: Limits,
    /// The last event.
    heard: Instant,
    ready: VecDeque<Result<Piece, Error>>,
    said_alive: Option<Instant>,
}

/// The longest waits.
pub(super) struct Limits {
    /// Between two events of a stream.
    pub(super) silence: Duration,
    /// For a body.
    pub(super) whole: Duration,
}

struct Source {
    answer: Answer,
    shape: Shape,
}

enum Shape {
    Events(Splitter),
    /// One JSON body, asked for or not.
    Whole(Vec<u8>),
}

/// Whether the upstream's own bytes can be passed on: only in the shape that was asked for.
#[derive(PartialEq, Eq)]
enum Wire {
    Kept,
    Dropped,
}

impl Reading {
    pub(super) fn new(
        mut answer: Answer,
        reader: Box<dyn AnswerReader>,
        speaker: Speaker,
        call: Call,
        delivery: Delivery,
        limits: Limits,
    ) -> Self {
        let content_type = answer.content_type().split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        // Nobody asks for the headers again, and they are slices of the connection's read buffer.
        answer.headers = HeaderMap::new();
        let (shape, came) = match (content_type.as_str(), delivery) {
            ("application/json" | "text/html", _) => (Shape::Whole(Vec::new()), Delivery::Whole),
            ("text/event-stream", _) | (_, Delivery::Streamed) => {
                (Shape::Events(Splitter::default()), Delivery::Streamed)
            }
            (_, Delivery::Whole) => (Shape::Whole(Vec::new()), Delivery::Whole),
        };
        Self {
            source: Some(Source { answer, shape }),
            reader,
            wire: if came == delivery { Wire::Kept } else { Wire::Dropped },
            speaker,
            heard: call.clock().now(),
            silence: StreamTimeout::new().watch_owned(call),
            limits,
            ready: VecDeque::new(),
            said_alive: None,
        }
    }

    pub(super) async fn next(&mut self) -> Option<Result<Piece, Error>> {
        while self.ready.is_empty() {
            let limit = self.limit();
            let source = self.source.as_mut()?;
            let since = self.silence.call().clock().now().saturating_duration_since(self.heard);
            self.silence.at_most(limit.saturating_sub(since));
            let bytes = self.silence.next(source.answer.bytes()).await;
            match bytes.and_then(|bytes| bytes) {
                Ok(Some(bytes)) => self.take(&bytes),
                Ok(None) => self.come_to_the_end(),
                Err(error) => self.break_off(error, limit),
            }
        }
        self.ready.pop_front()
    }

    fn clock(&self) -> &Clock {
        self.silence.call().clock()
    }

    fn limit(&self) -> Duration {
        match self.source.as_ref().map(|source| &source.shape) {
            Some(Shape::Whole(_)) => self.limits.whole,
            _ if self.reader.is_finished() => self.limits.silence.min(AFTER_FINISH),
            _ => self.limits.silence,
        }
    }

    fn take(&mut self, bytes: &[u8]) {
        let Some(source) = &mut self.source else { return };
        match &mut source.shape {
            Shape::Events(splitter) => {
                let mut found = Vec::new();
                let outcome = splitter.push(bytes, &mut found);
                self.take_items(found, Cause::Unreadable);
                if outcome.is_err() {
                    self.fail(Cause::Unreadable, &Words::default());
                }
            }
            Shape::Whole(body) if body.len() + bytes.len() > WHOLE_BYTES => {
                self.fail(Cause::Unreadable, &Words::default());
            }
            Shape::Whole(body) => body.extend_from_slice(bytes),
        }
    }

    /// `unreadable` is what an event means that cannot be read.
    fn take_items(&mut self, items: Vec<Item>, unreadable: Cause) {
        let mut found = Vec::new();
        for item in items {
            if self.source.is_none() {
                return; // nothing counts after the end
            }
            let Item::Event { name, data } = item else {
                self.say_alive();
                continue;
            };
            self.heard = self.clock().now();
            let outcome = self.reader.event(&name, Bytes::from(data), &mut found);
            self.keep(&mut found);
            match outcome {
                Ok(Progress::GoesOn) => {}
                Ok(Progress::Over) => self.end(),
                Err(broken) => self.is_broken(broken, unreadable),
            }
        }
    }

    fn keep(&mut self, found: &mut Vec<Piece>) {
        for mut piece in found.drain(..) {
            if self.wire == Wire::Dropped {
                piece.wire.clear();
            }
            self.ready.push_back(Ok(piece));
        }
    }

    /// The upstream closed the answer.
    fn come_to_the_end(&mut self) {
        let Some(source) = &mut self.source else { return };
        match &mut source.shape {
            Shape::Events(splitter) => {
                let mut found = Vec::new();
                // Nothing is added here, so nothing can be too large.
                splitter.finish(&mut found).ok();
                // What the end cut short is not the protocol any more, and no wonder.
                self.take_items(found, Cause::Cut);
                self.end();
            }
            Shape::Whole(body) => {
                let body = std::mem::take(body);
                self.take_whole(body.into());
            }
        }
    }

    fn take_whole(&mut self, body: Bytes) {
        let mut found = Vec::new();
        match self.reader.whole(body, &mut found) {
            Ok(()) => {
                self.source = None;
                self.keep(&mut found);
            }
            Err(broken) => self.is_broken(broken, Cause::Unreadable),
        }
    }

    fn is_broken(&mut self, broken: Broken, unreadable: Cause) {
        match broken {
            Broken::Told(data) => {
                let words = Words::of(&data);
                self.fail(status::cause_in_stream(&words), &words);
            }
            Broken::Unreadable(data) => self.fail(unreadable, &Words::of(&data)),
            Broken::Cut => self.fail(Cause::Cut, &Words::default()),
        }
    }

    /// The connection broke, was too quiet, or we were told to stop.
    fn break_off(&mut self, error: Error, limit: Duration) {
        if self.reader.is_finished() && error.code() != Code::CANCELLED {
            self.end();
            return;
        }
        let went_silent =
            error.code() == Code::TIMEOUT && self.silence.call().remaining().is_none_or(|left| !left.is_zero());
        let silent = || failure::silent(&self.speaker.upstream, limit);
        self.close_with(Err(if went_silent { silent() } else { error }));
    }

    fn end(&mut self) {
        if self.source.is_none() {
            return;
        }
        match self.reader.end() {
            Ok(mut last) => {
                if self.wire == Wire::Dropped {
                    last.wire.clear();
                }
                self.close_with(Ok(last));
            }
            Err(_) => self.close_with(Err(failure::explain(Cause::Cut, &self.speaker, &Words::default()))),
        }
    }

    fn fail(&mut self, cause: Cause, words: &Words) {
        if self.reader.is_finished() {
            self.end();
        } else {
            self.close_with(Err(failure::explain(cause, &self.speaker, words)));
        }
    }

    /// Whatever came first is the end.
    fn close_with(&mut self, last: Result<Piece, Error>) {
        if self.source.take().is_some() {
            self.ready.push_back(last);
        }
    }

    /// At most once a second: some servers send hundreds of comments.
    fn say_alive(&mut self) {
        let now = self.clock().now();
        if self.said_alive.is_none_or(|last| now.duration_since(last) >= Duration::from_secs(1)) {
            self.said_alive = Some(now);
            self.ready.push_back(Ok(Chunk::Status(Status::Alive).into()));
        }
    }
}

/// Images and long logs of probabilities make large bodies; nobody's is larger.
pub(super) const WHOLE_BYTES: usize = 64 << 20;
/// The figures come at once behind the finish, or not at all.
const AFTER_FINISH: Duration = Duration::from_secs(5);
