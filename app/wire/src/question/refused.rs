//! Members that would send us, and our keys, wherever a client likes. They are refused by name, not ignored: whoever
//! sends one believes that it works.

use serde::{Deserialize, Deserializer, de::IgnoredAny};
use steadfast::{Blame, Code, CodeSpec, Error, RetryAdvice};

use crate::json::PARAM;

pub const UNSUPPORTED_PARAMETER: Code = Code::new(&CodeSpec {
    name: "UNSUPPORTED_PARAMETER",
    advice: RetryAdvice::Never,
    retry_after: None,
    blame: Blame::Caller,
    message: "The request has a member that is not allowed.",
    suggestion: "Leave that member out. Upstreams, their addresses and their keys are set by whoever runs this program.",
});

/// Whether a member is there, whatever it holds; `null` is nothing.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Present(bool);

impl Present {
    pub(crate) fn is_there(self) -> bool {
        self.0
    }
}

impl<'de> Deserialize<'de> for Present {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        Option::<IgnoredAny>::deserialize(from).map(|anything| Self(anything.is_some()))
    }
}

pub(crate) fn check(members: &[(&str, Present)]) -> Result<(), Error> {
    match members.iter().find(|(_, present)| present.0) {
        Some((member, _)) => Err(unsupported(member, "it is not allowed in a request")),
        None => Ok(()),
    }
}

pub(crate) fn unsupported(member: &str, why: &str) -> Error {
    Error::new(UNSUPPORTED_PARAMETER)
        .with_message(format!("`{member}` is not supported: {why}."))
        .with_detail(PARAM, member)
}
