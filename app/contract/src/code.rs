//! The error codes that speak of models, beside the general ones of `steadfast::Code`.
//!
//! One constructor per code, as in the library: it fills in the guidance, so that a caller only says what happened.

use std::time::Duration;

use steadfast::{Blame, Code, CodeSpec, Error, RetryAdvice};

pub const MODEL_LOADING: Code = Code::new(&CodeSpec {
    name: "MODEL_LOADING",
    advice: RetryAdvice::RetryAfter(Duration::from_secs(5)),
    retry_after: Some(Duration::from_secs(5)),
    blame: Blame::Local,
    message: "The model is still loading.",
    suggestion: "Wait until it is ready, or ask a model that is ready now.",
});

pub const MODEL_NOT_LOADED: Code = Code::new(&CodeSpec {
    name: "MODEL_NOT_LOADED",
    advice: RetryAdvice::TryElsewhere,
    retry_after: None,
    blame: Blame::Local,
    message: "The model is not loaded.",
    suggestion: "Load it on the models page or with `steadfast pull`, or ask another model.",
});

pub const MODEL_CRASHED: Code = Code::new(&CodeSpec {
    name: "MODEL_CRASHED",
    advice: RetryAdvice::TryElsewhere,
    retry_after: None,
    blame: Blame::Target,
    message: "The engine stopped and could not be started again.",
    suggestion: "Try again in a minute, or answer with another model.",
});

pub const INVALID_MODEL_FILE: Code = Code::new(&CodeSpec {
    name: "INVALID_MODEL_FILE",
    advice: RetryAdvice::TryElsewhere,
    retry_after: None,
    blame: Blame::Local,
    message: "The model file is not a valid GGUF file.",
    suggestion: "Remove the file and load the model again, or choose another source.",
});

pub const CONTEXT_TOO_LONG: Code = Code::new(&CodeSpec {
    name: "CONTEXT_TOO_LONG",
    advice: RetryAdvice::Never,
    retry_after: None,
    blame: Blame::Caller,
    message: "The conversation is longer than the model can read.",
    suggestion: "Shorten the conversation, start a new one, or use a model with a longer context.",
});

pub const UNSUPPORTED_INPUT: Code = Code::new(&CodeSpec {
    name: "UNSUPPORTED_INPUT",
    advice: RetryAdvice::TryElsewhere,
    retry_after: None,
    blame: Blame::Caller,
    message: "The model cannot take this kind of input.",
    suggestion: "Remove the part it cannot take, or use a model that can.",
});

pub const STREAM_CUT: Code = Code::new(&CodeSpec {
    name: "STREAM_CUT",
    advice: RetryAdvice::RetryNow,
    retry_after: None,
    blame: Blame::Target,
    message: "The line dropped in the middle of the answer.",
    suggestion: "Try again. What had arrived is kept.",
});

pub const TOOL_CALL_TRUNCATED: Code = Code::new(&CodeSpec {
    name: "TOOL_CALL_TRUNCATED",
    advice: RetryAdvice::RetryNow,
    retry_after: None,
    blame: Blame::Target,
    message: "The line dropped in the middle of a tool call.",
    suggestion: "Try again. The unfinished call must not be carried out.",
});

pub const INTERRUPTED: Code = Code::new(&CodeSpec {
    name: "INTERRUPTED",
    advice: RetryAdvice::RetryNow,
    retry_after: None,
    blame: Blame::Local,
    message: "The server restarted while this was being answered.",
    suggestion: "Continue the answer or start it over. What had arrived is kept.",
});

pub const QUOTA_EXHAUSTED: Code = Code::new(&CodeSpec {
    name: "QUOTA_EXHAUSTED",
    advice: RetryAdvice::TryElsewhere,
    retry_after: None,
    blame: Blame::Quota,
    message: "The account there is used up.",
    suggestion: "Add credit to the account, or use another model.",
});

pub const UPSTREAM_PROTOCOL: Code = Code::new(&CodeSpec {
    name: "UPSTREAM_PROTOCOL",
    advice: RetryAdvice::TryElsewhere,
    retry_after: None,
    blame: Blame::Target,
    message: "The server sent something that is not an answer.",
    suggestion: "Check the upstream's address in the settings, or use another model.",
});

pub const TOOL_NOT_FOUND: Code = Code::new(&CodeSpec {
    name: "TOOL_NOT_FOUND",
    advice: RetryAdvice::Never,
    retry_after: None,
    blame: Blame::Caller,
    message: "There is no such tool.",
    suggestion: "List the tools and use one of their names.",
});

pub const STREAM_EXPIRED: Code = Code::new(&CodeSpec {
    name: "STREAM_EXPIRED",
    advice: RetryAdvice::Never,
    retry_after: None,
    blame: Blame::Caller,
    message: "This answer has ended, and its stream is no longer kept.",
    suggestion: "Ask again, with a new idempotency key if you use one.",
});

pub const KEY_REUSED: Code = Code::new(&CodeSpec {
    name: "KEY_REUSED",
    advice: RetryAdvice::Never,
    retry_after: None,
    blame: Blame::Caller,
    message: "This idempotency key was used for another request.",
    suggestion: "Use a new key for a new request, and the same key only to send the same request again.",
});

/// Every code of this file, for the tests and the guide that walk them all.
pub const ALL: &[Code] = &[
    MODEL_LOADING,
    MODEL_NOT_LOADED,
    MODEL_CRASHED,
    INVALID_MODEL_FILE,
    CONTEXT_TOO_LONG,
    UNSUPPORTED_INPUT,
    STREAM_CUT,
    TOOL_CALL_TRUNCATED,
    INTERRUPTED,
    QUOTA_EXHAUSTED,
    UPSTREAM_PROTOCOL,
    TOOL_NOT_FOUND,
    STREAM_EXPIRED,
    KEY_REUSED,
];

/// The code of this name, of ours or of the library's.
pub fn named(name: &str) -> Option<Code> {
    ALL.iter().chain(Code::ALL).copied().find(|code| code.name() == name)
}

pub fn model_loading(model: &str, retry_after: Option<Duration>) -> Error {
    let error =
        Error::new(MODEL_LOADING).with_message(format!("{model} is still loading.")).with_detail("model", model);
    match retry_after {
        Some(wait) => error.with_retry_after(wait),
        None => error,
    }
}

pub fn model_not_loaded(model: &str) -> Error {
    Error::new(MODEL_NOT_LOADED).with_message(format!("{model} is not loaded.")).with_detail("model", model)
}

pub fn model_crashed(model: &str) -> Error {
    Error::new(MODEL_CRASHED)
        .with_message(format!("The engine of {model} stopped and could not be started again."))
        .with_detail("model", model)
}

pub fn invalid_model_file(why: impl Into<String>) -> Error {
    Error::new(INVALID_MODEL_FILE).with_message(why)
}

/// `tokens` is what the conversation needs, `limit` what the model can read.
pub fn context_too_long(model: &str, tokens: u64, limit: u64) -> Error {
    Error::new(CONTEXT_TOO_LONG)
        .with_message(format!("This conversation is longer than {model} can read ({tokens} of {limit} tokens)."))
        .with_detail("tokens", tokens)
        .with_detail("limit", limit)
}

pub fn unsupported_input(message: impl Into<String>) -> Error {
    Error::new(UNSUPPORTED_INPUT).with_message(message)
}

pub fn stream_cut(target: &str) -> Error {
    Error::new(STREAM_CUT)
        .with_message(format!("The line to {target} dropped in the middle of the answer."))
        .with_detail("target", target)
}

pub fn tool_call_truncated(target: &str) -> Error {
    Error::new(TOOL_CALL_TRUNCATED)
        .with_message(format!("The line to {target} dropped in the middle of a tool call."))
        .with_detail("target", target)
}

pub fn interrupted() -> Error {
    Error::new(INTERRUPTED)
}

/// No matter of waiting: somebody must pay, or the period must end.
pub fn quota_exhausted(target: &str) -> Error {
    Error::new(QUOTA_EXHAUSTED)
        .with_message(format!("Our account at {target} is used up."))
        .with_detail("target", target)
}

pub fn upstream_protocol(target: &str) -> Error {
    Error::new(UPSTREAM_PROTOCOL)
        .with_message(format!("{target} sent something that is not an answer."))
        .with_detail("target", target)
}

pub fn tool_not_found(name: &str) -> Error {
    Error::new(TOOL_NOT_FOUND).with_message(format!("There is no tool named {name}."))
}

pub fn stream_expired() -> Error {
    Error::new(STREAM_EXPIRED)
}

pub fn key_reused() -> Error {
    Error::new(KEY_REUSED)
}
