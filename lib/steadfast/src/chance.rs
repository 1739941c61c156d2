//! Chance that a seed makes repeatable, shared by many callers. Without a seed it costs nothing shared: each thread
//! has its own generator.

use std::sync::atomic::{AtomicU64, Ordering};

/// A source of random numbers behind a shared reference.
#[derive(Debug, Default)]
pub(crate) struct Chance {
    /// The next seed, when the numbers must be the same in every run.
    seeded: Option<AtomicU64>,
}

impl Chance {
    pub(crate) fn seeded(seed: u64) -> Self {
        Self { seeded: Some(AtomicU64::new(seed)) }
    }

    /// From 0 up to, never including, 1.
    pub(crate) fn unit(&self) -> f64 {
        self.with(fastrand::Rng::f64)
    }

    /// From 0 up to, never including, `end`; 0 when `end` is 0.
    pub(crate) fn below(&self, end: usize) -> usize {
        if end == 0 { 0 } else { self.with(|random| random.usize(..end)) }
    }

    fn with<R>(&self, draw: impl FnOnce(&mut fastrand::Rng) -> R) -> R {
        let Some(seed) = &self.seeded else { return draw(&mut fastrand::Rng::new()) };
        draw(&mut fastrand::Rng::with_seed(seed.fetch_add(STEP, Ordering::Relaxed)))
    }
}

/// 2^64 divided by the golden ratio: walks through all seeds and keeps neighbours far apart (Steele, Lea and Flood,
/// "Fast Splittable Pseudorandom Number Generators", 2014).
const STEP: u64 = 0x9e37_79b9_7f4a_7c15;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_numbers_and_they_spread() {
        let draw = |seed| {
            let chance = Chance::seeded(seed);
            (0..4000).map(|_| chance.unit()).collect::<Vec<_>>()
        };
        assert_eq!(draw(7), draw(7));
        assert_ne!(draw(7), draw(8));
        let low = draw(7).into_iter().filter(|number| *number < 0.25).count();
        assert!((900..1100).contains(&low), "{low}");
        assert_eq!(Chance::default().below(0), 0);
    }
}
