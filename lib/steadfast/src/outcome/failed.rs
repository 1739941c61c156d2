//! Why there is no answer. It is the pipeline's error for any error type of the work.

use crate::{
    CancelReason, Classify, Code, Error, Guidance, RetryAdvice,
    error::{Fault, Rejection, Stop},
};
use std::{error, fmt, time::Duration};

/// Why there is no answer.
///
/// ```
/// use steadfast::{CancelReason, Code, Error, Failed};
///
/// let failed: Failed<Error> = Failed::Cancelled(CancelReason::UserStop);
/// assert_eq!(failed.to_string(), "it was stopped: somebody pressed stop");
/// assert_eq!(Error::from(failed).code(), Code::CANCELLED);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Failed<E> {
    /// The work failed.
    Inner {
        /// The error of the last attempt.
        error: E,
        /// How many tries there were.
        attempts: u32,
    },
    /// A policy refused; the work of this attempt was not begun.
    Rejected(Rejection),
    /// The token ended it.
    Cancelled(CancelReason),
    /// A time limit of this length, or the deadline this long after the work had to wait, ended it.
    TimedOut(Duration),
}

impl<E> Failed<E> {
    /// The work's own error; `None` when it was not the work that failed.
    ///
    /// ```
    /// use steadfast::{CancelReason, Error, Failed};
    ///
    /// let failed = Failed::<Error>::from(Error::unavailable("shop"));
    /// assert!(failed.inner().is_some());
    /// let stopped = Failed::<Error>::Cancelled(CancelReason::Shutdown);
    /// assert!(stopped.inner().is_none());
    /// ```
    pub fn inner(&self) -> Option<&E> {
        match self {
            Self::Inner { error, .. } => Some(error),
            Self::Rejected(_) | Self::Cancelled(_) | Self::TimedOut(_) => None,
        }
    }

    /// When it makes sense to ask again, for a refusal that knows. What the work's own error asks for stays with that
    /// error.
    ///
    /// ```
    /// use std::time::Duration;
    /// use steadfast::{Error, Failed, RejectedBy, Rejection};
    ///
    /// let wait = Duration::from_secs(3);
    /// let refused = Failed::<Error>::Rejected(Rejection::new(RejectedBy::RateLimit, "shop").retry_after(wait));
    /// assert_eq!(refused.retry_after(), Some(wait));
    ///
    /// let failed = Failed::<Error>::from(Error::rate_limited("shop", Some(wait)));
    /// assert_eq!(failed.retry_after(), None);
    /// assert_eq!(failed.inner().and_then(Error::retry_after), Some(wait));
    /// ```
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Rejected(rejection) => rejection.retry_after,
            Self::Inner { .. } | Self::Cancelled(_) | Self::TimedOut(_) => None,
        }
    }

    pub(crate) fn after(self, attempts: u32) -> Self {
        match self {
            Self::Inner { error, .. } => Self::Inner { error, attempts },
            stopped => stopped,
        }
    }

    /// The policy's word, or the work's error with its attempts.
    fn split(self) -> Result<Stop, (E, u32)> {
        Ok(match self {
            Self::Inner { error, attempts } => return Err((error, attempts)),
            Self::Rejected(rejection) => Stop::Rejected(rejection),
            Self::Cancelled(reason) => Stop::Cancelled(reason),
            Self::TimedOut(after) => Stop::TimedOut(after),
        })
    }

    /// `split` without taking it apart.
    fn stop(&self) -> Result<Stop, &E> {
        Ok(match self {
            Self::Inner { error, .. } => return Err(error),
            Self::Rejected(rejection) => Stop::Rejected(rejection.clone()),
            Self::Cancelled(reason) => Stop::Cancelled(*reason),
            Self::TimedOut(after) => Stop::TimedOut(*after),
        })
    }
}

/// The work's error, after its only attempt.
impl<E> From<E> for Failed<E> {
    fn from(error: E) -> Self {
        Self::Inner { error, attempts: 1 }
    }
}

impl<E: Classify + fmt::Display> Fault for Failed<E> {
    fn from_stop(stop: Stop, _: &str) -> Self {
        match stop {
            Stop::Rejected(rejection) => Self::Rejected(rejection),
            Stop::Cancelled(reason) => Self::Cancelled(reason),
            Stop::TimedOut(after) => Self::TimedOut(after),
        }
    }

    fn guidance(&self) -> Guidance {
        self.stop().map_or_else(Classify::guidance, |stop| stop.guidance())
    }

    fn code(&self) -> Code {
        self.stop().map_or_else(Classify::code, |stop| stop.code())
    }

    fn sentence(&self) -> String {
        self.stop().map_or_else(Classify::sentence, |stop| stop.to_string())
    }

    fn cancel_reason(&self) -> Option<CancelReason> {
        match self {
            Self::Inner { error, .. } => error.cancel_reason(),
            Self::Cancelled(reason) => Some(*reason),
            Self::Rejected(_) | Self::TimedOut(_) => None,
        }
    }

    fn after_attempts(self, attempts: u32, _: &str) -> Self {
        self.after(attempts)
    }
}

/// The house's error: a policy's word becomes the error with its code. The work's error stays itself when it was the
/// only attempt or forbids another one, and becomes the source of `RETRY_EXHAUSTED` otherwise.
impl From<Failed<Self>> for Error {
    fn from(failed: Failed<Self>) -> Self {
        match failed.split() {
            Ok(stop) => stop.into(),
            Err((error, 0 | 1)) => error,
            Err((error, attempts)) => match error.advice() {
                RetryAdvice::Never | RetryAdvice::TryElsewhere => error,
                RetryAdvice::RetryNow | RetryAdvice::RetryAfter(_) => Self::retry_exhausted(attempts, error),
            },
        }
    }
}

impl<E: fmt::Display> fmt::Display for Failed<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.stop() {
            Ok(stop) => stop.fmt(f),
            Err(error) => error.fmt(f),
        }
    }
}

impl<E: error::Error + 'static> error::Error for Failed<E> {
    fn source(&self) -> Option<&(dyn error::Error + 'static)> {
        // Its sentence is the error's own, so its cause is the error's cause.
        self.inner().and_then(error::Error::source)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::RejectedBy;

    #[test]
    fn a_policys_word_means_the_same_as_the_error_that_it_becomes() {
        let by = [
            RejectedBy::Breaker,
            RejectedBy::Bulkhead,
            RejectedBy::RateLimit,
            RejectedBy::AdaptiveLimit,
            RejectedBy::LoadShed,
        ];
        let rejections = by.into_iter().flat_map(|by| {
            let rejection = Rejection::new(by, "shop");
            [rejection.clone(), rejection.retry_after(Duration::from_secs(3))].map(Stop::Rejected)
        });
        let stops = CancelReason::ALL.map(Stop::Cancelled).into_iter().chain(rejections);
        for stop in stops.chain([Stop::TimedOut(Duration::from_secs(3))]) {
            let (failed, error) = (Failed::<Error>::from_stop(stop.clone(), "fetch"), Error::from(stop));
            assert_eq!(failed.guidance(), Classify::guidance(&error), "{failed}");
            assert_eq!(Fault::code(&failed), error.code(), "{failed}");
            assert_eq!(failed.cancel_reason(), error.cancel_reason(), "{failed}");
            assert_eq!(Error::from(failed).code(), error.code());
        }
    }
}
