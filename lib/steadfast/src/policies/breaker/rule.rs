//! Judges one call: does it speak for the target, against it, or not at all? It counts nothing.

use crate::{Blame, CancelReason, error::Fault};
use std::fmt;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    Success,
    Failure,
    Neutral,
}

/// How a call that ended speaks: `None` is success. A request that was the caller's fault is neutral, because
/// it may never have reached the target.
pub(super) fn judge<X: Fault>(error: Option<&X>) -> Verdict {
    match error {
        None => Verdict::Success,
        Some(error) => match error.cancel_reason() {
            Some(reason) => judge_cancelled(reason),
            None if error.guidance().blame == Blame::Target => Verdict::Failure,
            None => Verdict::Neutral,
        },
    }
}

/// A call that was cut short because it took too long failed; one that nobody wanted any more did not.
pub(super) fn judge_cancelled(reason: CancelReason) -> Verdict {
    match reason {
        CancelReason::Deadline | CancelReason::AttemptTimeout => Verdict::Failure,
        CancelReason::UserStop
        | CancelReason::RouteChange
        | CancelReason::ModelSwitch
        | CancelReason::Shutdown
        | CancelReason::ClientGone
        | CancelReason::HedgeLost
        | CancelReason::Superseded => Verdict::Neutral,
    }
}

/// Why a breaker opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum OpenReason {
    /// So many failures in a row.
    ConsecutiveFailures(u32),
    /// A probe failed.
    ProbeFailed,
    /// Somebody opened it by hand.
    Forced,
}

impl fmt::Display for OpenReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ConsecutiveFailures(count) => write!(f, "{count} failures in a row"),
            Self::ProbeFailed => f.write_str("a probe failed"),
            Self::Forced => f.write_str("opened by hand"),
        }
    }
}
