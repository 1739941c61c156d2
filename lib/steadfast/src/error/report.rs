//! What leaves the program about an error. Details and the source chain leave it only in debug mode.

use super::{Code, Error};
use std::time::Duration;

/// How much a report may say.
///
/// ```
/// use steadfast::{Detail, Error};
///
/// let error = Error::unavailable("shop").in_operation("buy").with_source("no route");
/// let names = |detail| error.report(detail).details.into_iter().map(|(name, _)| name).collect::<Vec<_>>();
/// assert_eq!(names(Detail::Debug), ["operation", "sources"]);
/// assert!(names(Detail::Public).is_empty());
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Detail {
    /// For anybody.
    Public,
    /// For operators: with details, operation and source chain.
    Debug,
}

/// What may be shown about an error. With the feature `serde` it serialises as `{code, message, retryable,
/// retry_after (seconds, absent when unknown), suggestion, details (only in debug mode)}`.
///
/// ```
/// use std::time::Duration;
/// use steadfast::{Detail, Error};
///
/// let error = Error::circuit_open("printer", Duration::from_secs(30)).with_detail("row", 7);
/// let report = error.report(Detail::Public);
/// assert!(report.retryable);
/// assert_eq!(report.retry_after, Some(Duration::from_secs(30)));
/// assert!(report.details.is_empty());
/// ```
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Report {
    /// What happened, as a stable code.
    pub code: Code,
    /// What happened, as a sentence.
    pub message: String,
    /// Whether trying again can help.
    pub retryable: bool,
    /// How long to wait first, when that is known.
    #[cfg_attr(feature = "serde", serde(serialize_with = "as_seconds", skip_serializing_if = "Option::is_none"))]
    pub retry_after: Option<Duration>,
    /// What the person can do next.
    pub suggestion: String,
    /// Facts for operators; empty in a public report.
    #[cfg_attr(feature = "serde", serde(serialize_with = "as_map", skip_serializing_if = "Vec::is_empty"))]
    pub details: Vec<(&'static str, String)>,
}

pub(super) fn of(error: &Error, detail: Detail) -> Report {
    Report {
        code: error.code(),
        message: error.message().to_owned(),
        retryable: error.retryable(),
        retry_after: error.retry_after(),
        suggestion: error.suggestion().to_owned(),
        details: match detail {
            Detail::Public => Vec::new(),
            Detail::Debug => debug_details(error),
        },
    }
}

fn debug_details(error: &Error) -> Vec<(&'static str, String)> {
    let mut details = error.details().to_vec();
    details.extend(error.operation().map(|operation| ("operation", operation.to_owned())));
    let chain = std::iter::successors(std::error::Error::source(error), |error| error.source());
    let sources: Vec<String> = chain.map(ToString::to_string).collect();
    if !sources.is_empty() {
        details.push(("sources", sources.join(": ")));
    }
    details
}

#[cfg(feature = "serde")]
fn as_seconds<S: serde::Serializer>(wait: &Option<Duration>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64(wait.unwrap_or_default().as_secs_f64())
}

#[cfg(feature = "serde")]
fn as_map<S: serde::Serializer>(details: &[(&'static str, String)], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_map(details.iter().map(|(key, value)| (key, value)))
}
