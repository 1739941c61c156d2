//! The answers that are kept: bounded by bytes, the one that was used longest ago goes first. It knows no time but
//! the moment at which each was whole.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use bytes::{Bytes, BytesMut};
use steadfast_contract::{
    chat::Protocol,
    chunk::{Chunk, FinishReason, Piece, SeamMethod, Status, Weight},
    provider::Delivery,
};
use tokio::time::Instant;

use super::{key::Key, recording::Head};

/// An answer that came whole.
#[derive(Debug)]
pub(super) struct KeptAnswer {
    pub(super) head: Head,
    pieces: Vec<Piece>,
    bytes: usize,
    delivery: Delivery,
    /// Whether our words say all of it, so that it can be told in another manner than it came.
    is_plain: bool,
    pub(super) has_calls: bool,
    pub(super) at: Instant,
}

pub(super) struct Kept {
    inside: Mutex<Inside>,
    most_bytes: usize,
}

#[derive(Default)]
struct Inside {
    answers: HashMap<Key, (u64, Arc<KeptAnswer>)>,
    /// By when each was used last.
    by_use: BTreeMap<u64, Key>,
    uses: u64,
    bytes: usize,
}

impl KeptAnswer {
    /// `None` for what must not be kept: an answer without its end, one that was joined from two that do not belong
    /// together to the letter, one that a filter ended, and one that says nothing.
    pub(super) fn of(head: Head, pieces: &[Piece], delivery: Delivery, at: Instant) -> Option<Self> {
        let ended_well = pieces.last().is_some_and(|last| match last.chunk {
            Chunk::Finish { reason, .. } => reason != FinishReason::ContentFilter,
            _ => false,
        });
        let is_joined = pieces.iter().any(|piece| match &piece.chunk {
            Chunk::Status(Status::Seam(seam)) => seam.method != SeamMethod::Exact,
            _ => false,
        });
        let says_something =
            pieces.iter().any(|piece| matches!(piece.chunk, Chunk::Text(_) | Chunk::ToolCall(_) | OTHER_CONTENT));
        if !ended_well || is_joined || !says_something {
            return None;
        }
        let kept = in_one_buffer(pieces);
        Some(Self {
            bytes: kept.iter().map(weight).sum::<usize>() + size_of::<Self>(),
            is_plain: !pieces.iter().any(is_more_than_our_words),
            has_calls: kept.iter().any(|piece| matches!(piece.chunk, Chunk::ToolCall(_))),
            pieces: kept,
            head,
            delivery,
            at,
        })
    }

    /// The answer again, if it can be handed over so.
    pub(super) fn told(&self, delivery: Delivery) -> Option<Vec<Piece>> {
        match () {
            () if delivery == self.delivery => Some(self.pieces.clone()),
            () if self.is_plain => Some(self.pieces.iter().map(|piece| piece.chunk.clone().into()).collect()),
            () => None,
        }
    }
}

impl Kept {
    pub(super) fn new(most_bytes: usize) -> Self {
        Self { inside: Mutex::default(), most_bytes }
    }

    pub(super) fn get(&self, key: &Key) -> Option<Arc<KeptAnswer>> {
        let mut inside = self.inside();
        let now = inside.next_use();
        let (used, answer) = inside.answers.get_mut(key)?;
        let (before, answer) = (std::mem::replace(used, now), Arc::clone(answer));
        inside.by_use.remove(&before);
        inside.by_use.insert(now, *key);
        Some(answer)
    }

    pub(super) fn insert(&self, key: Key, answer: KeptAnswer) {
        let mut inside = self.inside();
        inside.remove(&key);
        if answer.bytes > self.most_bytes {
            return;
        }
        let now = inside.next_use();
        inside.bytes += answer.bytes;
        inside.by_use.insert(now, key);
        inside.answers.insert(key, (now, Arc::new(answer)));
        while inside.bytes > self.most_bytes {
            let Some((_, oldest)) = inside.by_use.pop_first() else { return };
            inside.remove(&oldest);
        }
    }

    pub(super) fn clear(&self) {
        *self.inside() = Inside::default();
    }

    fn inside(&self) -> MutexGuard<'_, Inside> {
        self.inside.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inside {
    fn next_use(&mut self) -> u64 {
        self.uses += 1;
        self.uses
    }

    fn remove(&mut self, key: &Key) {
        if let Some((used, answer)) = self.answers.remove(key) {
            self.by_use.remove(&used);
            self.bytes -= answer.bytes;
        }
    }
}

/// Without what is news only once; every frame's bytes in one buffer, because as they came each holds the whole of
/// what was read from the line with it.
fn in_one_buffer(pieces: &[Piece]) -> Vec<Piece> {
    let mut kept: Vec<Piece> = pieces
        .iter()
        .filter(|piece| !matches!(piece.chunk, Chunk::Status(_)) || !piece.wire.is_empty())
        .cloned()
        .collect();
    let frames = || kept.iter().flat_map(|piece| &piece.wire);
    let mut buffer = BytesMut::with_capacity(frames().map(|frame| frame.data.len()).sum());
    frames().for_each(|frame| buffer.extend_from_slice(&frame.data));
    let mut rest: Bytes = buffer.freeze();
    for frame in kept.iter_mut().flat_map(|piece| &mut piece.wire) {
        frame.data = rest.split_to(frame.data.len());
    }
    kept
}

pub(super) fn weight(piece: &Piece) -> usize {
    let said = match &piece.chunk {
        Chunk::Text(text) | Chunk::Reasoning(text) => text.len(),
        Chunk::ToolCall(part) => part.arguments.len(),
        Chunk::Status(_) | Chunk::Other(_) | Chunk::Finish { .. } => 0,
    };
    said + size_of::<Piece>() + piece.wire.iter().map(|frame| frame.data.len() + size_of_val(frame)).sum::<usize>()
}

/// What only its own frames say; Anthropic's thoughts are signed there.
fn is_more_than_our_words(piece: &Piece) -> bool {
    match piece.chunk {
        OTHER_CONTENT => true,
        Chunk::Reasoning(_) => piece.wire.iter().any(|frame| frame.protocol == Protocol::Messages),
        _ => false,
    }
}

const OTHER_CONTENT: Chunk = Chunk::Other(Weight::Content);

#[cfg(test)]
mod tests {
    use steadfast::Clock;
    use steadfast_contract::chunk::{Frame, Seam};

    use super::*;

    fn piece(chunk: Chunk, data: &'static str) -> Piece {
        let frame =
            Frame { protocol: Protocol::ChatCompletions, event: None, data: Bytes::from_static(data.as_bytes()) };
        Piece { chunk, wire: vec![frame] }
    }

    fn finish(reason: FinishReason) -> Piece {
        piece(Chunk::Finish { reason, usage: None }, "[DONE]")
    }

    fn text() -> Piece {
        piece(Chunk::Text("hello".into()), r#"{"text":"hello"}"#)
    }

    fn seam(method: SeamMethod) -> Piece {
        let (from, to, cause) = ("a/big".into(), "b/big".into(), "STREAM_CUT".into());
        Chunk::Status(Status::Seam(Seam { at_chars: 5, from, to, method, cause, attempt: 2 })).into()
    }

    fn kept(pieces: &[Piece]) -> Option<KeptAnswer> {
        KeptAnswer::of(Head::default(), pieces, Delivery::Streamed, Clock::manual().now())
    }

    #[test]
    fn only_what_came_whole_and_from_one_mouth_is_kept() {
        let stop = || finish(FinishReason::Stop);
        let rows = [
            (vec![text(), stop()], true),
            (vec![text(), finish(FinishReason::Length)], true),
            (vec![text()], false),
            (vec![stop()], false),
            (vec![text(), finish(FinishReason::ContentFilter)], false),
            (vec![text(), seam(SeamMethod::Exact), text(), stop()], true),
            (vec![text(), seam(SeamMethod::Prefill), text(), stop()], false),
        ];
        for (pieces, expected) in rows {
            assert_eq!(kept(&pieces).is_some(), expected, "{pieces:?}");
        }
    }

    #[test]
    fn in_the_manner_in_which_it_came_it_is_the_same_frames_and_in_another_the_same_words() {
        let status: Piece = Chunk::Status(Status::Alive).into();
        let answer = kept(&[text(), status, finish(FinishReason::Stop)]).unwrap();
        assert_eq!(answer.told(Delivery::Streamed).unwrap(), [text(), finish(FinishReason::Stop)]);
        let whole = answer.told(Delivery::Whole).unwrap();
        assert!(whole.iter().all(|piece| piece.wire.is_empty()));
        assert_eq!(whole[0].chunk, text().chunk);
    }

    #[test]
    fn what_only_its_frames_can_say_is_told_in_no_other_manner() {
        let foreign = kept(&[text(), piece(OTHER_CONTENT, "{}"), finish(FinishReason::Stop)]).unwrap();
        assert!(foreign.told(Delivery::Whole).is_none() && foreign.told(Delivery::Streamed).is_some());
    }

    #[test]
    fn what_was_used_longest_ago_gives_way() {
        let answer = || kept(&[text(), finish(FinishReason::Stop)]).unwrap();
        let room = Kept::new(answer().bytes * 2);
        room.insert([1; 32], answer());
        room.insert([2; 32], answer());
        assert!(room.get(&[1; 32]).is_some());
        room.insert([3; 32], answer());
        let there = [1, 2, 3].map(|name| room.get(&[name; 32]).is_some());
        assert_eq!(there, [true, false, true]);
        assert_eq!(room.inside().bytes, answer().bytes * 2);
        room.insert([3; 32], answer());
        assert_eq!(room.inside().bytes, answer().bytes * 2, "put in twice, it counts once");
    }
}
