//! Streams whose callers come back: what of them outlives the process, and who takes them up in the next one.
//!
//! The store knows neither protocols nor words: what was said is a memo that a protocol's writer makes of itself
//! ([`AnswerWriter::memo`]) and that [`WriterAgain`] makes a writer of.

use std::fmt::Debug;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use steadfast::{CancelToken, Error};

use crate::{BoxFuture, chunk::Piece, stream_log::AnswerWriter};

/// One stream as it is kept, written whole every time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct KeptStream {
    pub id: String,
    pub principal: String,
    pub key: Option<KeptKey>,
    /// Who answers and where, once somebody does.
    pub opening: Option<KeptOpening>,
    pub created_ms: u64,
    /// Grows with every write; an older one never replaces a newer one.
    pub revision: u64,
    pub epoch: u64,
    /// The newest frame that `memo` covers.
    pub last: u64,
    /// `None` while the answer is being written.
    pub end: Option<KeptEnd>,
    /// What was said, as the protocol's writer remembers it; `None` once it is no longer kept.
    #[serde(skip)]
    pub memo: Option<Value>,
}

/// An idempotency key, and the hash of the body that it stands for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptKey {
    pub key: String,
    pub body_hash: [u8; 32],
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptOpening {
    pub model: String,
    pub target: String,
}

/// How a stream ended, in the words of `StreamState`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptEnd {
    pub state: String,
    pub reason: Option<String>,
    pub at_ms: u64,
}

/// What is let go of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Outdated {
    /// Answers that ended before this lose their memo; their rows still say that they were there.
    pub ended_before_ms: u64,
    /// Beyond so many bytes of memos of ended answers, the oldest lose theirs.
    pub bytes_max: u64,
    /// Rows begun before this go for good, if their answers have ended.
    pub created_before_ms: u64,
    /// Beyond so many, the oldest rows of ended answers go.
    pub rows_max: u64,
}

/// Where streams are kept. When a call answers `Ok`, what it wrote survives a crash of this process.
pub trait StreamStore: Send + Sync + Debug {
    /// Which start of the program this is on this store, counted from 1.
    fn count_start<'a>(&'a self, token: &'a CancelToken) -> BoxFuture<'a, Result<u64, Error>>;

    /// Writes it, unless what is stored has the same or a newer revision.
    fn keep_stream<'a>(&'a self, token: &'a CancelToken, stream: KeptStream) -> BoxFuture<'a, Result<(), Error>>;

    /// All of them, oldest first.
    fn kept_streams<'a>(&'a self, token: &'a CancelToken) -> BoxFuture<'a, Result<Vec<KeptStream>, Error>>;

    fn let_streams_go<'a>(&'a self, token: &'a CancelToken, outdated: Outdated) -> BoxFuture<'a, Result<(), Error>>;
}

/// Makes a protocol's writer of what one in an earlier process remembered.
pub trait WriterAgain: Send + Sync + Debug {
    /// A fresh writer under the old name whose first frame is number `first`, and what it has to be told so that it
    /// has said the same; the end marker last, if there was one.
    ///
    /// # Errors
    /// `CORRUPT` when this is no memo.
    fn again(&self, memo: &Value, first: u64) -> Result<(Box<dyn AnswerWriter>, Vec<Piece>), Error>;
}
