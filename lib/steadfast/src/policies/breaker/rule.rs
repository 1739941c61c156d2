//! Judges: one call (does it speak for the target, against it, or not at all?) and the calls of a window (is it
//! time to open?). It counts nothing.

use super::{settings::Settings, window::Totals};
use crate::{Blame, CancelReason, error::Fault};
use std::{fmt, time::Duration};

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

/// Whether the calls of a window are reason enough. Divided and not multiplied, so that 7 of 100 reach a rate of
/// 0.07 exactly.
pub(super) fn judge_window(totals: Totals, settings: &Settings) -> Option<OpenReason> {
    let Totals { calls, failures, slow } = totals;
    if calls < settings.calls_needed() {
        return None;
    }
    let reaches = |count: u64, rate: f64| count > 0 && count as f64 / calls as f64 >= rate;
    if settings.failure_rate.is_some_and(|rate| reaches(failures, rate)) {
        return Some(OpenReason::FailureRate { failures, calls });
    }
    settings.slow.is_some_and(|limit| reaches(slow, limit.rate)).then_some(OpenReason::SlowCalls { slow, calls })
}

/// Why a breaker opened.
///
/// ```
/// use steadfast::OpenReason;
///
/// assert_eq!(OpenReason::FailureRate { failures: 5, calls: 10 }.to_string(), "5 of 10 calls failed");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum OpenReason {
    /// So many failures in a row.
    ConsecutiveFailures(u32),
    /// Too many of the calls in the window failed.
    FailureRate {
        /// How many failed.
        failures: u64,
        /// How many there were.
        calls: u64,
    },
    /// Too many of the calls in the window took too long.
    SlowCalls {
        /// How many took too long.
        slow: u64,
        /// How many there were.
        calls: u64,
    },
    /// A probe failed.
    ProbeFailed,
    /// A probe succeeded, but took too long.
    ProbeSlow,
    /// Somebody opened it by hand.
    Forced,
}

impl fmt::Display for OpenReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ConsecutiveFailures(count) => write!(f, "{count} failures in a row"),
            Self::FailureRate { failures, calls } => write!(f, "{failures} of {calls} calls failed"),
            Self::SlowCalls { slow, calls } => write!(f, "{slow} of {calls} calls were slow"),
            Self::ProbeFailed => f.write_str("a probe failed"),
            Self::ProbeSlow => f.write_str("a probe was slow"),
            Self::Forced => f.write_str("opened by hand"),
        }
    }
}

/// A move of a breaker; as an event of its own, what one that only observes would have done.
///
/// ```
/// use steadfast::{Event, ObservedMove};
///
/// let event = Event::BreakerObserved { target: "shop".into(), would: ObservedMove::Close };
/// assert_eq!(event.to_string(), "breaker shop: would have closed");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(tag = "move", rename_all = "snake_case"))]
#[non_exhaustive]
pub enum ObservedMove {
    /// It opened.
    Open {
        /// What made it.
        reason: OpenReason,
        /// For how long.
        retry_after: Duration,
    },
    /// It let a first probe through.
    HalfOpen,
    /// It closed.
    Close,
    /// It refused a call.
    Refuse {
        /// How long it would have told the call to wait.
        retry_after: Duration,
    },
}

impl fmt::Display for ObservedMove {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Open { reason, retry_after } => write!(f, "opened for {retry_after:?}: {reason}"),
            Self::HalfOpen => f.write_str("half opened"),
            Self::Close => f.write_str("closed"),
            Self::Refuse { retry_after } => write!(f, "refused a call for {retry_after:?}"),
        }
    }
}
