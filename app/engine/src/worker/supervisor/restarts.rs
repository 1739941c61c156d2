//! Whether a dead engine is started again: at most so often within a window, each time after a longer pause.

use std::{collections::VecDeque, time::Duration};

use tokio::time::Instant;

#[derive(Debug)]
pub(super) struct Restarts {
    most: usize,
    window: Duration,
    recent: VecDeque<Instant>,
    /// Deaths in a row before the model was ready: the file, not chance, is the likely cause.
    stillborn: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    Again { attempt: u32, wait: Duration },
    GiveUp { retry_after: Duration },
}

impl Verdict {
    pub(super) fn at_once() -> Self {
        Self::Again { attempt: 1, wait: Duration::ZERO }
    }
}

impl Restarts {
    pub(super) fn new(most: u32, window: Duration) -> Self {
        Self { most: most as usize, window, recent: VecDeque::new(), stillborn: 0 }
    }

    pub(super) fn judge(&mut self, now: Instant, was_ready: bool) -> Verdict {
        self.recent.retain(|at| now.duration_since(*at) < self.window);
        self.stillborn = if was_ready { 0 } else { self.stillborn + 1 };
        if self.recent.len() >= self.most || self.stillborn >= MOST_STILLBORN {
            let oldest = self.recent.front().map_or(Duration::ZERO, |at| now.duration_since(*at));
            return Verdict::GiveUp { retry_after: self.window.saturating_sub(oldest) };
        }
        self.recent.push_back(now);
        let attempt = self.recent.len() as u32;
        Verdict::Again { attempt, wait: FIRST_WAIT * (attempt - 1) * (attempt - 1) }
    }
}

/// The first restart comes at once, then 0.2, 0.8, 1.8, 3.2 s.
const FIRST_WAIT: Duration = Duration::from_millis(200);
const MOST_STILLBORN: u32 = 2;

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn waits(verdict: Verdict) -> Option<u128> {
        match verdict {
            Verdict::Again { wait, .. } => Some(wait.as_millis()),
            Verdict::GiveUp { .. } => None,
        }
    }

    #[tokio::test(start_paused = true)]
    async fn pauses_grow_and_the_sixth_death_in_a_minute_is_the_last() {
        let start = steadfast::Clock::real().now();
        let mut restarts = Restarts::new(5, SECOND * 60);
        let verdicts: Vec<_> = (0..6).map(|n| waits(restarts.judge(start + SECOND * n, true))).collect();
        assert_eq!(verdicts, [Some(0), Some(200), Some(800), Some(1800), Some(3200), None]);
        assert_eq!(restarts.judge(start + SECOND * 20, true), Verdict::GiveUp { retry_after: SECOND * 40 });
    }

    #[tokio::test(start_paused = true)]
    async fn old_deaths_are_forgiven() {
        let start = steadfast::Clock::real().now();
        let mut restarts = Restarts::new(5, SECOND * 60);
        for n in 0..50 {
            assert_eq!(waits(restarts.judge(start + SECOND * 61 * n, true)), Some(0));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_model_that_kills_its_engine_twice_while_loading_is_not_tried_again() {
        let start = steadfast::Clock::real().now();
        let mut restarts = Restarts::new(5, SECOND * 60);
        assert_eq!(waits(restarts.judge(start, false)), Some(0));
        assert_eq!(waits(restarts.judge(start, false)), None);
    }
}
