//! An answer on its way to programs: numbered frames, logged before anybody reads them.
//!
//! The gateway numbers, keeps and replays frames without knowing any protocol; an [`AnswerWriter`] turns pieces into
//! the frames of the protocol that the client speaks.

use serde_json::Value;
use steadfast::{CancelReason, Code, Error};

use crate::chunk::{FinishReason, Frame, Piece};

/// A frame with its place in the stream's log: 1, 2, 3, …, never a gap.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Numbered {
    /// Which writer of the log put it there, counted from 1. A later one has fenced off those before it.
    pub epoch: u64,
    pub seq: u64,
    pub frame: Frame,
}

/// Everything said up to a place, for a reader to put in place of what it had.
#[derive(Debug, Clone, PartialEq)]
pub struct Snapshot {
    pub epoch: u64,
    /// The last frame that it covers; what follows is `through + 1`.
    pub through: u64,
    pub value: Value,
}

/// What a reader of a log gets.
#[derive(Debug, Clone, PartialEq)]
pub enum LogItem {
    Frame(Numbered),
    /// Frames before this place are no longer kept, or were not wanted.
    Snapshot(Snapshot),
}

/// How far a stream has come. Every state but the first is an end, and a stream has exactly one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StreamState {
    Running,
    /// The model said all it wanted to say.
    Completed,
    /// The text is there and not whole: the model's own reason, or the code of the error that broke it off.
    Incomplete {
        reason: String,
    },
    /// Nothing was said.
    Failed {
        code: Code,
    },
    Cancelled {
        reason: CancelReason,
    },
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

    /// What another writer has to know to stand in this one's place in a later process. Read by
    /// `kept_stream::WriterAgain` and by nobody else.
    fn memo(&self) -> Value;
}

impl LogItem {
    /// The place after which the reader goes on.
    pub fn seq(&self) -> u64 {
        match self {
            Self::Frame(numbered) => numbered.seq,
            Self::Snapshot(snapshot) => snapshot.through,
        }
    }

    pub fn epoch(&self) -> u64 {
        match self {
            Self::Frame(numbered) => numbered.epoch,
            Self::Snapshot(snapshot) => snapshot.epoch,
        }
    }
}

impl StreamState {
    /// The end that a model's own end marker makes.
    pub fn finished(reason: FinishReason) -> Self {
        match reason {
            FinishReason::Stop | FinishReason::ToolCalls => Self::Completed,
            FinishReason::Length | FinishReason::ContentFilter => {
                Self::Incomplete { reason: reason.as_str().to_owned() }
            }
        }
    }

    pub fn is_end(&self) -> bool {
        *self != Self::Running
    }

    /// Whether the model ended the answer by itself, so that the protocol's marker of a good end is right.
    pub fn is_the_models_own_end(&self) -> bool {
        match self {
            Self::Completed => true,
            Self::Incomplete { reason } => {
                [FinishReason::Length, FinishReason::ContentFilter].iter().any(|finish| finish.as_str() == reason)
            }
            Self::Running | Self::Failed { .. } | Self::Cancelled { .. } => false,
        }
    }

    /// The state's name on every surface.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Completed => "completed",
            Self::Incomplete { .. } => "incomplete",
            Self::Failed { .. } => "failed",
            Self::Cancelled { .. } => "cancelled",
        }
    }

    /// Why, where there is more to say than the name.
    pub fn reason(&self) -> Option<&str> {
        match self {
            Self::Running | Self::Completed => None,
            Self::Incomplete { reason } => Some(reason),
            Self::Failed { code } => Some(code.name()),
            Self::Cancelled { reason } => Some(reason.as_str()),
        }
    }
}
