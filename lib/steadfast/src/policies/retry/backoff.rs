//! How the waits grow, before chance and caps.

use std::time::Duration;

#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Backoff {
    Fixed(Duration),
    Linear(Duration),
    Exponential(Duration),
    Decorrelated(Duration),
}

impl Backoff {
    /// The wait after the attempt with this number, counted from 1; `last` is the wait before it. Saturates instead of
    /// overflowing.
    pub(super) fn delay(self, attempt: u32, last: Option<Duration>, random: &mut fastrand::Rng) -> Duration {
        match self {
            Self::Fixed(delay) => delay,
            Self::Linear(step) => step.saturating_mul(attempt),
            Self::Exponential(base) => base.saturating_mul(2u32.saturating_pow(attempt.saturating_sub(1))),
            Self::Decorrelated(base) => {
                let most = last.unwrap_or(base).saturating_mul(3);
                base + most.saturating_sub(base).mul_f64(random.f64())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn delay(backoff: Backoff, attempt: u32, last: Option<Duration>) -> Duration {
        backoff.delay(attempt, last, &mut fastrand::Rng::with_seed(7))
    }

    #[test]
    fn a_decorrelated_wait_lies_between_the_base_and_three_times_the_last_one() {
        let (base, mut random) = (Duration::from_millis(100), fastrand::Rng::with_seed(7));
        let mut waits = |last| (0..1000).map(|_| Backoff::Decorrelated(base).delay(9, last, &mut random)).collect();
        let within = |waits: Vec<Duration>, most: u64| {
            let (least, most) = (base, Duration::from_millis(most));
            assert!(waits.iter().all(|wait| (least..most).contains(wait)));
            // It uses the whole range.
            assert!(waits.iter().any(|wait| *wait < least + (most - least) / 20));
            assert!(waits.iter().any(|wait| *wait > most - (most - least) / 20));
        };
        within(waits(None), 300);
        within(waits(Some(Duration::from_millis(250))), 750);
        assert_eq!(Backoff::Decorrelated(base).delay(9, Some(Duration::ZERO), &mut random), base);
    }

    #[test]
    fn waits_grow_as_their_names_say() {
        let waits = |backoff: Backoff| [1, 2, 3, 4].map(|attempt| delay(backoff, attempt, None).as_millis());
        let step = Duration::from_millis(100);
        assert_eq!(waits(Backoff::Fixed(step)), [100, 100, 100, 100]);
        assert_eq!(waits(Backoff::Linear(step)), [100, 200, 300, 400]);
        assert_eq!(waits(Backoff::Exponential(step)), [100, 200, 400, 800]);
    }

    #[test]
    fn a_thousandth_attempt_saturates() {
        assert!(delay(Backoff::Decorrelated(Duration::MAX), 1000, Some(Duration::MAX)) == Duration::MAX);
        assert!(delay(Backoff::Exponential(Duration::MAX), 1000, None) == Duration::MAX);
    }
}
