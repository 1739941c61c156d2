//! Where a worker stands, and why one ended.

use std::time::Duration;

use steadfast::{CancelReason, Error};
use steadfast_contract::code::model_crashed;

use super::{
    super::protocol::{Facts, Fault},
    fault_to_error,
};

#[derive(Debug, Clone)]
pub(in super::super) enum State {
    Starting,
    Ready(Facts),
    Ended(Ending),
}

/// Kept as data and not as an [`Error`], because everybody who waits needs one of their own.
#[derive(Debug, Clone)]
pub(in super::super) enum Ending {
    Cancelled(CancelReason),
    CannotStart(String),
    Unloadable(Fault),
    Crashed { cause: String, last_words: String, retry_after: Duration },
}

impl State {
    pub(super) fn context(&self) -> u32 {
        match self {
            Self::Ready(facts) => facts.context,
            Self::Starting | Self::Ended(_) => 0,
        }
    }
}

impl Ending {
    pub(in super::super) fn to_error(&self, model: &str) -> Error {
        match self {
            Self::Cancelled(reason) => Error::cancelled(*reason),
            Self::CannotStart(why) => {
                Error::internal(why).with_message(format!("The engine of {model} could not be started."))
            }
            Self::Unloadable(fault) => fault_to_error(fault, model),
            Self::Crashed { cause, last_words, retry_after } => model_crashed(model)
                .with_retry_after(*retry_after)
                .with_detail("cause", cause)
                .with_detail("last_words", last_words),
        }
    }
}
