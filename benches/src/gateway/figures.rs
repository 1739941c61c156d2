//! What one peer came to.

use std::time::Duration;

use crate::Times;

/// A figure that could not be had is missing.
#[derive(Debug)]
pub struct Figures {
    pub(super) name: &'static str,
    pub(super) latency: Times,
    /// The same questions with nobody in between, asked in turns with those.
    pub(super) direct: Times,
    pub(super) cpu_per_question: Duration,
    pub(super) cpu_per_event: Duration,
    pub(super) idle_kib: u64,
    /// Above idle, at most, while 256 streams ran.
    pub(super) at_256_kib: u64,
    pub(super) resting: Option<Resting>,
}

/// Streams that had begun and said nothing more.
#[derive(Debug, Clone, Copy)]
pub(super) struct Resting {
    /// How many were let in.
    pub(super) had: usize,
    /// Above idle, for each.
    pub(super) each_kib: f64,
}

impl Figures {
    pub(super) fn added(&self, share: f64) -> Duration {
        self.latency.percentile(share).saturating_sub(self.direct.percentile(share))
    }

    pub(super) fn added_ms(&self, share: f64) -> f64 {
        self.added(share).as_secs_f64() * 1e3
    }

    pub(super) fn question_ms(&self) -> f64 {
        self.cpu_per_question.as_secs_f64() * 1e3
    }

    pub(super) fn event_us(&self) -> f64 {
        self.cpu_per_event.as_secs_f64() * 1e6
    }

    pub(super) fn at_256_mib(&self) -> f64 {
        self.at_256_kib as f64 / 1024.0
    }

    /// One line for whoever watches.
    pub fn told(&self) -> String {
        let resting =
            self.resting.map_or_else(String::new, |rest| format!("  {} resting: {:.1} KiB", rest.had, rest.each_kib));
        format!(
            "{:<12} added p50 {:.3} p99 {:.3} ms  question {:.4} ms  event {:.2} us  idle {:.1} MiB  at 256 +{:.1} MiB{resting}",
            self.name,
            self.added_ms(0.5),
            self.added_ms(0.99),
            self.question_ms(),
            self.event_us(),
            self.idle_kib as f64 / 1024.0,
            self.at_256_mib(),
        )
    }
}
