//! How the waits grow, before chance and caps.

use std::time::Duration;

#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Backoff {
    Fixed(Duration),
    Linear(Duration),
    Exponential(Duration),
}

impl Backoff {
    /// The wait after the attempt with this number, counted from 1. Saturates instead of overflowing.
    pub(super) fn delay(self, attempt: u32) -> Duration {
        match self {
            Self::Fixed(delay) => delay,
            Self::Linear(step) => step.saturating_mul(attempt),
            Self::Exponential(base) => base.saturating_mul(2u32.saturating_pow(attempt.saturating_sub(1))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_as_their_names_say() {
        let waits = |backoff: Backoff| [1, 2, 3, 4].map(|attempt| backoff.delay(attempt).as_millis());
        let step = Duration::from_millis(100);
        assert_eq!(waits(Backoff::Fixed(step)), [100, 100, 100, 100]);
        assert_eq!(waits(Backoff::Linear(step)), [100, 200, 300, 400]);
        assert_eq!(waits(Backoff::Exponential(step)), [100, 200, 400, 800]);
    }

    #[test]
    fn a_thousandth_attempt_saturates() {
        assert!(Backoff::Exponential(Duration::MAX).delay(1000) == Duration::MAX);
    }
}
