//! Holds the parts of a tool call back until the call is whole. A client cannot carry out half a call, so this
//! costs nobody anything, and a line that drops inside a call leaves nothing to take back.
//!
//! What comes after a held part waits behind it, because frames keep their order; statuses are no part of the answer
//! and pass. Surprise: a call without arguments says nothing by which it could be known to be whole, and waits for the
//! end marker.

use std::collections::{BTreeMap, VecDeque};

use futures_util::{StreamExt, stream};
use steadfast::Error;
use steadfast_contract::chunk::{AnswerStream, Chunk, Piece, ToolCallPart};

/// The same answer; every call in it comes whole or not at all.
pub(crate) fn whole_calls(pieces: AnswerStream) -> AnswerStream {
    let held = Held { pieces, ready: VecDeque::new(), waiting: Vec::new(), waiting_bytes: 0, calls: BTreeMap::new() };
    // In a box: an unfolded state is moved twice for every piece.
    Box::pin(stream::unfold(Box::new(held), |mut held| async move { held.next().await.map(|item| (item, held)) }))
}

struct Held {
    pieces: AnswerStream,
    ready: VecDeque<Piece>,
    /// An unfinished call and what came after it began.
    waiting: Vec<Piece>,
    waiting_bytes: usize,
    /// By index: the calls that are not whole yet.
    calls: BTreeMap<u32, Arguments>,
}

/// The arguments of one call as they come: whole when the braces are closed and it is JSON.
#[derive(Debug, Default)]
struct Arguments {
    text: String,
    depth: usize,
    in_string: bool,
    escaped: bool,
}

impl Held {
    async fn next(&mut self) -> Option<Result<Piece, Error>> {
        loop {
            if let Some(piece) = self.ready.pop_front() {
                return Some(Ok(piece));
            }
            match self.pieces.next().await? {
                Err(error) => return Some(Err(error)), // what waits was never said
                Ok(piece) if self.passes(&piece.chunk) => return Some(Ok(piece)),
                Ok(piece) => self.take(piece),
            }
        }
    }

    /// Nearly every piece: no call is open, and this begins none.
    fn passes(&self, chunk: &Chunk) -> bool {
        self.waiting.is_empty() && !matches!(chunk, Chunk::ToolCall(_))
    }

    fn take(&mut self, piece: Piece) {
        match &piece.chunk {
            Chunk::Status(_) => return self.ready.push_back(piece),
            Chunk::Finish { .. } => self.calls.clear(),
            Chunk::ToolCall(part) => self.continue_call(part),
            Chunk::Text(_) | Chunk::Reasoning(_) | Chunk::Other(_) => {}
        }
        self.waiting_bytes += size(&piece);
        self.waiting.push(piece);
        if self.calls.is_empty() || self.waiting_bytes > MOST_HELD_BYTES {
            self.ready.extend(self.waiting.drain(..));
            self.waiting_bytes = 0;
        }
    }

    fn continue_call(&mut self, part: &ToolCallPart) {
        let call = self.calls.entry(part.index).or_default();
        if call.is_whole_with(&part.arguments) {
            self.calls.remove(&part.index);
        }
    }
}

impl Arguments {
    fn is_whole_with(&mut self, more: &str) -> bool {
        let mut closed = false;
        for character in more.chars() {
            closed |= self.closes_with(character);
        }
        self.text.push_str(more);
        closed && self.depth == 0 && is_json(&self.text)
    }

    fn closes_with(&mut self, character: char) -> bool {
        if self.in_string {
            self.in_string = self.escaped || character != '"';
            self.escaped = !self.escaped && character == '\\';
            return false;
        }
        match character {
            '"' => self.in_string = true,
            '{' | '[' => self.depth += 1,
            '}' | ']' => {
                self.depth = self.depth.saturating_sub(1);
                return self.depth == 0;
            }
            _ => {}
        }
        false
    }
}

/// Arguments are an object: a lone number would look whole after its first digit.
fn is_json(text: &str) -> bool {
    serde_json::from_str::<serde_json::Value>(text).is_ok_and(|value| value.is_object())
}

fn size(piece: &Piece) -> usize {
    let said = match &piece.chunk {
        Chunk::Text(text) | Chunk::Reasoning(text) => text.len(),
        Chunk::ToolCall(part) => part.arguments.len(),
        Chunk::Status(_) | Chunk::Other(_) | Chunk::Finish { .. } => 0,
    };
    said + piece.wire.iter().map(|frame| frame.data.len()).sum::<usize>()
}

/// Far above any real call; what is larger is passed on as it comes.
const MOST_HELD_BYTES: usize = 4 * 1024 * 1024;

#[cfg(test)]
mod tests {
    use steadfast_contract::chunk::{FinishReason, Status};

    use super::*;

    fn part(index: u32, arguments: &str) -> Chunk {
        Chunk::ToolCall(ToolCallPart { index, arguments: arguments.into(), ..ToolCallPart::default() })
    }

    fn finish() -> Chunk {
        Chunk::Finish { reason: FinishReason::ToolCalls, usage: None }
    }

    /// What comes out before an error that follows `chunks`.
    async fn before_the_break(chunks: Vec<Chunk>) -> Vec<Chunk> {
        let broken = chunks.into_iter().map(|chunk| Ok(chunk.into())).chain([Err(Error::connection_lost("b"))]);
        let out: Vec<_> = whole_calls(Box::pin(stream::iter(broken))).collect().await;
        out.into_iter().filter_map(Result::ok).map(|piece| piece.chunk).collect()
    }

    #[tokio::test]
    async fn a_call_comes_whole_or_not_at_all() {
        let begun = vec![Chunk::Text("a".into()), part(0, r#"{"at": "{"#), part(0, r#"\"}"#)];
        assert_eq!(before_the_break(begun.clone()).await, begun[..1]);
        let whole: Vec<_> = begun.into_iter().chain([part(0, r#""}"#)]).collect();
        assert_eq!(before_the_break(whole.clone()).await, whole);
    }

    #[tokio::test]
    async fn what_follows_an_open_call_waits_behind_it_but_statuses_pass() {
        let chunks = vec![part(0, "{"), part(1, "{}"), Chunk::Status(Status::Alive)];
        assert_eq!(before_the_break(chunks).await, [Chunk::Status(Status::Alive)]);
        let closed = vec![part(0, "{"), part(1, "{}"), part(0, "}")];
        assert_eq!(before_the_break(closed.clone()).await, closed);
    }

    #[tokio::test]
    async fn the_end_marker_lets_everything_go() {
        let chunks = vec![part(0, ""), finish()];
        assert_eq!(before_the_break(chunks.clone()).await, chunks);
    }
}
