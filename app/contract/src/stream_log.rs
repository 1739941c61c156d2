//! An answer on its way to programs: numbered frames, logged before anybody reads them.
//!
//! The gateway numbers, keeps and replays frames without knowing any protocol; an [`AnswerWriter`] turns pieces into
//! the frames of the protocol that the client speaks.

use serde_json::Value;
use steadfast::Error;

use crate::chunk::{Frame, Piece};

/// A frame with its place in the stream's log: 1, 2, 3, …, never a gap.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Numbered {
    pub seq: u64,
    pub frame: Frame,
}

/// Writes one answer in a client's protocol. Pure: it keeps what it has said so far and nothing else.
pub trait AnswerWriter: Send {
    /// What comes before the first piece; often nothing.
    fn begin(&mut self) -> Vec<Frame>;

    /// What a piece adds; often one frame, none for what the protocol has no word for. After the piece with
    /// `Chunk::Finish` the frames are the protocol's whole end, its last marker too.
    fn piece(&mut self, piece: Piece) -> Vec<Frame>;

    /// The protocol's own way to say that the answer broke off here. Nothing follows; never a marker of a good end.
    fn fail(&mut self, error: &Error) -> Vec<Frame>;

    /// Everything said so far as one frame that a reader puts in place of what it had.
    fn snapshot(&self) -> Value;
}
