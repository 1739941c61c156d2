//! What a retry was told, and the decision what follows a failure: pure, so that its test is a table.

use super::{Backoff, Jitter};
use crate::{Attempt, Budget, RetryAdvice};
use std::time::Duration;

#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    pub(super) backoff: Backoff,
    pub(super) jitter: Jitter,
    pub(super) max_attempts: u32,
    pub(super) max_delay: Duration,
    pub(super) max_elapsed: Option<Duration>,
    pub(super) seed: Option<u64>,
    pub(crate) budget: Option<Budget>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Next {
    After(Duration),
    /// The error itself is the answer.
    GiveBack,
    /// Several attempts are spent.
    GiveUp,
}

impl Plan {
    pub(super) fn new(backoff: Backoff, jitter: Jitter) -> Self {
        Self {
            backoff,
            jitter,
            max_attempts: MAX_ATTEMPTS,
            max_delay: MAX_DELAY,
            max_elapsed: None,
            seed: None,
            budget: None,
        }
    }

    /// `delay` is what we would wait by ourselves.
    pub(super) fn decide(
        &self,
        attempt: Attempt,
        advice: RetryAdvice,
        delay: Duration,
        time_left: Option<Duration>,
    ) -> Next {
        let hint = match advice {
            RetryAdvice::RetryNow => Duration::ZERO,
            RetryAdvice::RetryAfter(hint) => hint,
            RetryAdvice::TryElsewhere | RetryAdvice::Never => return Next::GiveBack,
        };
        let fits = |wait: Duration| time_left.is_none_or(|left| wait < left);
        if hint > self.max_delay || (!hint.is_zero() && !fits(hint)) {
            return Next::GiveBack;
        }
        let delay = delay.max(hint);
        if !attempt.is_last() && fits(delay) {
            Next::After(delay)
        } else if attempt.number == 1 {
            Next::GiveBack
        } else {
            Next::GiveUp
        }
    }
}

/// One try and two more, as the AWS SDKs do by default (retry mode "standard").
const MAX_ATTEMPTS: u32 = 3;

/// A choice: common HTTP clients obey a named wait of up to 60 s, but few people sit through half of that.
const MAX_DELAY: Duration = Duration::from_secs(30);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_follows_a_failure_is_a_table() {
        use Next::{After, GiveBack, GiveUp};
        use RetryAdvice::{Never, RetryAfter, RetryNow, TryElsewhere};
        let secs = Duration::from_secs;
        let plan = Plan { max_delay: secs(10), ..Plan::new(Backoff::Fixed(secs(1)), Jitter::None) };
        let rows = [
            // attempt, advice, own delay, time left, next
            (1, RetryNow, 1, None, After(secs(1))),
            (2, RetryNow, 1, Some(2), After(secs(1))),
            (3, RetryNow, 1, None, GiveUp),
            (1, RetryNow, 1, Some(1), GiveBack),
            (2, RetryNow, 1, Some(1), GiveUp),
            (1, RetryAfter(secs(5)), 1, None, After(secs(5))),
            (1, RetryAfter(secs(5)), 7, None, After(secs(7))),
            (1, RetryAfter(secs(10)), 1, None, After(secs(10))),
            (2, RetryAfter(secs(11)), 1, None, GiveBack),
            (2, RetryAfter(secs(5)), 1, Some(5), GiveBack),
            (2, RetryAfter(secs(5)), 1, Some(6), After(secs(5))),
            (3, RetryAfter(secs(5)), 1, Some(6), GiveUp),
            (2, TryElsewhere, 1, None, GiveBack),
            (2, Never, 1, None, GiveBack),
        ];
        for (number, advice, delay, left, next) in rows {
            let attempt = Attempt { number, of: 3 };
            let decided = plan.decide(attempt, advice, secs(delay), left.map(secs));
            assert_eq!(decided, next, "{attempt}, {advice:?}, {delay} s, {left:?} s left");
        }
    }
}
