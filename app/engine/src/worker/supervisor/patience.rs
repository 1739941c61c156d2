//! Tells a hang from slowness: the child's heartbeat carries a counter that stands still only when nothing is done.

use std::time::Duration;

use tokio::time::Instant;

use super::{super::protocol::Reply, process::Death};

#[derive(Debug)]
pub(super) struct Patience {
    loading: Duration,
    computing: Duration,
    phase: Phase,
    steps: u64,
    progress: Instant,
    heard: Instant,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Loading,
    Computing,
}

impl Patience {
    pub(super) fn new(now: Instant, loading: Duration, computing: Duration) -> Self {
        Self { loading, computing, phase: Phase::Loading, steps: 0, progress: now, heard: now }
    }

    pub(super) fn hear(&mut self, reply: &Reply, now: Instant) {
        self.heard = now;
        match reply {
            Reply::Heartbeat { steps, working } if *working && *steps == self.steps => {}
            Reply::Heartbeat { steps, .. } => {
                self.steps = *steps;
                self.progress = now;
            }
            Reply::Loaded(_) => {
                self.phase = Phase::Computing;
                self.progress = now;
            }
            _ => self.progress = now,
        }
    }

    /// When it must be held to hang, if nothing is heard until then.
    pub(super) fn ends(&self) -> Instant {
        self.progress + self.limit()
    }

    pub(super) fn verdict(&self) -> Death {
        let seconds = self.limit().as_secs_f32();
        Death::Hung(if self.heard > self.progress {
            format!("the engine made no progress for {seconds:.0} s")
        } else {
            format!("the engine gave no sign of life for {seconds:.0} s")
        })
    }

    fn limit(&self) -> Duration {
        match self.phase {
            Phase::Loading => self.loading,
            Phase::Computing => self.computing,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn beat(steps: u64, working: bool) -> Reply {
        Reply::Heartbeat { steps, working }
    }

    fn computing(now: Instant) -> Patience {
        let mut patience = Patience::new(now, SECOND * 120, SECOND * 30);
        patience.phase = Phase::Computing;
        patience
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_engine_is_waited_for_as_long_as_its_counter_moves() {
        let start = steadfast::Clock::real().now();
        let mut patience = computing(start);
        for second in 1..200 {
            patience.hear(&beat(u64::from(second), true), start + SECOND * second);
            assert!(patience.ends() > start + SECOND * second);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_heartbeat_alone_does_not_hide_a_hang() {
        let start = steadfast::Clock::real().now();
        let mut patience = computing(start);
        patience.hear(&beat(5, true), start + SECOND);
        patience.hear(&beat(5, true), start + SECOND * 20);
        assert_eq!(patience.ends(), start + SECOND * 31);
        assert_eq!(patience.verdict(), Death::Hung("the engine made no progress for 30 s".into()));
    }

    #[tokio::test(start_paused = true)]
    async fn an_idle_engine_may_stand_still_as_long_as_it_beats() {
        let start = steadfast::Clock::real().now();
        let mut patience = computing(start);
        patience.hear(&beat(5, false), start + SECOND);
        patience.hear(&beat(5, false), start + SECOND * 25);
        assert_eq!(patience.ends(), start + SECOND * 55);
        assert_eq!(patience.verdict(), Death::Hung("the engine gave no sign of life for 30 s".into()));
    }

    #[tokio::test(start_paused = true)]
    async fn loading_has_its_own_patience() {
        let start = steadfast::Clock::real().now();
        let mut patience = Patience::new(start, SECOND * 120, SECOND * 30);
        assert_eq!(patience.ends(), start + SECOND * 120);
        patience.hear(&Reply::Loading { fraction: 0.5 }, start + SECOND * 100);
        assert_eq!(patience.ends(), start + SECOND * 220);
    }
}
