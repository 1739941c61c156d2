//! The latencies of the last calls, as a histogram of which every bucket is an eighth wider than the one before, so
//! that a quantile is known to an eighth. Old calls fade: when it is full, every bucket is halved. No lock; two
//! additions per call, and now and then a walk over the buckets.

use std::{
    sync::atomic::{AtomicU32, AtomicU64, Ordering},
    time::Duration,
};

#[derive(Debug)]
pub(super) struct Latencies {
    quantile: f64,
    buckets: [AtomicU32; BUCKETS],
    count: AtomicU32,
    /// In microseconds; zero when it is not known.
    known: AtomicU64,
}

impl Latencies {
    pub(super) fn new(quantile: f64) -> Self {
        let quantile = if quantile.is_nan() { 0.95 } else { quantile.clamp(0.5, 0.999) };
        let buckets = [const { AtomicU32::new(0) }; BUCKETS];
        Self { quantile, buckets, count: AtomicU32::new(0), known: AtomicU64::new(0) }
    }

    pub(super) fn record(&self, latency: Duration) {
        let micros = u64::try_from(latency.as_micros()).unwrap_or(u64::MAX);
        self.buckets[bucket(micros)].fetch_add(1, Ordering::Relaxed);
        let count = self.count.fetch_add(1, Ordering::Relaxed) + 1;
        if count.is_multiple_of(REFRESH) {
            self.known.store(self.measure(), Ordering::Relaxed);
        }
        if count == FULL {
            self.fade();
        }
    }

    /// `None` until enough was seen.
    pub(super) fn quantile(&self) -> Option<Duration> {
        Some(self.known.load(Ordering::Relaxed)).filter(|micros| *micros > 0).map(Duration::from_micros)
    }

    /// The upper end of the bucket in which the quantile lies.
    fn measure(&self) -> u64 {
        let counts = || self.buckets.iter().map(|bucket| bucket.load(Ordering::Relaxed));
        let below = f64::from(counts().sum::<u32>()) * self.quantile;
        let mut seen = 0;
        let reached = |count| {
            seen += count;
            f64::from(seen) >= below
        };
        counts().position(reached).map_or(0, end)
    }

    fn fade(&self) {
        let mut faded = 0;
        for bucket in &self.buckets {
            let half = bucket.load(Ordering::Relaxed).div_ceil(2);
            bucket.fetch_sub(half, Ordering::Relaxed);
            faded += half;
        }
        self.count.fetch_sub(faded, Ordering::Relaxed);
    }
}

/// The first eight are a microsecond wide each, then every power of two has eight.
fn bucket(micros: u64) -> usize {
    if micros < 8 {
        return micros as usize;
    }
    let octave = micros.ilog2();
    let eighth = (micros >> (octave - 3)) & 7;
    (((octave - 2) * 8) as usize + eighth as usize).min(BUCKETS - 1)
}

/// Where the bucket ends, in microseconds.
fn end(bucket: usize) -> u64 {
    let bucket = bucket as u64;
    if bucket < 8 { bucket + 1 } else { (bucket % 8 + 9) << (bucket / 8 - 1) }
}

/// Up to about 19 hours.
const BUCKETS: usize = 280;

/// How often the quantile is measured, in calls: about as many as tell a 95th percentile from noise.
const REFRESH: u32 = 32;

/// About as many of the last calls count.
const FULL: u32 = 1024;

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn every_latency_lies_in_its_bucket_and_the_bucket_is_narrow() {
        for micros in (0..100_000).chain([1 << 20, (1 << 30) + 12_345]) {
            let above = end(bucket(micros));
            assert!(micros < above, "{micros} in a bucket that ends at {above}");
            assert!(above - 1 <= micros + micros / 8, "{micros} in a bucket that ends at {above}");
            assert!(bucket(micros) <= bucket(micros + 1));
        }
        assert_eq!(bucket(u64::MAX), BUCKETS - 1);
    }

    #[test]
    fn old_calls_fade() {
        let latencies = Latencies::new(0.95);
        (0..5_000).for_each(|_| latencies.record(Duration::from_secs(9)));
        assert!(latencies.quantile().unwrap() > Duration::from_secs(8));
        (0..5_000).for_each(|_| latencies.record(Duration::from_millis(9)));
        assert!(latencies.quantile().unwrap() < Duration::from_millis(12));
    }

    proptest! {
        #[test]
        fn the_quantile_is_right_to_an_eighth(
            quantile in 0.5..0.999,
            mut millis in prop::collection::vec(1_u64..20_000, 32..300),
        ) {
            millis.truncate(millis.len() / 32 * 32); // it is measured every 32 calls
            let latencies = Latencies::new(quantile);
            millis.iter().for_each(|millis| latencies.record(Duration::from_millis(*millis)));
            millis.sort_unstable();
            let rank = (millis.len() as f64 * quantile).ceil() as usize;
            let exact = Duration::from_millis(millis[rank - 1]);
            let measured = latencies.quantile().unwrap();
            prop_assert!(exact <= measured && measured <= exact + exact / 8 + Duration::from_micros(1), "{exact:?}, {measured:?}");
        }
    }
}
