//! Whether an answer's frames are an upstream's own or written here. The first piece decides, and a seam ends the
//! passing on for good: what comes after it is written anew from the chunks, so that it has the first attempt's id.

use steadfast_contract::{
    chat::Protocol,
    chunk::{Chunk, Frame, Piece, Status},
};

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Manner {
    #[default]
    Undecided,
    /// A piece without frames was said by a frame before it.
    PassedOn,
    Written,
}

impl Manner {
    pub(crate) fn hear(&mut self, piece: &Piece, protocol: Protocol) {
        let has_own = piece.wire.iter().any(|frame| frame.protocol == protocol);
        *self = match (*self, &piece.chunk) {
            (_, Chunk::Status(Status::Seam(_))) => Self::Written,
            (Self::Undecided, _) if has_own => Self::PassedOn,
            (Self::Undecided, Chunk::Status(_)) => Self::Undecided,
            (Self::Undecided, _) => Self::Written,
            (decided, _) => decided,
        };
    }
}

/// The frames that a client of this protocol understands.
pub(crate) fn own(mut wire: Vec<Frame>, protocol: Protocol) -> Vec<Frame> {
    wire.retain(|frame| frame.protocol == protocol);
    wire
}
