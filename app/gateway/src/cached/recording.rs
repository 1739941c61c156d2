//! An answer on its way to everybody who asked for it at the same time: each reads it from its beginning, at its own
//! pace. It is kept while it is short enough to be kept afterwards; beyond that only what somebody has not read yet.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use steadfast::Error;
use steadfast_contract::chunk::Piece;
use tokio::sync::watch;

use super::kept::weight;
use crate::chat::AttemptNote;

/// Who answers, after what.
#[derive(Debug, Clone, Default)]
pub(super) struct Head {
    pub(super) model: String,
    pub(super) target: String,
    pub(super) attempts: Vec<AttemptNote>,
}

pub(super) struct Recording {
    pub(super) head: Head,
    inside: Mutex<Inside>,
    /// Told after every change.
    changes: watch::Sender<()>,
    most_bytes: usize,
}

#[derive(Default)]
struct Inside {
    pieces: VecDeque<Piece>,
    /// How many pieces went before those.
    gone: usize,
    bytes: usize,
    end: Option<Result<(), Error>>,
    /// How far each reader has come.
    places: HashMap<u64, usize>,
    readers: u64,
}

/// One reader's place in it.
pub(super) struct Place {
    recording: Arc<Recording>,
    reader: u64,
    changes: watch::Receiver<()>,
}

/// Whether all of it is still there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Extent {
    Whole,
    TooLong,
}

impl Recording {
    pub(super) fn new(head: Head, most_bytes: usize) -> Self {
        Self { head, inside: Mutex::default(), changes: watch::Sender::new(()), most_bytes }
    }

    pub(super) fn add(&self, piece: Piece) -> Extent {
        let mut inside = self.inside();
        inside.bytes += weight(&piece);
        inside.pieces.push_back(piece);
        if inside.bytes > self.most_bytes || inside.gone > 0 {
            inside.let_go_of_what_was_read();
        }
        let extent = if inside.gone > 0 { Extent::TooLong } else { Extent::Whole };
        drop(inside);
        self.changes.send_replace(());
        extent
    }

    /// Nothing comes after it; the first end counts.
    pub(super) fn end(&self, how: Result<(), Error>) {
        self.inside().end.get_or_insert(how);
        self.changes.send_replace(());
    }

    /// Everything, if everything is still there.
    pub(super) fn whole(&self) -> Option<Vec<Piece>> {
        let inside = self.inside();
        (inside.gone == 0).then(|| inside.pieces.iter().cloned().collect())
    }

    /// A place at its beginning, if that is still there.
    pub(super) fn read(self: &Arc<Self>) -> Option<Place> {
        let mut inside = self.inside();
        if inside.gone > 0 {
            return None;
        }
        inside.readers += 1;
        let reader = inside.readers;
        inside.places.insert(reader, 0);
        Some(Place { recording: Arc::clone(self), reader, changes: self.changes.subscribe() })
    }

    fn inside(&self) -> MutexGuard<'_, Inside> {
        self.inside.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Place {
    /// The next piece; `None` after the last one of an answer that ended well. Cancel safe.
    pub(super) async fn next(&mut self) -> Option<Result<Piece, Error>> {
        loop {
            self.changes.borrow_and_update();
            if let Some(there) = self.recording.inside().take(self.reader) {
                return there;
            }
            if self.changes.changed().await.is_err() {
                return Some(Err(Error::internal("an answer went while it was read")));
            }
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.recording.inside().places.remove(&self.reader);
    }
}

impl Inside {
    /// What is there for this reader; `None` as long as nothing is.
    fn take(&mut self, reader: u64) -> Option<Option<Result<Piece, Error>>> {
        let place = self.places.get_mut(&reader)?;
        let at = place.checked_sub(self.gone).and_then(|at| self.pieces.get(at));
        match (at, &self.end) {
            (Some(piece), _) => {
                *place += 1;
                Some(Some(Ok(piece.clone())))
            }
            (None, Some(Ok(()))) => Some(None),
            (None, Some(Err(error))) => Some(Some(Err(error.clone()))),
            (None, None) => None,
        }
    }

    fn let_go_of_what_was_read(&mut self) {
        let Some(slowest) = self.places.values().min() else { return };
        let read = slowest.saturating_sub(self.gone);
        let gone: Vec<Piece> = self.pieces.drain(..read).collect();
        self.bytes -= gone.iter().map(weight).sum::<usize>();
        self.gone += gone.len();
    }
}

#[cfg(test)]
mod tests {
    use steadfast_contract::chunk::Chunk;

    use super::*;

    fn piece(text: &str) -> Piece {
        Chunk::Text(text.into()).into()
    }

    async fn text(place: &mut Place) -> Option<String> {
        match place.next().await?.unwrap().chunk {
            Chunk::Text(text) => Some(text),
            other => panic!("{other:?}"),
        }
    }

    #[tokio::test]
    async fn everybody_reads_it_from_its_beginning() {
        let recording = Arc::new(Recording::new(Head::default(), 10_000));
        let mut early = recording.read().unwrap();
        recording.add(piece("a"));
        assert_eq!(text(&mut early).await.as_deref(), Some("a"));
        let mut late = recording.read().unwrap();
        recording.add(piece("b"));
        recording.end(Ok(()));
        for (reader, rest) in [(&mut early, vec!["b"]), (&mut late, vec!["a", "b"])] {
            for expected in rest {
                assert_eq!(text(reader).await.as_deref(), Some(expected));
            }
            assert_eq!(text(reader).await, None);
        }
    }

    #[tokio::test]
    async fn an_end_that_nobody_wished_for_is_told_to_all_after_what_there_was() {
        let recording = Arc::new(Recording::new(Head::default(), 10_000));
        recording.add(piece("a"));
        recording.end(Err(Error::connection_lost("x")));
        recording.end(Ok(()));
        for _ in 0..2 {
            let mut place = recording.read().unwrap();
            assert_eq!(text(&mut place).await.as_deref(), Some("a"));
            assert!(place.next().await.unwrap().is_err());
        }
    }

    #[tokio::test]
    async fn what_is_too_long_to_be_kept_holds_only_what_is_still_to_be_read() {
        let recording = Arc::new(Recording::new(Head::default(), 3 * weight(&piece("a"))));
        let (mut fast, mut slow) = (recording.read().unwrap(), recording.read().unwrap());
        for _ in 0..3 {
            assert_eq!(recording.add(piece("a")), Extent::Whole);
            text(&mut fast).await;
        }
        text(&mut slow).await;
        assert_eq!(recording.add(piece("a")), Extent::TooLong);
        assert!(recording.whole().is_none() && recording.read().is_none());
        assert_eq!(recording.inside().pieces.len(), 3, "the slow one has read one");
        drop(slow);
        text(&mut fast).await;
        recording.add(piece("b"));
        assert_eq!((text(&mut fast).await.as_deref(), recording.inside().pieces.len()), (Some("b"), 1));
    }
}
