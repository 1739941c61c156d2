//! A continuation on probation: its first words are held until they are known to join.

use std::collections::VecDeque;

use futures_util::StreamExt;
use steadfast::{Clock, Error};
use steadfast_contract::{
    chunk::{AnswerStream, Chunk, Piece, SeamMethod, Weight},
    code,
};

use super::{
    super::seam::{Joint, Judged},
    probation_is_over,
};
use crate::{asking::Question, routing::Target};

pub(super) struct Joining {
    pub(super) source: AnswerStream,
    pub(super) target: Target,
    pub(super) method: SeamMethod,
    /// For those that may still be asked.
    pub(super) others: VecDeque<Question>,
    /// Why the attempt before broke.
    pub(super) cause: Error,
    joint: Joint,
    /// What was held, in order, with its frames.
    held: Vec<Piece>,
}

impl Joining {
    pub(super) fn new(
        delivered: &str,
        source: AnswerStream,
        target: Target,
        method: SeamMethod,
        (others, cause): (VecDeque<Question>, Error),
    ) -> Self {
        Self { source, target, method, others, cause, joint: Joint::after(delivered), held: Vec::new() }
    }

    /// The first pieces that may be shown. An error means that nothing of this continuation may.
    pub(super) async fn until_it_joins(&mut self, clock: &Clock) -> Result<Vec<Piece>, Error> {
        if self.method == SeamMethod::Exact {
            return Ok(Vec::new()); // the same model goes on from the very text: there is nothing to doubt
        }
        let mut over = std::pin::pin!(probation_is_over(clock));
        loop {
            let piece = tokio::select! {
                biased;
                piece = self.source.next() => piece.unwrap_or_else(|| Err(code::stream_cut(&self.target.label())))?,
                () = &mut over, if self.joint.says_something_new() => return self.joined(None),
            };
            if !self.joint.holds_text() {
                over.set(probation_is_over(clock)); // it begins with the first held word
            }
            match &piece.chunk {
                Chunk::Text(text) => match self.joint.push(text) {
                    Judged::OnProbation => self.held.push(piece),
                    judged => {
                        self.held.push(piece);
                        return self.show(judged, None);
                    }
                },
                Chunk::Finish { .. } => return self.joined(Some(piece)),
                // Nothing else belongs between two halves of a text.
                Chunk::ToolCall(_) | Chunk::Other(Weight::Content) => return Err(self.begins_anew()),
                Chunk::Status(_) | Chunk::Reasoning(_) | Chunk::Other(Weight::Preamble) => {}
            }
        }
    }

    fn joined(&mut self, end: Option<Piece>) -> Result<Vec<Piece>, Error> {
        let judged = self.joint.judge();
        self.show(judged, end)
    }

    fn show(&mut self, judged: Judged, end: Option<Piece>) -> Result<Vec<Piece>, Error> {
        let held = std::mem::take(&mut self.held);
        let Judged::Joins(text) = judged else { return Err(self.begins_anew()) };
        let said: String = held.iter().filter_map(|piece| as_text(&piece.chunk)).collect();
        let mut shown = match said == text {
            true => held, // word for word: its frames go on as they came
            false if text.is_empty() => Vec::new(),
            false => vec![Chunk::Text(text).into()],
        };
        shown.extend(end);
        Ok(shown)
    }

    fn begins_anew(&self) -> Error {
        Error::unavailable(&self.target.label())
            .with_message(format!("{} began anew instead of going on.", self.target.label()))
    }
}

fn as_text(chunk: &Chunk) -> Option<&str> {
    match chunk {
        Chunk::Text(text) => Some(text),
        _ => None,
    }
}
