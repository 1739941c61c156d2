//! What can be wrong with a request before it means anything: the error codes of HTTP itself.

use steadfast::{Blame, Code, CodeSpec, Error, RetryAdvice};

pub(crate) const MISDIRECTED: Code = Code::new(&CodeSpec {
    name: "MISDIRECTED",
    advice: RetryAdvice::Never,
    retry_after: None,
    blame: Blame::Caller,
    message: "The request was meant for another host.",
    suggestion: "Use http://localhost or 127.0.0.1 with the port of this program, or name the host under `hosts` in the settings.",
});

pub(crate) const CROSS_SITE: Code = Code::new(&CodeSpec {
    name: "CROSS_SITE",
    advice: RetryAdvice::Never,
    retry_after: None,
    blame: Blame::Caller,
    message: "Another website tried to use this program through the browser.",
    suggestion: "Open the page of this program itself. A site of your own can be allowed under `hosts` in the settings.",
});

pub(crate) const METHOD_NOT_ALLOWED: Code = Code::new(&CodeSpec {
    name: "METHOD_NOT_ALLOWED",
    advice: RetryAdvice::Never,
    retry_after: None,
    blame: Blame::Caller,
    message: "This address does not take that method.",
    suggestion: "Look the call up in docs/api.md.",
});

pub(crate) const REQUEST_TOO_LARGE: Code = Code::new(&CodeSpec {
    name: "REQUEST_TOO_LARGE",
    advice: RetryAdvice::Never,
    retry_after: None,
    blame: Blame::Caller,
    message: "The request is larger than 8 MiB.",
    suggestion: "Send less at once.",
});

pub(crate) const UNSUPPORTED_MEDIA_TYPE: Code = Code::new(&CodeSpec {
    name: "UNSUPPORTED_MEDIA_TYPE",
    advice: RetryAdvice::Never,
    retry_after: None,
    blame: Blame::Caller,
    message: "The body must be plain JSON.",
    suggestion: "Send `Content-Type: application/json` and no `Content-Encoding`.",
});

pub(crate) const REQUEST_TIMEOUT: Code = Code::new(&CodeSpec {
    name: "REQUEST_TIMEOUT",
    advice: RetryAdvice::RetryNow,
    retry_after: None,
    blame: Blame::Caller,
    message: "The body of the request did not arrive in time.",
    suggestion: "Check the network and send it again.",
});

/// Every code of this file, for the test that walks them all.
#[cfg(test)]
pub(crate) const ALL: &[Code] =
    &[MISDIRECTED, CROSS_SITE, METHOD_NOT_ALLOWED, REQUEST_TOO_LARGE, UNSUPPORTED_MEDIA_TYPE, REQUEST_TIMEOUT];

pub(crate) fn misdirected(host: &str) -> Error {
    Error::new(MISDIRECTED).with_message(format!("This program is not {host}."))
}
