//! From a refusal's status, headers and words to a code. One table, so that what an upstream's answer means is
//! decided in one place. The sentences are ours.

use http::{HeaderMap, StatusCode};
use steadfast::Error;

use super::{
    failure::{self, Cause},
    retry_after::retry_after,
    words::{Speaker, Words},
};

/// An answer that is not 200.
pub(super) struct Refusal<'a> {
    pub(super) status: StatusCode,
    pub(super) headers: &'a HeaderMap,
    pub(super) body: &'a [u8],
    /// Milliseconds since 1970.
    pub(super) now_ms: u64,
}

impl Refusal<'_> {
    pub(super) fn explain(&self, speaker: &Speaker) -> Error {
        let words = Words::of(self.body);
        let cause = cause(self.status.as_u16(), &words);
        let error = failure::explain(cause, speaker, &words).with_detail("status", self.status.as_u16());
        match retry_after(self.headers, self.now_ms).filter(|_| error.retryable()) {
            Some(wait) => error.with_retry_after(wait),
            None => error,
        }
    }
}

/// What a status means, with the words where the status alone does not say it.
pub(super) fn cause(status: u16, words: &Words) -> Cause {
    match status {
        400 | 413 | 422 if failure::is_too_long(words) => Cause::TooLong,
        401 => Cause::KeyRefused,
        402 => Cause::NoCredit,
        403 => Cause::NotAllowed,
        404 => Cause::NoSuchModel,
        408 | 504 | 524 => Cause::TooSlow,
        413 => Cause::TooLarge,
        429 if words.say(&["insufficient_quota", "billing", "credit balance"]) => Cause::NoCredit,
        429 => Cause::TooOften,
        300..=399 => Cause::Redirect,
        409 | 425 => Cause::Away,
        400..=499 => Cause::Refused,
        _ if failure::is_out_of_memory(words) => Cause::OutOfMemory,
        503 if words.say(&["loading model", "model is loading", "is currently loading", "model_loading"]) => {
            Cause::Loading
        }
        // A proxy says 503 for a server that it cannot reach; everybody else for one that has too much to do.
        503 if words.say(&["no healthy upstream", "upstream connect error", "no available server"]) => Cause::Away,
        503 | 529 => Cause::Busy,
        502 => Cause::Away,
        _ => Cause::Broken,
    }
}

/// What an error in the middle of a stream means: there the words must stand for the status.
pub(super) fn cause_in_stream(words: &Words) -> Cause {
    let number = words.code.parse().ok().filter(|code| (400..600).contains(code));
    match number {
        _ if failure::is_too_long(words) => Cause::TooLong,
        Some(status) => cause(status, words),
        None if words.say(&["rate_limit", "insufficient_quota"]) => cause(429, words),
        None if words.say(&["overloaded"]) => Cause::Busy,
        None => cause(500, words),
    }
}

#[cfg(test)]
mod tests;
