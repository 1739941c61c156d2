//! How patient we are with a target, and what an error means for it. Pure, so that the test is a table.
//!
//! Where somebody else can answer, waiting serves nobody: one quick second try, and none at all for a target that
//! kept silent. Where nobody else can, we wait as long as the settings allow.

use std::time::Duration;

use steadfast::{Blame, Code, Error, Retry, RetryAdvice};
use steadfast_contract::code;

use crate::settings::GatewaySettings;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Patience {
    /// Exactly one try: a probe, or a target that tries again by itself.
    Once,
    /// Somebody else is ready.
    Quick,
    /// Nobody else is left.
    Long,
}

impl Patience {
    pub(super) fn attempts(self, settings: &GatewaySettings) -> u32 {
        match self {
            Self::Once => 1,
            Self::Quick => settings.attempts.min(ATTEMPTS_BEFORE_A_FALLBACK),
            Self::Long => settings.attempts,
        }
    }

    pub(super) fn retry(self, settings: &GatewaySettings) -> Retry {
        let attempts = self.attempts(settings);
        let (first, longest) = match self {
            Self::Once | Self::Quick => (QUICK_WAIT.min(settings.wait_first), QUICK_WAIT),
            Self::Long => (settings.wait_first, settings.wait_max),
        };
        Retry::exponential(first).max_delay(longest).max_attempts(attempts)
    }

    /// What the same target may be asked again after `error`.
    pub(super) fn advice(self, error: &Error) -> RetryAdvice {
        let elsewhere = match self {
            Self::Once => true,
            Self::Quick => matches!(error.code(), Code::TIMEOUT | Code::RATE_LIMITED | code::MODEL_LOADING),
            Self::Long => false,
        };
        match error.advice() {
            RetryAdvice::RetryNow | RetryAdvice::RetryAfter(_) if elsewhere => RetryAdvice::TryElsewhere,
            advice => advice,
        }
    }
}

/// Whether another target would only say the same.
pub(crate) fn is_the_callers_own(error: &Error) -> bool {
    matches!(error.code(), Code::VALIDATION | Code::CANCELLED)
        || error.code() == Code::TIMEOUT && error.blame() == Blame::Caller
}

/// Whether the same target may still answer, given time.
pub(super) fn may_pass(error: &Error) -> bool {
    matches!(error.advice(), RetryAdvice::RetryNow | RetryAdvice::RetryAfter(_))
}

/// One quick second try; then a healthy fallback serves people better than more waiting.
const ATTEMPTS_BEFORE_A_FALLBACK: u32 = 2;

/// Shorter than anybody notices.
const QUICK_WAIT: Duration = Duration::from_millis(250);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_same_target_is_asked_again_for_is_a_table() {
        use Patience::{Long, Once, Quick};
        use RetryAdvice::{Never, RetryAfter, RetryNow, TryElsewhere};
        let wait = Duration::from_secs(2);
        let rows = [
            (Quick, Error::unavailable("a"), RetryNow),
            (Quick, code::stream_cut("a"), RetryNow),
            (Quick, Error::timeout("ask", wait), TryElsewhere),
            (Quick, Error::rate_limited("a", Some(wait)), TryElsewhere),
            (Quick, Error::circuit_open("a", wait), TryElsewhere),
            (Quick, Error::unauthorized("a"), Never),
            (Long, Error::timeout("ask", wait), RetryNow),
            (Long, Error::rate_limited("a", Some(wait)), RetryAfter(wait)),
            (Long, Error::validation("a"), Never),
            (Once, Error::unavailable("a"), TryElsewhere),
            (Once, Error::validation("a"), Never),
        ];
        for (patience, error, expected) in rows {
            assert_eq!(patience.advice(&error), expected, "{patience:?}, {error}");
        }
    }

    #[test]
    fn with_somebody_else_ready_there_is_one_quick_second_try() {
        let settings = GatewaySettings::default();
        let attempts = [Patience::Once, Patience::Quick, Patience::Long].map(|patience| patience.attempts(&settings));
        assert_eq!(attempts, [1, 2, 5]);
    }
}
