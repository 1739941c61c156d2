//! What policies can do with an error type: read its guidance, and say in it what they themselves have to say.
//! It is the seam between policies and errors, so that one policy serves the house's `Error` and anybody's enum.

use super::{Blame, Classify, Code, Error, Guidance, RetryAdvice};
use crate::{CancelReason, Name};
use std::{fmt, time::Duration};

/// What a policy says when there is no answer and the work itself did not fail.
///
/// ```
/// use std::time::Duration;
/// use steadfast::{CancelReason, Code, Error, Stop};
///
/// let stop = Stop::TimedOut(Duration::from_millis(250));
/// assert_eq!(stop.to_string(), "it took longer than 0.25 s");
/// assert_eq!(Error::from(stop).code(), Code::TIMEOUT);
/// // The token's end is a cancellation, whatever the reason.
/// assert_eq!(Error::from(Stop::Cancelled(CancelReason::Deadline)).code(), Code::CANCELLED);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Stop {
    /// The work was not begun.
    Rejected(Rejection),
    /// The token ended it.
    Cancelled(CancelReason),
    /// A time limit of this length, or the deadline this long after the work had to wait, ended it.
    TimedOut(Duration),
}

/// A refusal: the work was not begun, so nothing is known about it.
///
/// ```
/// use std::time::Duration;
/// use steadfast::{Code, Error, Rejection, RejectedBy, Stop};
///
/// let rejection = Rejection::new(RejectedBy::Breaker, "shop").retry_after(Duration::from_secs(7));
/// assert_eq!(rejection.to_string(), "the breaker of shop refused, try again in 7 s");
/// assert_eq!(Error::from(Stop::Rejected(rejection)).code(), Code::CIRCUIT_OPEN);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Rejection {
    /// Which policy refused.
    pub by: RejectedBy,
    /// What it protects.
    pub target: Name,
    /// When it makes sense to ask again, when that is known.
    pub retry_after: Option<Duration>,
}

/// A policy that refuses.
///
/// ```
/// use steadfast::{Blame, Code, Error, RejectedBy, Rejection};
///
/// let refused = |by| Error::from(Rejection::new(by, "bell"));
/// assert_eq!(refused(RejectedBy::RateLimit).code(), Code::RATE_LIMITED);
/// // Policies of your own count as too much to do, by no fault of the target.
/// let error = refused(RejectedBy::Other("quiet_hours"));
/// assert_eq!((error.code(), error.blame()), (Code::OVERLOADED, Blame::Local));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum RejectedBy {
    /// A breaker that is open.
    Breaker,
    /// A bulkhead whose places and queue are taken.
    Bulkhead,
    /// A rate limit that is used up.
    RateLimit,
    /// A concurrency limit that found its own size.
    AdaptiveLimit,
    /// A shedder that keeps room for more important work.
    LoadShed,
    /// A fallback chain without a target.
    Fallback,
    /// A policy of your own, by its name in snake case.
    Other(&'static str),
}

impl RejectedBy {
    /// The stable name on every surface, in snake case.
    ///
    /// ```
    /// use steadfast::RejectedBy;
    ///
    /// assert_eq!(RejectedBy::LoadShed.as_str(), "load_shed");
    /// assert_eq!(RejectedBy::Other("quiet_hours").as_str(), "quiet_hours");
    /// ```
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Breaker => "breaker",
            Self::Bulkhead => "bulkhead",
            Self::RateLimit => "rate_limit",
            Self::AdaptiveLimit => "adaptive_limit",
            Self::LoadShed => "load_shed",
            Self::Fallback => "fallback",
            Self::Other(name) => name,
        }
    }
}

#[cfg(feature = "serde")]
impl serde::Serialize for RejectedBy {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl fmt::Display for RejectedBy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Rejection {
    /// A refusal that does not say for how long.
    ///
    /// ```
    /// use steadfast::{Rejection, RejectedBy};
    ///
    /// let rejection = Rejection::new(RejectedBy::Bulkhead, "shop");
    /// assert_eq!(rejection.to_string(), "the bulkhead of shop refused");
    /// ```
    pub fn new(by: RejectedBy, target: impl Into<Name>) -> Self {
        Self { by, target: target.into(), retry_after: None }
    }

    /// The same refusal, saying when to ask again.
    ///
    /// ```
    /// use std::time::Duration;
    /// use steadfast::{Error, Rejection, RejectedBy, RetryAdvice};
    ///
    /// let wait = Duration::from_secs(7);
    /// let rejection = Rejection::new(RejectedBy::Bulkhead, "shop").retry_after(wait);
    /// assert_eq!(Error::from(rejection).advice(), RetryAdvice::RetryAfter(wait));
    /// ```
    #[must_use]
    pub fn retry_after(self, wait: Duration) -> Self {
        Self { retry_after: Some(wait), ..self }
    }
}

impl Rejection {
    fn code(&self) -> Code {
        match self.by {
            RejectedBy::Breaker => Code::CIRCUIT_OPEN,
            RejectedBy::RateLimit => Code::RATE_LIMITED,
            RejectedBy::Bulkhead | RejectedBy::AdaptiveLimit | RejectedBy::LoadShed | RejectedBy::Other(_) => {
                Code::OVERLOADED
            }
            RejectedBy::Fallback => Code::UNAVAILABLE,
        }
    }

    /// Our own limit refused: the target did nothing wrong.
    fn blame(&self) -> Blame {
        match self.by {
            RejectedBy::Breaker | RejectedBy::RateLimit => self.code().spec().blame,
            RejectedBy::Bulkhead
            | RejectedBy::AdaptiveLimit
            | RejectedBy::LoadShed
            | RejectedBy::Fallback
            | RejectedBy::Other(_) => Blame::Local,
        }
    }
}

impl fmt::Display for Rejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the {} of {} refused", self.by, self.target)?;
        match self.retry_after {
            Some(wait) => write!(f, ", try again in {} s", wait.as_secs_f64()),
            None => Ok(()),
        }
    }
}

impl From<Rejection> for Error {
    fn from(rejection: Rejection) -> Self {
        let blame = rejection.blame();
        let Rejection { by, target, retry_after } = rejection;
        match by {
            RejectedBy::Breaker => Self::circuit_open(&target, retry_after.unwrap_or(Code::CIRCUIT_OPEN_WAIT)),
            RejectedBy::Fallback => Self::unavailable(&target),
            RejectedBy::RateLimit => Self::rate_limited(&target, retry_after),
            RejectedBy::Bulkhead | RejectedBy::AdaptiveLimit | RejectedBy::LoadShed | RejectedBy::Other(_) => {
                Self::overloaded(&target, retry_after)
            }
        }
        .with_blame(blame)
        .with_detail("rejected_by", by)
    }
}

impl Stop {
    /// The same as of the [`Error`] that it would become, without making one: an open breaker refuses often.
    pub(crate) fn guidance(&self) -> Guidance {
        let (code, wait) = match self {
            Self::Rejected(rejection) => (rejection.code(), rejection.retry_after),
            Self::Cancelled(reason) => return Guidance { advice: RetryAdvice::Never, blame: reason.blame() },
            Self::TimedOut(_) => (Code::TIMEOUT, None),
        };
        let blame = match self {
            Self::Rejected(rejection) => rejection.blame(),
            Self::Cancelled(_) | Self::TimedOut(_) => code.spec().blame,
        };
        let advice = match (code.spec().advice, wait) {
            (RetryAdvice::RetryNow, Some(wait)) => RetryAdvice::RetryAfter(wait),
            (advice, _) => advice,
        };
        Guidance { advice, blame }
    }

    pub(crate) fn code(&self) -> Code {
        match self {
            Self::Rejected(rejection) => rejection.code(),
            Self::Cancelled(_) => Code::CANCELLED,
            Self::TimedOut(_) => Code::TIMEOUT,
        }
    }
}

/// A sentence for people.
impl fmt::Display for Stop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rejected(rejection) => rejection.fmt(f),
            Self::Cancelled(reason) => write!(f, "it was stopped: {}", reason.sentence()),
            Self::TimedOut(after) => write!(f, "it took longer than {} s", after.as_secs_f64()),
        }
    }
}

impl From<Stop> for Error {
    fn from(stop: Stop) -> Self {
        match stop {
            Stop::Rejected(rejection) => rejection.into(),
            Stop::Cancelled(reason) => Self::cancelled(reason),
            Stop::TimedOut(after) => Self::timed_out(after),
        }
    }
}

/// An error type that policies can read and make. [`Error`] is one; a program's own enum becomes one inside
/// [`Failed`](crate::Failed), so nobody needs to implement this by hand.
///
/// ```
/// use std::io;
/// use steadfast::{Code, Error, Failed, Fault, RejectedBy, Rejection, Stop};
///
/// /// A policy of your own, for every error type.
/// fn quiet_hours<X: Fault>() -> Result<(), X> {
///     let rejection = Rejection::new(RejectedBy::Other("quiet_hours"), "bell");
///     Err(X::from_stop(Stop::Rejected(rejection), "ring"))
/// }
/// assert_eq!(quiet_hours::<Error>().unwrap_err().code(), Code::OVERLOADED);
/// assert!(matches!(quiet_hours::<Failed<io::Error>>(), Err(Failed::Rejected(_))));
/// ```
pub trait Fault: Sized {
    /// A policy's own word about `operation`.
    fn from_stop(stop: Stop, operation: &str) -> Self;

    /// What it means for the next step.
    fn guidance(&self) -> Guidance;

    /// What happened, as a stable code, for events.
    fn code(&self) -> Code;

    /// What happened, as a sentence, for events.
    fn sentence(&self) -> String;

    /// Why it was cancelled; `None` for everything else.
    fn cancel_reason(&self) -> Option<CancelReason>;

    /// It was the last of several attempts.
    #[must_use]
    fn after_attempts(self, attempts: u32, operation: &str) -> Self;
}

impl Fault for Error {
    fn from_stop(stop: Stop, operation: &str) -> Self {
        Self::from(stop).in_operation(operation)
    }

    fn guidance(&self) -> Guidance {
        Classify::guidance(self)
    }

    fn code(&self) -> Code {
        self.code()
    }

    fn sentence(&self) -> String {
        self.message().to_owned()
    }

    fn cancel_reason(&self) -> Option<CancelReason> {
        self.cancel_reason()
    }

    fn after_attempts(self, attempts: u32, operation: &str) -> Self {
        Self::retry_exhausted(attempts, self).in_operation(operation)
    }
}
