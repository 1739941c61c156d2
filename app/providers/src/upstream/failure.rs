//! Why an upstream could not answer, and the error that says so. Words in, code out; no status code in sight, so
//! an error in the middle of a stream is explained like one at its beginning.

use std::time::Duration;

use steadfast::{Blame, Code, Error, RetryAdvice};
use steadfast_contract::code;

use super::words::{Speaker, Words};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cause {
    KeyRefused,
    NotAllowed,
    NoCredit,
    NoSuchModel,
    TooLong,
    TooLarge,
    /// The request, for a reason that only its words tell.
    Refused,
    TooOften,
    TooSlow,
    Loading,
    Busy,
    Away,
    OutOfMemory,
    Redirect,
    /// This model does not go on from a given beginning.
    NoGivenBeginning,
    /// It failed inside, and would fail again.
    Broken,
    /// What came is not an answer in the protocol.
    Unreadable,
    /// The stream ended without its end marker.
    Cut,
}

pub(super) fn explain(cause: Cause, speaker: &Speaker, words: &Words) -> Error {
    speaker.quote(sentence(cause, speaker, words), words)
}

fn sentence(cause: Cause, Speaker { upstream, model, .. }: &Speaker, words: &Words) -> Error {
    match cause {
        Cause::KeyRefused => Error::unauthorized(upstream)
            .with_message(format!("{upstream} did not accept our key."))
            .with_suggestion("Check the upstream's key in the settings, or use another model."),
        Cause::NotAllowed => {
            Error::forbidden(upstream).with_message(format!("{upstream} does not allow us to use {model}."))
        }
        Cause::NoCredit => code::quota_exhausted(upstream),
        Cause::NoSuchModel => Error::not_found("model", model)
            .with_message(format!("{upstream} has no model named {model}."))
            .with_suggestion("Check the model's name in the settings, or use another model."),
        Cause::TooLong => too_long(model, words),
        Cause::TooLarge => Error::validation(format!("The request is larger than {upstream} accepts."))
            .with_suggestion("Remove attachments or shorten the conversation."),
        Cause::Refused => Error::validation(format!("{upstream} did not accept the request."))
            .with_suggestion("Change the request, or use another model."),
        Cause::TooOften => Error::rate_limited(upstream, None),
        Cause::TooSlow => Error::new(Code::TIMEOUT).with_message(format!("{upstream} did not answer in time.")),
        Cause::Loading => code::model_loading(model, None).with_blame(Blame::Target),
        Cause::Busy => Error::overloaded(upstream, None),
        Cause::Away => Error::unavailable(upstream),
        Cause::OutOfMemory => Error::out_of_memory(model)
            .with_message(format!("{upstream} has not enough memory for this."))
            .with_suggestion("Use a smaller model, or shorten the conversation.")
            .with_blame(Blame::Target),
        Cause::Redirect => Error::unavailable(upstream)
            .with_message(format!("{upstream} sent us to another address, which we do not follow."))
            .with_suggestion("Put the address that it leads to into the settings.")
            .with_advice(RetryAdvice::TryElsewhere),
        Cause::Broken => Error::unavailable(upstream)
            .with_message(format!("{upstream} failed while it answered."))
            .with_suggestion("Try again later, or use another model.")
            .with_advice(RetryAdvice::TryElsewhere),
        Cause::Unreadable => code::upstream_protocol(upstream),
        Cause::NoGivenBeginning => code::unsupported_input(format!("{model} does not go on from a given beginning.")),
        Cause::Cut => code::stream_cut(upstream),
    }
}

fn too_long(model: &str, words: &Words) -> Error {
    match words.tokens {
        Some((tokens, limit)) => code::context_too_long(model, tokens, limit),
        None => Error::new(code::CONTEXT_TOO_LONG)
            .with_message(format!("This conversation is longer than {model} can read.")),
    }
}

/// Nothing came for so long that the line counts as dead.
pub(super) fn silent(upstream: &str, after: Duration) -> Error {
    Error::timeout("read answer", after).with_message(format!("{upstream} stopped in the middle of the answer."))
}

/// OpenAI has a code for it, llama.cpp a type; others only say so.
pub(super) fn is_too_long(words: &Words) -> bool {
    words.tokens.is_some()
        || words.say(&[
            "context_length_exceeded",
            "exceed_context_size",
            "maximum context length",
            "context length exceeded",
            "exceeds the available context size",
            "exceeds context window",
            "input length exceeds",
            "prompt is too long",
            "longer than the maximum model length",
            "exceed context limit",
            "reduce the length of the messages",
        ])
}

/// The account, not the pace: OpenAI's code, Anthropic's sentence, OpenRouter's and DeepSeek's.
pub(super) fn is_out_of_credit(words: &Words) -> bool {
    words.say(&[
        "insufficient_quota",
        "billing",
        "credit balance",
        "insufficient credits",
        "requires more credits",
        "insufficient balance",
        "exceeded your current quota",
        "quota_exceeded",
        "spending limit",
        "spend limit",
    ])
}

/// Too much for the server, not from us.
pub(super) fn is_out_of_capacity(words: &Words) -> bool {
    words.say(&[
        "overloaded",
        "at capacity",
        "capacity exceeded",
        "no capacity",
        "server is busy",
        "engine_overloaded",
        "queue is full",
    ])
}

/// A last message of the model's own that it will not go on from.
pub(super) fn is_of_a_given_beginning(words: &Words) -> bool {
    words.say(&[
        "prefill",
        "continue_final_message",
        "add_generation_prompt",
        "must end with a user message",
        "final assistant",
        "last message must",
    ])
}

pub(super) fn is_out_of_memory(words: &Words) -> bool {
    words.say(&["out of memory", "out_of_memory", "outofmemory", "requires more system memory", "insufficient memory"])
}
