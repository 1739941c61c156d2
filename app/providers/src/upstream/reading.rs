//! The answer while it arrives: bytes to events to chunks, until the end marker.
//!
//! `finish_reason` is the end marker; `[DONE]` alone is not, and a quiet end of the connection least of all. Once the
//! marker was seen the answer is whole, whatever becomes of the connection.

use std::{collections::VecDeque, time::Duration};

use steadfast::{Call, Code, Error, Timeout};
use steadfast_contract::{
    chunk::{Chunk, FinishReason, Piece, Status},
    usage::Usage,
};
use tokio::time::Instant;

use super::{
    answer::{Finish, Peeked, Said, peek},
    failure::{self, Cause},
    status,
    words::{Speaker, Words},
};
use steadfast_wire::sse::{Item, Splitter};

use crate::http::Answer;

/// Dropping it closes the connection.
pub(super) struct Reading {
    /// `None` when there is nothing more to read.
    source: Option<Source>,
    speaker: Speaker,
    call: Call,
    idle: Duration,
    ready: VecDeque<Result<Piece, Error>>,
    finish: Option<FinishReason>,
    usage: Option<Usage>,
    said_alive: Option<Instant>,
}

struct Source {
    answer: Answer,
    shape: Shape,
}

enum Shape {
    Events(Splitter),
    /// The upstream did not stream although it was asked to: one JSON body.
    Whole(Vec<u8>),
}

impl Reading {
    pub(super) fn new(answer: Answer, speaker: Speaker, call: Call, idle: Duration) -> Self {
        let shape = match answer.content_type().split(';').next().unwrap_or_default().trim() {
            "application/json" | "text/html" => Shape::Whole(Vec::new()),
            _ => Shape::Events(Splitter::default()),
        };
        Self {
            source: Some(Source { answer, shape }),
            speaker,
            call,
            idle,
            ready: VecDeque::new(),
            finish: None,
            usage: None,
            said_alive: None,
        }
    }

    pub(super) async fn next(&mut self) -> Option<Result<Piece, Error>> {
        while self.ready.is_empty() {
            let source = self.source.as_mut()?;
            let bytes = Timeout::after(self.idle).run(&self.call, source.answer.bytes()).await;
            match bytes {
                Ok(Some(bytes)) => self.take(&bytes),
                Ok(None) => self.come_to_the_end(),
                Err(error) => self.break_off(error),
            }
        }
        self.ready.pop_front()
    }

    fn take(&mut self, bytes: &[u8]) {
        let Some(source) = &mut self.source else { return };
        match &mut source.shape {
            Shape::Events(splitter) => {
                let mut found = Vec::new();
                let outcome = splitter.push(bytes, &mut found);
                self.take_items(found);
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

    fn take_items(&mut self, items: Vec<Item>) {
        for item in items {
            if self.source.is_none() {
                return; // nothing counts after the end
            }
            match item {
                Item::Comment => self.say_alive(),
                Item::Event { data, .. } if data == b"[DONE]" => self.end(),
                Item::Event { name, data } if name == "error" => self.fail_as_told(&data),
                Item::Event { data, .. } => self.take_frame(&data),
            }
        }
    }

    fn take_frame(&mut self, data: &[u8]) {
        match peek(data) {
            Peeked::Said(said) => self.take_said(said),
            Peeked::Error => self.fail_as_told(data),
            // Words may be missing now; better to say so than to go on as if nothing were.
            Peeked::Unreadable => self.fail(Cause::Cut, &Words::of(data)),
        }
    }

    fn take_said(&mut self, said: Said) {
        if !said.text.is_empty() {
            self.ready.push_back(Ok(Chunk::Text(said.text).into()));
        } else if said.finish.is_none() && said.usage.is_none() {
            self.say_alive();
        }
        self.usage = said.usage.or(self.usage);
        match said.finish {
            Some(Finish::Whole(reason)) => self.finish = Some(reason),
            Some(Finish::Broken) => self.fail(Cause::Cut, &Words::default()),
            None => {}
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
                self.take_items(found);
            }
            Shape::Whole(body) => {
                let body = std::mem::take(body);
                self.take_whole(&body);
            }
        }
        self.end();
    }

    fn take_whole(&mut self, body: &[u8]) {
        match peek(body) {
            Peeked::Said(said) => self.take_said(said),
            Peeked::Error => self.fail_as_told(body),
            Peeked::Unreadable => self.fail(Cause::Unreadable, &Words::of(body)),
        }
    }

    /// The connection broke, was too quiet, or we were told to stop.
    fn break_off(&mut self, error: Error) {
        if self.finish.is_some() && error.code() != Code::CANCELLED {
            self.end();
            return;
        }
        let went_silent = error.code() == Code::TIMEOUT && self.call.remaining().is_none_or(|left| !left.is_zero());
        let silent = || failure::silent(&self.speaker.upstream, self.idle);
        self.close_with(Err(if went_silent { silent() } else { error }));
    }

    fn end(&mut self) {
        match self.finish {
            Some(reason) => self.close_with(Ok(Chunk::Finish { reason, usage: self.usage }.into())),
            None => self.fail(Cause::Cut, &Words::default()),
        }
    }

    /// The upstream says in the middle of a stream why it ends.
    fn fail_as_told(&mut self, data: &[u8]) {
        let words = Words::of(data);
        self.fail(status::cause_in_stream(&words), &words);
    }

    fn fail(&mut self, cause: Cause, words: &Words) {
        match self.finish {
            Some(_) => self.end(),
            None => self.close_with(Err(failure::explain(cause, &self.speaker, words))),
        }
    }

    /// Whatever came first is the end.
    fn close_with(&mut self, last: Result<Piece, Error>) {
        if self.source.take().is_some() {
            self.ready.push_back(last);
        }
    }

    /// At most once a second: a thinking model sends hundreds of frames without text.
    fn say_alive(&mut self) {
        let now = self.call.clock().now();
        if self.said_alive.is_none_or(|last| now.duration_since(last) >= Duration::from_secs(1)) {
            self.said_alive = Some(now);
            self.ready.push_back(Ok(Chunk::Status(Status::Alive).into()));
        }
    }
}

/// A whole answer is text; nobody's is longer.
const WHOLE_BYTES: usize = 8 << 20;
