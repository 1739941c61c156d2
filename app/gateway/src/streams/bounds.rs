//! How large one log may grow, and what a frame counts for.

use steadfast_contract::{
    chunk::{Chunk, Frame},
    stream_log::Numbered,
};

#[derive(Debug, Clone, Copy)]
pub(super) struct Bounds {
    pub(super) events: usize,
    pub(super) bytes: usize,
}

impl Bounds {
    pub(super) fn are_passed_by(self, events: usize, bytes: usize) -> bool {
        events > self.events || bytes > self.bytes
    }

    /// What is left after a cut: half, so that the next cut is far away and a reader that keeps up never meets one.
    pub(super) fn after_a_cut(self) -> Self {
        Self { events: self.events / 2, bytes: self.bytes / 2 }
    }
}

pub(super) fn weight(frame: &Frame) -> usize {
    frame.data.len() + size_of::<Numbered>()
}

/// What the writer has to remember of it for a snapshot.
pub(super) fn remembered(chunk: &Chunk) -> usize {
    match chunk {
        Chunk::Text(text) | Chunk::Reasoning(text) => text.len(),
        Chunk::ToolCall(part) => part.arguments.len() + part.name.as_ref().map_or(0, String::len),
        Chunk::Status(_) | Chunk::Other(_) | Chunk::Finish { .. } => 0,
    }
}
