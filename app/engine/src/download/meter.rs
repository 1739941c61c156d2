//! Speed and time left, from what arrived in the last ten seconds. Says nothing about time left at first, because
//! a first guess is always wrong.

use std::{collections::VecDeque, time::Duration};

use steadfast::Clock;

/// How far a download is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Reading {
    pub done: u64,
    pub total: u64,
    pub bytes_per_second: Option<f64>,
    pub seconds_left: Option<f64>,
}

pub(super) struct Meter {
    age: Box<dyn Fn() -> Duration + Send + Sync>,
    /// Age of the meter, and how many bytes there were then.
    samples: VecDeque<(Duration, u64)>,
    shown_at: Option<Duration>,
}

impl Meter {
    pub(super) fn new(clock: &Clock) -> Self {
        let (clock, began) = (clock.clone(), clock.now());
        Self { age: Box::new(move || clock.now() - began), samples: VecDeque::new(), shown_at: None }
    }

    /// Takes note of `done` bytes; gives a reading when it is time to show one.
    pub(super) fn seen(&mut self, done: u64, total: u64) -> Option<Reading> {
        let now = (self.age)();
        self.remember(now, done);
        let due = self.shown_at.is_none_or(|shown| now - shown >= SHOW_EVERY) || done == total;
        if !due {
            return None;
        }
        self.shown_at = Some(now);
        let bytes_per_second = self.speed(now, done);
        let seconds_left = bytes_per_second
            .filter(|_| now >= FIRST_GUESS)
            .map(|speed| rounded(total.saturating_sub(done) as f64 / speed));
        Some(Reading { done, total, bytes_per_second, seconds_left })
    }

    fn remember(&mut self, now: Duration, done: u64) {
        // One sample per quarter second is enough for a ten-second average, and bounds the queue.
        if self.samples.back().is_none_or(|(last, _)| now - *last >= SHOW_EVERY) {
            self.samples.push_back((now, done));
        }
        while self.samples.len() > 1 && self.samples.front().is_some_and(|(first, _)| now - *first > WINDOW) {
            self.samples.pop_front();
        }
    }

    fn speed(&self, now: Duration, done: u64) -> Option<f64> {
        let (first, bytes) = self.samples.front()?;
        let seconds = (now - *first).as_secs_f64();
        let gained = done.saturating_sub(*bytes) as f64;
        (seconds > 0.0 && gained > 0.0).then(|| gained / seconds)
    }
}

/// Steps of five seconds under a minute, whole minutes above; the last seconds are counted.
pub(crate) fn rounded(seconds: f64) -> f64 {
    match seconds {
        ..5.0 => seconds.ceil(),
        ..60.0 => (seconds / 5.0).round() * 5.0,
        _ => (seconds / 60.0).round() * 60.0,
    }
}

const SHOW_EVERY: Duration = Duration::from_millis(250);
const WINDOW: Duration = Duration::from_secs(10);
const FIRST_GUESS: Duration = Duration::from_secs(3);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_estimate_comes_after_three_seconds_and_follows_the_last_ten() {
        let clock = Clock::manual();
        let mut meter = Meter::new(&clock);
        let total = 10_000_000;
        let mut done = 0;
        let mut readings = Vec::new();
        for second in 0..30_u64 {
            readings.push(meter.seen(done, total).unwrap());
            clock.advance(Duration::from_secs(1));
            done += if second < 15 { 100_000 } else { 400_000 };
        }
        assert!(readings[2].seconds_left.is_none() && readings[2].bytes_per_second.is_some());
        assert_eq!(readings[10].seconds_left, Some(120.0)); // 9.0 MB at 100 kB/s is 90 s, shown as whole minutes
        let last = readings[29];
        assert_eq!(last.bytes_per_second, Some(400_000.0));
        assert_eq!(last.seconds_left, Some(5.0)); // 2.9 MB at 400 kB/s is 7.25 s
    }

    #[test]
    fn in_the_second_half_the_shown_time_is_near_the_truth() {
        let clock = Clock::manual();
        let mut meter = Meter::new(&clock);
        let (mut done, mut good, mut all) = (0_u64, 0, 0);
        let total = 60_000_000;
        for tenth in 0..600_u64 {
            if let Some(reading) = meter.seen(done, total)
                && tenth >= 300
            {
                let truth = (600 - tenth) as f64 / 10.0;
                all += 1;
                good += u32::from(reading.seconds_left.is_some_and(|shown| (shown - truth).abs() <= 0.3 * truth));
            }
            clock.advance(Duration::from_millis(100));
            // An uneven line: fast and slow in turns of two seconds.
            done += if (tenth / 20) % 2 == 0 { 140_000 } else { 60_000 };
        }
        assert!(good * 10 >= all * 8, "{good} of {all} shown values were within 30 % of the truth");
    }

    #[test]
    fn a_fast_line_does_not_flood_the_watcher() {
        let clock = Clock::manual();
        let mut meter = Meter::new(&clock);
        let shown = (0..10_000_u64)
            .filter(|done| {
                clock.advance(Duration::from_millis(1));
                meter.seen(*done, 20_000).is_some()
            })
            .count();
        assert!(shown <= 41, "{shown} readings in ten seconds");
        assert!(meter.samples.len() <= 41);
    }
}
