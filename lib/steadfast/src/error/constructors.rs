//! One constructor per code. Each fills in the sentence and the guidance, so that call sites only say the facts.

use super::{Code, Error};
use crate::CancelReason;
use std::time::Duration;

impl Error {
    /// `operation` did not finish within `after`.
    pub fn timeout(operation: &str, after: Duration) -> Self {
        Self::timed_out(after).in_operation(operation)
    }

    pub(super) fn timed_out(after: Duration) -> Self {
        Self::new(Code::TIMEOUT)
            .with_message(format!("It took longer than {}.", seconds(after)))
            .with_detail("limit_ms", after.as_millis())
    }

    /// The breaker of `target` refused the call; it will let one through in `retry_after`.
    pub fn circuit_open(target: &str, retry_after: Duration) -> Self {
        Self::new(Code::CIRCUIT_OPEN)
            .with_message(format!("{target} failed several times in a row and is resting."))
            .with_retry_after(retry_after)
    }

    /// The connection to `target` broke.
    pub fn connection_lost(target: &str) -> Self {
        Self::new(Code::CONNECTION_LOST).with_message(format!("The connection to {target} was lost."))
    }

    /// The last of several `attempts` failed with `last`, which becomes the source and lends its blame.
    pub fn retry_exhausted(attempts: u32, last: Self) -> Self {
        let mut error = Self::new(Code::RETRY_EXHAUSTED)
            .with_message(format!("It failed {attempts} times. The last time: {}", last.message()))
            .with_suggestion(last.suggestion())
            .with_blame(last.blame())
            .with_detail("attempts", attempts)
            .with_detail("last_code", last.code());
        error.0.attempts = Some(attempts);
        error.0.operation.clone_from(&last.0.operation);
        error.with_source(last)
    }

    /// The call was stopped for `reason`. A target that let the time run out is to blame, a person who pressed
    /// stop is not.
    pub fn cancelled(reason: CancelReason) -> Self {
        let mut error = Self::new(Code::CANCELLED)
            .with_message(format!("It was stopped: {}.", reason.sentence()))
            .with_blame(reason.blame())
            .with_detail("reason", reason);
        error.0.cancel_reason = Some(reason);
        error
    }

    /// `target` refuses further calls for now, perhaps saying for how long.
    pub fn rate_limited(target: &str, retry_after: Option<Duration>) -> Self {
        Self::new(Code::RATE_LIMITED)
            .with_message(format!("{target} accepts no more requests for the moment."))
            .waiting(retry_after)
    }

    /// `target` has too much to do, perhaps saying for how long.
    pub fn overloaded(target: &str, retry_after: Option<Duration>) -> Self {
        Self::new(Code::OVERLOADED).with_message(format!("{target} has too much to do right now.")).waiting(retry_after)
    }

    /// `target` cannot be reached.
    pub fn unavailable(target: &str) -> Self {
        Self::new(Code::UNAVAILABLE).with_message(format!("{target} cannot be reached right now."))
    }

    /// The request is wrong; `message` says what to correct, for people.
    pub fn validation(message: impl Into<String>) -> Self {
        Self::new(Code::VALIDATION).with_message(message)
    }

    /// There is no `what` called `id`.
    pub fn not_found(what: &str, id: &str) -> Self {
        Self::new(Code::NOT_FOUND).with_message(format!("There is no {what} named {id}."))
    }

    /// Somebody else was first; `message` says where, for people.
    pub fn conflict(message: impl Into<String>) -> Self {
        Self::new(Code::CONFLICT).with_message(message)
    }

    /// `target` did not accept the key.
    pub fn unauthorized(target: &str) -> Self {
        Self::new(Code::UNAUTHORIZED).with_message(format!("{target} did not accept the key or the sign-in."))
    }

    /// `target` does not allow it.
    pub fn forbidden(target: &str) -> Self {
        Self::new(Code::FORBIDDEN).with_message(format!("{target} does not allow this."))
    }

    /// There is not enough memory for `what`.
    pub fn out_of_memory(what: &str) -> Self {
        Self::new(Code::OUT_OF_MEMORY).with_message(format!("There is not enough memory for {what}."))
    }

    /// `needed` bytes must be written and `free` bytes are left.
    pub fn disk_full(needed: u64, free: u64) -> Self {
        Self::new(Code::DISK_FULL).with_message(format!(
            "There is not enough room on the disk: {} MB are needed and {} MB are free.",
            needed.div_ceil(1_000_000),
            free / 1_000_000
        ))
    }

    /// Stored data is damaged; `message` says which, for people.
    pub fn corrupt(message: impl Into<String>) -> Self {
        Self::new(Code::CORRUPT).with_message(message)
    }

    /// The storage cannot be reached. `message` is for operators and becomes the detail `cause`.
    pub fn storage_unavailable(message: impl Into<String>) -> Self {
        Self::new(Code::STORAGE_UNAVAILABLE).with_detail("cause", message.into())
    }

    /// The storage did not answer within `after`.
    pub fn query_timeout(after: Duration) -> Self {
        Self::new(Code::QUERY_TIMEOUT)
            .with_message(format!("The storage took longer than {}.", seconds(after)))
            .with_detail("limit_ms", after.as_millis())
    }

    /// A mistake in the program. `message` is for operators and becomes the detail `cause`.
    pub fn internal(message: impl Into<String>) -> Self {
        Self::new(Code::INTERNAL).with_detail("cause", message.into())
    }

    fn waiting(self, retry_after: Option<Duration>) -> Self {
        match retry_after {
            Some(wait) => self.with_retry_after(wait),
            None => self,
        }
    }
}

/// "5 seconds", "1 second", "0.25 seconds".
fn seconds(duration: Duration) -> String {
    let unit = if duration == Duration::from_secs(1) { "second" } else { "seconds" };
    format!("{} {unit}", duration.as_secs_f64())
}
