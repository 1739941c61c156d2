//! What must last, as traits. Backends live in `app/store`, and one conformance test runs over them all.
//!
//! Every call that can wait takes the token that may end it, and says which of the four things happened:
//! it worked, it was cancelled (`CANCELLED`), somebody changed it first (`CONFLICT`), or the store is away
//! (`STORAGE_UNAVAILABLE`). When a call answers `Ok`, what it wrote survives a crash of this process.

use std::fmt::Debug;

use steadfast::{CancelToken, Error};

use crate::{
    BoxFuture,
    conversation::{Conversation, ConversationView, StoredMessage},
    kept_stream::StreamStore,
    run::{RunEvent, RunSpec, RunView},
};

/// Whether a write made something new or found it made already (the same id was sent twice).
#[derive(Debug, Clone, PartialEq)]
pub enum Written<T> {
    New(T),
    /// What is stored under that id; the caller's version was not used.
    Already(T),
}

impl<T> Written<T> {
    pub fn into_inner(self) -> T {
        match self {
            Self::New(value) | Self::Already(value) => value,
        }
    }

    pub fn is_new(&self) -> bool {
        matches!(self, Self::New(_))
    }
}

/// A message as it is sent: the store gives it its ordinal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewMessage {
    pub id: String,
    pub conversation_id: String,
    pub text: String,
    pub created_ms: u64,
}

/// Conversations, messages, and runs with their logs.
pub trait ConversationStore: Send + Sync + Debug {
    /// Newest first, without the deleted ones.
    fn conversations<'a>(&'a self, token: &'a CancelToken) -> BoxFuture<'a, Result<Vec<Conversation>, Error>>;

    /// `NOT_FOUND` when there is none, or it is deleted.
    fn conversation<'a>(
        &'a self,
        token: &'a CancelToken,
        id: &'a str,
    ) -> BoxFuture<'a, Result<ConversationView, Error>>;

    /// The conversation alone, also a deleted one.
    fn summary<'a>(&'a self, token: &'a CancelToken, id: &'a str) -> BoxFuture<'a, Result<Conversation, Error>>;

    fn create_conversation<'a>(
        &'a self,
        token: &'a CancelToken,
        id: &'a str,
        title: &'a str,
        now_ms: u64,
    ) -> BoxFuture<'a, Result<Written<Conversation>, Error>>;

    fn rename_conversation<'a>(
        &'a self,
        token: &'a CancelToken,
        id: &'a str,
        title: &'a str,
        now_ms: u64,
    ) -> BoxFuture<'a, Result<Conversation, Error>>;

    /// Marks it deleted; `restore_conversation` takes that back until `purge_deleted` ran.
    fn delete_conversation<'a>(
        &'a self,
        token: &'a CancelToken,
        id: &'a str,
        now_ms: u64,
    ) -> BoxFuture<'a, Result<(), Error>>;

    fn restore_conversation<'a>(
        &'a self,
        token: &'a CancelToken,
        id: &'a str,
        now_ms: u64,
    ) -> BoxFuture<'a, Result<Conversation, Error>>;

    /// Removes for good what was deleted before `before_ms`; says how many.
    fn purge_deleted<'a>(&'a self, token: &'a CancelToken, before_ms: u64) -> BoxFuture<'a, Result<u64, Error>>;

    /// Stores the message and its first run together, or finds both stored (same message id).
    /// `CONFLICT` when the id is taken by a message with another text or in another conversation.
    fn add_message<'a>(
        &'a self,
        token: &'a CancelToken,
        message: NewMessage,
        run: RunSpec,
    ) -> BoxFuture<'a, Result<Written<(StoredMessage, RunView)>, Error>>;

    /// Changes the text of a message none of whose runs has begun (all are `queued` or `withdrawn`); else `CONFLICT`.
    fn edit_message<'a>(
        &'a self,
        token: &'a CancelToken,
        id: &'a str,
        text: &'a str,
        now_ms: u64,
    ) -> BoxFuture<'a, Result<StoredMessage, Error>>;

    /// Removes a message none of whose runs has begun, with its runs; else `CONFLICT`. The ordinals behind it close up.
    fn remove_message<'a>(
        &'a self,
        token: &'a CancelToken,
        id: &'a str,
        now_ms: u64,
    ) -> BoxFuture<'a, Result<StoredMessage, Error>>;

    fn message<'a>(&'a self, token: &'a CancelToken, id: &'a str) -> BoxFuture<'a, Result<StoredMessage, Error>>;

    /// Another run for a stored message. The same run id twice is found, not made twice.
    fn add_run<'a>(&'a self, token: &'a CancelToken, run: RunSpec) -> BoxFuture<'a, Result<Written<RunView>, Error>>;

    fn run<'a>(&'a self, token: &'a CancelToken, id: &'a str) -> BoxFuture<'a, Result<RunView, Error>>;

    /// Every run that has not ended, oldest first: what a starting server has to close or go on with.
    fn open_runs<'a>(&'a self, token: &'a CancelToken) -> BoxFuture<'a, Result<Vec<RunView>, Error>>;

    /// Appends to the run's log. The first `seq` must be the stored one plus 1, and the rest without a gap: else
    /// `CONFLICT` (another writer was here). Events that are already stored word for word are skipped.
    fn append<'a>(
        &'a self,
        token: &'a CancelToken,
        run_id: &'a str,
        events: &'a [RunEvent],
    ) -> BoxFuture<'a, Result<(), Error>>;

    /// The log from `after` (exclusive) on, at most `limit` events.
    fn events<'a>(
        &'a self,
        token: &'a CancelToken,
        run_id: &'a str,
        after: u64,
        limit: usize,
    ) -> BoxFuture<'a, Result<Vec<RunEvent>, Error>>;

    /// Can the store be reached now? Says what is wrong if not.
    fn check<'a>(&'a self, token: &'a CancelToken) -> BoxFuture<'a, Result<(), Error>>;

    /// "sqlite", "memory".
    fn backend(&self) -> &'static str;
}

/// Everything that must last.
pub trait Store: ConversationStore + StreamStore {}

impl<S: ConversationStore + StreamStore> Store for S {}
