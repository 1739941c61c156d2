//! How long an open breaker rests. It knows nothing of clocks: it is given the number of openings in a row, and
//! chance.

use std::time::Duration;

#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Pause {
    pub(super) base: Duration,
    factor: f64,
    max: Duration,
    jitter: f64,
}

impl Pause {
    pub(super) fn fixed(base: Duration) -> Self {
        Self { base, factor: 1.0, max: Duration::MAX, jitter: 0.0 }
    }

    /// A factor below one, or none at all, does not grow; a maximum below the base is the base.
    pub(super) fn growing(self, factor: f64, max: Duration) -> Self {
        Self { factor: factor.max(1.0), max, ..self }
    }

    /// A share between nothing and all; no number at all is nothing.
    pub(super) fn jitter(self, share: f64) -> Self {
        Self { jitter: if share.is_nan() { 0.0 } else { share.clamp(0.0, 1.0) }, ..self }
    }

    /// `before` is how often it opened since it was last closed. `chance` is from 0 up to 1, asked only if needed.
    pub(super) fn length(&self, before: u32, chance: impl FnOnce() -> f64) -> Duration {
        let grown = self.grown(before);
        if self.jitter == 0.0 {
            return grown;
        }
        // Spread after the limit, or everybody who reached the limit would come back together.
        let spread = 1.0 - self.jitter + 2.0 * self.jitter * chance();
        Duration::try_from_secs_f64(grown.as_secs_f64() * spread).unwrap_or(Duration::MAX)
    }

    fn grown(&self, before: u32) -> Duration {
        if before == 0 || self.factor == 1.0 || self.base.is_zero() {
            return self.base;
        }
        let times = self.factor.powi(i32::try_from(before).unwrap_or(i32::MAX));
        let grown = Duration::try_from_secs_f64(self.base.as_secs_f64() * times);
        grown.map_or(self.max, |grown| grown.min(self.max)).max(self.base)
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn lengths(pause: Pause) -> Vec<u64> {
        (0..8).map(|before| pause.length(before, || 0.5).as_secs()).collect()
    }

    #[test]
    fn it_grows_by_its_factor_up_to_its_limit() {
        assert_eq!(lengths(Pause::fixed(SECOND)), [1; 8]);
        assert_eq!(lengths(Pause::fixed(SECOND).growing(2.0, SECOND * 60)), [1, 2, 4, 8, 16, 32, 60, 60]);
        assert_eq!(Pause::fixed(SECOND).growing(2.0, SECOND * 60).length(u32::MAX, || 0.0), SECOND * 60);
    }

    #[test]
    fn it_is_spread_around_its_length_by_the_share() {
        let pause = Pause::fixed(SECOND * 10).jitter(0.5);
        assert_eq!(pause.length(0, || 0.0), SECOND * 5);
        assert_eq!(pause.length(0, || 0.5), SECOND * 10);
        assert!(pause.length(0, || 0.999) > SECOND * 14);
    }

    #[test]
    fn nonsense_is_the_nearest_sense() {
        for factor in [f64::NAN, -3.0, 0.0, f64::NEG_INFINITY] {
            assert_eq!(lengths(Pause::fixed(SECOND).growing(factor, SECOND * 60)), [1; 8], "{factor}");
        }
        assert_eq!(lengths(Pause::fixed(SECOND).growing(f64::INFINITY, SECOND * 9))[1], 9);
        assert_eq!(lengths(Pause::fixed(SECOND * 5).growing(2.0, SECOND)), [5; 8]);
        assert_eq!(Pause::fixed(SECOND).jitter(f64::NAN).length(0, || 0.9), SECOND);
        assert_eq!(Pause::fixed(SECOND).jitter(9.0).length(0, || 0.5), SECOND);
        assert_eq!(Pause::fixed(Duration::ZERO).growing(2.0, SECOND).length(5000, || 0.5), Duration::ZERO);
        let endless = Pause::fixed(Duration::MAX).growing(2.0, Duration::MAX).jitter(1.0);
        assert_eq!(endless.length(9, || 0.9), Duration::MAX);
    }
}
