//! An answer that is handed over in one piece. An upstream's own body is kept beside what it says, so that it can
//! be passed on untouched.

use steadfast_contract::{
    chat::Protocol,
    chunk::{Chunk, Frame, Piece, Status},
};

use super::Told;

#[derive(Debug, Default)]
pub struct Collected {
    pub(crate) told: Told,
    body: Body,
}

#[derive(Debug, Default)]
enum Body {
    #[default]
    None,
    /// The only frame so far: a body, or the first event of a stream.
    One(Frame),
    /// A stream, or an answer of several attempts.
    Several,
}

impl Collected {
    pub fn add(&mut self, piece: Piece) {
        self.told.hear(&piece.chunk);
        for frame in piece.wire {
            self.body = match self.body {
                Body::None => Body::One(frame),
                Body::One(_) | Body::Several => Body::Several,
            };
        }
        if let Chunk::Status(Status::Seam(_)) = piece.chunk {
            self.body = Body::Several;
        }
    }

    /// Whether the end marker came. What has none is no answer.
    pub fn is_whole(&self) -> bool {
        self.told.finish.is_some()
    }

    /// The upstream's body, if there was one in this protocol. `is_body` tells a body from an event.
    pub(crate) fn body(&self, protocol: Protocol, is_body: impl Fn(&[u8]) -> bool) -> Option<&Frame> {
        match &self.body {
            Body::One(frame) => Some(frame).filter(|frame| frame.protocol == protocol && is_body(&frame.data)),
            Body::None | Body::Several => None,
        }
    }
}
