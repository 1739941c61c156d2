//! What was tried for one answer, in order: for headers, for the final error, for whoever asks why it took so long.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::{Value, json};
use steadfast::Error;

/// One attempt that has ended, or brought the answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttemptNote {
    /// `UPSTREAM/MODEL`, or the local model's id.
    pub target: String,
    /// Counted from 1 over the whole answer.
    pub attempt: u32,
    /// Why it failed: an error code; `None` when it brought content.
    pub code: Option<String>,
    /// From the question to the first content or the failure.
    pub ms: u64,
}

/// The attempts of one answer; clones are the same list.
#[derive(Debug, Clone, Default)]
pub(crate) struct Notes(Arc<Mutex<Vec<AttemptNote>>>);

impl Notes {
    pub(crate) fn add(&self, target: String, error: Option<&Error>, ms: u64) {
        let mut notes = self.list();
        let attempt = u32::try_from(notes.len()).unwrap_or(u32::MAX).saturating_add(1);
        let code = error.map(|error| error.code().name().to_owned());
        notes.push(AttemptNote { target, attempt, code, ms });
    }

    /// The number of the attempt that was noted last.
    pub(crate) fn count(&self) -> u32 {
        u32::try_from(self.list().len()).unwrap_or(u32::MAX)
    }

    pub(crate) fn all(&self) -> Vec<AttemptNote> {
        self.list().clone()
    }

    /// The error with the attempts as its detail `attempts`.
    pub(crate) fn on(&self, error: Error) -> Error {
        let list: Vec<Value> = self.list().iter().map(AttemptNote::as_json).collect();
        error.with_detail("attempts", Value::Array(list))
    }

    fn list(&self) -> MutexGuard<'_, Vec<AttemptNote>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl AttemptNote {
    fn as_json(&self) -> Value {
        json!({ "target": self.target, "attempt": self.attempt, "code": self.code, "ms": self.ms })
    }
}
