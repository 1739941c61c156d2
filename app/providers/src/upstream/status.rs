//! From a refusal's status, headers and words to a code. One table, so that what an upstream's answer means is
//! decided in one place. The sentences are ours.

use http::{HeaderMap, StatusCode};
use serde_json::Value;
use steadfast::{Error, RetryAdvice};

use super::{
    failure::{self, Cause},
    retry_after::{retry_after, told_in_words},
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
        let error = match self.request_id() {
            Some(id) => error.with_detail("upstream_request_id", id),
            None => error,
        };
        let waits = matches!(error.advice(), RetryAdvice::RetryNow | RetryAdvice::RetryAfter(_));
        let wait = || retry_after(self.headers, self.now_ms).or_else(|| told_in_words(&words.message));
        match waits.then(wait).flatten() {
            Some(wait) => error.with_retry_after(wait),
            None => error,
        }
    }

    /// What the upstream's own support asks for first.
    fn request_id(&self) -> Option<String> {
        let id =
            ["x-request-id", "request-id", "cf-ray"].iter().find_map(|name| self.headers.get(*name)?.to_str().ok())?;
        let id: String = id.chars().filter(|letter| letter.is_ascii_graphic()).take(100).collect();
        (!id.is_empty()).then_some(id)
    }

    /// The model says that it does not go on from a given beginning.
    pub(super) fn is_of_a_given_beginning(&self) -> bool {
        cause(self.status.as_u16(), &Words::of(self.body)) == Cause::NoGivenBeginning
    }
}

/// A body that came with 200 and is not what was asked for: an error, or nothing that we know.
pub(super) fn explain_body(body: &[u8], speaker: &Speaker) -> Error {
    let words = Words::of(body);
    let is_error = serde_json::from_slice::<Value>(body).is_ok_and(|body| body.get("error").is_some());
    failure::explain(if is_error { cause_in_stream(&words) } else { Cause::Unreadable }, speaker, &words)
}

/// What a status means, with the words where the status alone does not say it.
pub(super) fn cause(status: u16, words: &Words) -> Cause {
    match status {
        400 | 413 | 422 if failure::is_too_long(words) => Cause::TooLong,
        400 | 403 | 429 if failure::is_out_of_credit(words) => Cause::NoCredit,
        400 | 422 if failure::is_of_a_given_beginning(words) => Cause::NoGivenBeginning,
        401 => Cause::KeyRefused,
        402 => Cause::NoCredit,
        403 => Cause::NotAllowed,
        404 => Cause::NoSuchModel,
        408 | 504 | 524 => Cause::TooSlow,
        413 => Cause::TooLarge,
        429 if failure::is_out_of_capacity(words) => Cause::Busy,
        429 => Cause::TooOften,
        300..=399 => Cause::Redirect,
        409 | 425 => Cause::Away,
        // Groq's "no room for flexible requests".
        498 => Cause::Busy,
        400..=499 => Cause::Refused,
        _ if failure::is_out_of_memory(words) => Cause::OutOfMemory,
        503 if words.say(&["loading model", "model is loading", "is currently loading", "model_loading"]) => {
            Cause::Loading
        }
        // A proxy says 503 for a server that it cannot reach; everybody else for one that has too much to do.
        503 if words.say(&["no healthy upstream", "upstream connect error", "no available server"]) => Cause::Away,
        503 | 529 => Cause::Busy,
        500 if failure::is_out_of_capacity(words) => Cause::Busy,
        // Cloudflare's numbers for a server that it cannot reach.
        502 | 520..=523 | 530 => Cause::Away,
        _ => Cause::Broken,
    }
}

/// What an error in the middle of a stream means: there the words must stand for the status.
pub(super) fn cause_in_stream(words: &Words) -> Cause {
    let number = words.code.parse().ok().filter(|code| (400..600).contains(code));
    match number {
        _ if failure::is_too_long(words) => Cause::TooLong,
        Some(status) => cause(status, words),
        None if failure::is_out_of_credit(words) => Cause::NoCredit,
        None if words.say(&["rate_limit"]) => cause(429, words),
        None if failure::is_out_of_capacity(words) => Cause::Busy,
        None => match words.kind.as_str() {
            "authentication_error" => Cause::KeyRefused,
            "permission_error" => Cause::NotAllowed,
            "not_found_error" => Cause::NoSuchModel,
            "request_too_large" => Cause::TooLarge,
            "invalid_request_error" | "BadRequestError" => cause(400, words),
            "timeout_error" => Cause::TooSlow,
            _ => cause(500, words),
        },
    }
}

#[cfg(test)]
mod tests;
