//! From what went wrong on the wire to a code, advice and a plain sentence. Decides by the types in the chain of
//! causes, not by anybody's wording.

use std::{error::Error as Cause, fmt, io, time::Duration};

use rustls::CertificateError;
use steadfast::{Error, RetryAdvice};

/// The name of the host could not be resolved.
#[derive(Debug)]
pub(super) struct Unresolved(pub(super) io::Error);

/// The connection did not stand in time.
#[derive(Debug)]
pub(super) struct TooSlow(pub(super) Duration);

/// The request got no answer.
pub(super) fn of_request(upstream: &str, error: hyper_util::client::legacy::Error) -> Error {
    if let Some(TooSlow(limit)) = find(&error) {
        return Error::timeout("connect", *limit)
            .with_message(format!("{upstream} could not be connected in time."))
            .with_detail("failed_at", "connect")
            .with_source(error);
    }
    let found = if find::<Unresolved>(&error).is_some() {
        Error::unavailable(upstream)
            .with_message(format!("The address of {upstream} cannot be found."))
            .with_suggestion("Check the network, and the upstream's address in the settings.")
            .with_detail("failed_at", "name")
            .with_detail("cause", "the name cannot be resolved")
    } else if let Some(tls) = find::<rustls::Error>(&error) {
        not_secure(upstream, tls)
            .with_advice(RetryAdvice::TryElsewhere)
            .with_detail("failed_at", "tls")
            .with_detail("cause", tls)
    } else if let Some(kind) = not_there(&error) {
        Error::unavailable(upstream)
            .with_message(format!("{upstream} cannot be connected. It may not be running."))
            .with_detail("failed_at", "connect")
            .with_detail("cause", kind)
    } else if find::<hyper::Error>(&error).is_some_and(hyper::Error::is_parse) {
        not_http(upstream).with_detail("cause", &error)
    } else {
        Error::connection_lost(upstream).with_detail("failed_at", "line").with_detail("cause", &error)
    };
    found.with_source(error)
}

/// The answer broke off.
pub(super) fn of_body(upstream: &str, error: hyper::Error) -> Error {
    let found = if error.is_parse() { not_http(upstream) } else { Error::connection_lost(upstream) };
    found.with_detail("cause", &error).with_source(error)
}

fn not_secure(upstream: &str, error: &rustls::Error) -> Error {
    use CertificateError::{
        Expired, ExpiredContext, NotValidForName, NotValidForNameContext, NotValidYet, NotValidYetContext,
        UnknownIssuer,
    };
    let (message, suggestion) = match error {
        rustls::Error::InvalidCertificate(why) => match why {
            Expired | ExpiredContext { .. } => (
                format!("The certificate of {upstream} has expired."),
                "Whoever runs it has to renew it. If this machine's clock is wrong, set it.",
            ),
            NotValidYet | NotValidYetContext { .. } => {
                (format!("The certificate of {upstream} is not valid yet."), "Check this machine's clock.")
            }
            NotValidForName | NotValidForNameContext { .. } => (
                format!("The certificate of {upstream} is for another address."),
                "Check the upstream's address in the settings. If it is right, do not send a key there.",
            ),
            UnknownIssuer => (
                format!("The certificate of {upstream} comes from nobody whom this machine trusts."),
                "If the server is your own, add its authority to the system's certificates or name it in SSL_CERT_FILE.",
            ),
            _ => (
                format!("The certificate of {upstream} is not good."),
                "Check the upstream's address and its certificate.",
            ),
        },
        _ => (
            format!("No secure connection to {upstream} can be made."),
            "Check the upstream's address: does it begin with https where the server speaks plain HTTP?",
        ),
    };
    Error::unavailable(upstream).with_message(message).with_suggestion(suggestion)
}

fn not_http(upstream: &str) -> Error {
    Error::unavailable(upstream)
        .with_message(format!("What answers at the address of {upstream} does not speak HTTP."))
        .with_suggestion("Check the upstream's address in the settings.")
        .with_advice(RetryAdvice::TryElsewhere)
}

/// Nobody listens there, or there is no way to get there.
fn not_there(error: &(dyn Cause + 'static)) -> Option<io::ErrorKind> {
    use io::ErrorKind::{ConnectionRefused, HostUnreachable, NetworkDown, NetworkUnreachable};
    let kind = find::<io::Error>(error).and_then(innermost_kind)?;
    matches!(kind, ConnectionRefused | HostUnreachable | NetworkDown | NetworkUnreachable).then_some(kind)
}

/// The kind of the operating system's error, which others wrap as `Other`.
fn innermost_kind(error: &io::Error) -> Option<io::ErrorKind> {
    match error.get_ref().and_then(|inner| find::<io::Error>(inner)) {
        Some(inner) => innermost_kind(inner),
        None => Some(error.kind()),
    }
}

/// The first `T` in the chain of causes; looks into I/O errors, which hide what they wrap from the chain.
fn find<'a, T: Cause + 'static>(error: &'a (dyn Cause + 'static)) -> Option<&'a T> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref() {
            return Some(found);
        }
        next = match error.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
            Some(inner) => Some(inner),
            None => error.source(),
        };
    }
    None
}

impl fmt::Display for Unresolved {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "name not resolved: {}", self.0)
    }
}

impl Cause for Unresolved {}

impl fmt::Display for TooSlow {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "no connection within {:?}", self.0)
    }
}

impl Cause for TooSlow {}
