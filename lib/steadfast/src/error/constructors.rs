//! One constructor per code. Each fills in the sentence and the guidance, so that call sites only say the facts.

use super::{Code, Error};
use crate::CancelReason;
use std::time::Duration;

impl Error {
    /// `operation` did not finish within `after`, which becomes the detail `limit_ms`.
    ///
    /// ```
    /// use std::time::Duration;
    /// use steadfast::Error;
    ///
    /// assert_eq!(Error::timeout("buy", Duration::from_millis(250)).message(), "It took longer than 0.25 seconds.");
    /// ```
    pub fn timeout(operation: &str, after: Duration) -> Self {
        Self::timed_out(after).in_operation(operation)
    }

    pub(super) fn timed_out(after: Duration) -> Self {
        Self::new(Code::TIMEOUT)
            .with_message(format!("It took longer than {}.", seconds(after)))
            .with_detail("limit_ms", after.as_millis())
    }

    /// The breaker of `target` refused the call; it will let one through in `retry_after`.
    ///
    /// ```
    /// use std::time::Duration;
    /// use steadfast::{Error, RetryAdvice};
    ///
    /// assert_eq!(Error::circuit_open("shop", Duration::from_secs(30)).advice(), RetryAdvice::TryElsewhere);
    /// ```
    pub fn circuit_open(target: &str, retry_after: Duration) -> Self {
        Self::new(Code::CIRCUIT_OPEN)
            .with_message(format!("{target} failed several times in a row and is resting."))
            .with_retry_after(retry_after)
    }

    /// The connection to `target` broke.
    ///
    /// ```
    /// use steadfast::{Error, RetryAdvice};
    ///
    /// assert_eq!(Error::connection_lost("shop").advice(), RetryAdvice::RetryNow);
    /// ```
    pub fn connection_lost(target: &str) -> Self {
        Self::new(Code::CONNECTION_LOST).with_message(format!("The connection to {target} was lost."))
    }

    /// The last of several `attempts` failed with `last`, which becomes the source and lends its blame.
    ///
    /// ```
    /// use steadfast::Error;
    ///
    /// let error = Error::retry_exhausted(3, Error::connection_lost("shop"));
    /// assert_eq!(error.message(), "It failed 3 times. The last time: The connection to shop was lost.");
    /// ```
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
    ///
    /// ```
    /// use steadfast::{CancelReason, Error};
    ///
    /// assert_eq!(Error::cancelled(CancelReason::Shutdown).message(), "It was stopped: the program is ending.");
    /// ```
    pub fn cancelled(reason: CancelReason) -> Self {
        let mut error = Self::new(Code::CANCELLED)
            .with_message(format!("It was stopped: {}.", reason.sentence()))
            .with_blame(reason.blame())
            .with_detail("reason", reason);
        error.0.cancel_reason = Some(reason);
        error
    }

    /// `target` refuses further calls for now, perhaps saying for how long.
    ///
    /// ```
    /// use std::time::Duration;
    /// use steadfast::{Error, RetryAdvice};
    ///
    /// assert_eq!(Error::rate_limited("shop", None).advice(), RetryAdvice::RetryNow);
    /// let minute = Duration::from_secs(60);
    /// assert_eq!(Error::rate_limited("shop", Some(minute)).advice(), RetryAdvice::RetryAfter(minute));
    /// ```
    pub fn rate_limited(target: &str, retry_after: Option<Duration>) -> Self {
        Self::new(Code::RATE_LIMITED)
            .with_message(format!("{target} accepts no more requests for the moment."))
            .waiting(retry_after)
    }

    /// `target` has too much to do, perhaps saying for how long.
    ///
    /// ```
    /// use steadfast::{Blame, Error};
    ///
    /// assert_eq!(Error::overloaded("shop", None).blame(), Blame::Target); // so breakers count it
    /// ```
    pub fn overloaded(target: &str, retry_after: Option<Duration>) -> Self {
        Self::new(Code::OVERLOADED).with_message(format!("{target} has too much to do right now.")).waiting(retry_after)
    }

    /// `target` cannot be reached.
    ///
    /// ```
    /// assert_eq!(steadfast::Error::unavailable("shop").message(), "shop cannot be reached right now.");
    /// ```
    pub fn unavailable(target: &str) -> Self {
        Self::new(Code::UNAVAILABLE).with_message(format!("{target} cannot be reached right now."))
    }

    /// The request is wrong; `message` says what to correct, for people.
    ///
    /// ```
    /// assert_eq!(steadfast::Error::validation("The name is empty.").message(), "The name is empty.");
    /// ```
    pub fn validation(message: impl Into<String>) -> Self {
        Self::new(Code::VALIDATION).with_message(message)
    }

    /// There is no `what` called `id`.
    ///
    /// ```
    /// assert_eq!(steadfast::Error::not_found("shop", "corner").message(), "There is no shop named corner.");
    /// ```
    pub fn not_found(what: &str, id: &str) -> Self {
        Self::new(Code::NOT_FOUND).with_message(format!("There is no {what} named {id}."))
    }

    /// Somebody else was first; `message` says where, for people.
    ///
    /// ```
    /// use steadfast::{Error, RetryAdvice};
    ///
    /// assert_eq!(Error::conflict("The price has changed.").advice(), RetryAdvice::Never); // load it again first
    /// ```
    pub fn conflict(message: impl Into<String>) -> Self {
        Self::new(Code::CONFLICT).with_message(message)
    }

    /// `target` did not accept the key.
    ///
    /// ```
    /// use steadfast::Error;
    ///
    /// assert_eq!(Error::unauthorized("shop").message(), "shop did not accept the key or the sign-in.");
    /// ```
    pub fn unauthorized(target: &str) -> Self {
        Self::new(Code::UNAUTHORIZED).with_message(format!("{target} did not accept the key or the sign-in."))
    }

    /// `target` does not allow it.
    ///
    /// ```
    /// assert_eq!(steadfast::Error::forbidden("shop").message(), "shop does not allow this.");
    /// ```
    pub fn forbidden(target: &str) -> Self {
        Self::new(Code::FORBIDDEN).with_message(format!("{target} does not allow this."))
    }

    /// There is not enough memory for `what`.
    ///
    /// ```
    /// use steadfast::{Error, RetryAdvice};
    ///
    /// assert_eq!(Error::out_of_memory("the list").advice(), RetryAdvice::TryElsewhere);
    /// ```
    pub fn out_of_memory(what: &str) -> Self {
        Self::new(Code::OUT_OF_MEMORY).with_message(format!("There is not enough memory for {what}."))
    }

    /// `needed` bytes must be written and `free` bytes are left. The sentence counts in MB of 1,000,000 bytes, the need
    /// rounded up and the room rounded down.
    ///
    /// ```
    /// let error = steadfast::Error::disk_full(1_000_001, 1_999_999);
    /// assert!(error.message().ends_with("2 MB are needed and 1 MB are free.")); // never rounded to look like enough
    /// ```
    pub fn disk_full(needed: u64, free: u64) -> Self {
        Self::new(Code::DISK_FULL).with_message(format!(
            "There is not enough room on the disk: {} MB are needed and {} MB are free.",
            needed.div_ceil(1_000_000),
            free / 1_000_000
        ))
    }

    /// Stored data is damaged; `message` says which, for people.
    ///
    /// ```
    /// assert!(!steadfast::Error::corrupt("The list is damaged.").retryable());
    /// ```
    pub fn corrupt(message: impl Into<String>) -> Self {
        Self::new(Code::CORRUPT).with_message(message)
    }

    /// The storage cannot be reached. `message` is for operators and becomes the detail `cause`.
    ///
    /// ```
    /// let error = steadfast::Error::storage_unavailable("lock held by 4711");
    /// assert_eq!(error.message(), "The storage cannot be reached right now."); // nothing from inside
    /// assert_eq!(error.details(), [("cause", "lock held by 4711".to_owned())]);
    /// ```
    pub fn storage_unavailable(message: impl Into<String>) -> Self {
        Self::new(Code::STORAGE_UNAVAILABLE).with_detail("cause", message.into())
    }

    /// The storage did not answer within `after`, which becomes the detail `limit_ms`.
    ///
    /// ```
    /// use std::time::Duration;
    /// use steadfast::Error;
    ///
    /// assert_eq!(Error::query_timeout(Duration::from_secs(1)).message(), "The storage took longer than 1 second.");
    /// ```
    pub fn query_timeout(after: Duration) -> Self {
        Self::new(Code::QUERY_TIMEOUT)
            .with_message(format!("The storage took longer than {}.", seconds(after)))
            .with_detail("limit_ms", after.as_millis())
    }

    /// A mistake in the program. `message` is for operators and becomes the detail `cause`.
    ///
    /// ```
    /// let error = steadfast::Error::internal("index 7 of 3");
    /// assert_eq!(error.message(), "Something went wrong inside the program."); // nothing from inside
    /// assert_eq!(error.details(), [("cause", "index 7 of 3".to_owned())]);
    /// ```
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
