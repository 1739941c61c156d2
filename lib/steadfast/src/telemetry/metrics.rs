//! Events as numbers, through the `metrics` facade, so that the program chooses who exports them. Every name is in
//! `names.rs`. Surprise: a label takes at most 100 different values, later ones are counted as `other`, because one
//! name per user would be the end of any metrics store.

use crate::{Event, HealthStatus, ObservedMove, Sink};
use labels::Labels;
use names as name;
use std::time::Duration;

mod labels;
mod names;

pub use names::{METRICS, Metric, MetricKind};

/// Counts every event. Give it to [`Events`](crate::Events) after the program has installed its recorder.
///
/// ```
/// use steadfast::{CancelToken, Events, telemetry::MetricsSink};
///
/// MetricsSink::describe(); // once, for recorders that show units and help
/// let program = CancelToken::root("program").with_events(Events::to(MetricsSink::default()));
/// assert!(!program.events().is_empty());
/// ```
#[derive(Debug, Default)]
pub struct MetricsSink {
    labels: Labels,
}

impl MetricsSink {
    /// Tells the recorder each metric's unit and what it means.
    ///
    /// ```
    /// use steadfast::telemetry::{METRICS, MetricsSink};
    /// # use metrics::{Counter, Gauge, Histogram, Key, KeyName, Metadata, Recorder, SharedString, Unit};
    /// # use std::sync::atomic::{AtomicUsize, Ordering};
    /// # #[derive(Default)]
    /// # struct Exporter {
    /// #     described: AtomicUsize,
    /// # }
    /// # impl Recorder for Exporter {
    /// #     fn describe_counter(&self, _: KeyName, _: Option<Unit>, _: SharedString) {
    /// #         self.described.fetch_add(1, Ordering::Relaxed);
    /// #     }
    /// #     fn describe_gauge(&self, name: KeyName, unit: Option<Unit>, help: SharedString) {
    /// #         self.describe_counter(name, unit, help);
    /// #     }
    /// #     fn describe_histogram(&self, name: KeyName, unit: Option<Unit>, help: SharedString) {
    /// #         self.describe_counter(name, unit, help);
    /// #     }
    /// #     fn register_counter(&self, _: &Key, _: &Metadata<'_>) -> Counter { Counter::noop() }
    /// #     fn register_gauge(&self, _: &Key, _: &Metadata<'_>) -> Gauge { Gauge::noop() }
    /// #     fn register_histogram(&self, _: &Key, _: &Metadata<'_>) -> Histogram { Histogram::noop() }
    /// # }
    ///
    /// let exporter = Exporter::default(); // the program's own; installed first, or nobody is told
    /// metrics::with_local_recorder(&exporter, MetricsSink::describe);
    /// assert_eq!(exporter.described.into_inner(), METRICS.len());
    /// ```
    pub fn describe() {
        for metric in METRICS {
            metric.describe();
        }
    }

    fn count(&self, name: &'static str, labels: &[(&'static str, &str)]) {
        metrics::counter!(name, self.labels.bounded(labels)).increment(1);
    }

    fn set(&self, name: &'static str, labels: &[(&'static str, &str)], value: f64) {
        metrics::gauge!(name, self.labels.bounded(labels)).set(value);
    }

    fn observe(&self, name: &'static str, label: (&'static str, &str), duration: Duration) {
        metrics::histogram!(name, self.labels.bounded(&[label])).record(duration.as_secs_f64());
    }
}

impl Sink for MetricsSink {
    fn emit(&self, event: &Event) {
        match event {
            Event::AttemptStarted { operation, .. } => self.count(name::ATTEMPTS, &[("operation", operation)]),
            Event::AttemptFailed { operation, code, .. } => {
                self.count(name::ATTEMPT_FAILURES, &[("operation", operation), ("code", code.name())]);
            }
            Event::RetryScheduled { operation, delay, code, .. } => {
                self.count(name::RETRIES, &[("operation", operation), ("code", code.name())]);
                self.observe(name::RETRY_WAIT, ("operation", operation), *delay);
            }
            Event::ValueRefused { operation, delay, .. } => {
                self.count(name::RETRIES, &[("operation", operation), ("code", "VALUE_REFUSED")]);
                self.observe(name::RETRY_WAIT, ("operation", operation), *delay);
            }
            Event::BudgetSpent { operation, target, .. } => {
                self.count(name::BUDGET_SPENT, &[("operation", operation), ("target", target)]);
            }
            Event::InputSpent { operation, .. } => self.count(name::INPUT_SPENT, &[("operation", operation)]),
            Event::RetriesExhausted { operation, code, .. } => {
                self.count(name::RETRIES_EXHAUSTED, &[("operation", operation), ("code", code.name())]);
            }
            Event::TimedOut { operation, .. } => self.count(name::TIMEOUTS, &[("operation", operation)]),
            Event::Cancelled { operation, reason } => {
                self.count(name::CANCELLATIONS, &[("operation", operation), ("reason", reason.as_str())]);
            }
            Event::BreakerOpened { target, .. } => self.moved(target, "open"),
            Event::BreakerHalfOpened { target } => self.moved(target, "half_open"),
            Event::BreakerClosed { target } => self.moved(target, "closed"),
            Event::BreakerObserved { target, would } => {
                self.count(name::BREAKER_OBSERVED, &[("target", target), ("would", word(would))]);
            }
            Event::Refused { operation, by, .. } => {
                self.count(name::REFUSALS, &[("operation", operation), ("by", by.as_str())]);
            }
            Event::LimitChanged { target, to, .. } => self.set(name::LIMIT, &[("target", target)], f64::from(*to)),
            Event::SheddingChanged { target, priority, shed } => {
                let labels = [("target", &**target), ("priority", priority.as_str())];
                self.set(name::SHEDDING, &labels, f64::from(u8::from(*shed)));
            }
            Event::HedgeStarted { operation, .. } => self.count(name::HEDGES, &[("operation", operation)]),
            Event::HedgeWon { operation, .. } => self.count(name::HEDGES_WON, &[("operation", operation)]),
            Event::FellBack { operation, to, .. } => {
                self.count(name::FALLBACKS, &[("operation", operation), ("to", to)]);
            }
            Event::FallbackExhausted { operation, .. } => {
                self.count(name::FALLBACKS_EXHAUSTED, &[("operation", operation)]);
            }
            Event::FlightJoined { operation } => self.count(name::FLIGHTS_JOINED, &[("operation", operation)]),
            Event::ServedKept { operation, .. } => self.count(name::CACHE_HITS, &[("operation", operation)]),
            Event::CacheMissed { operation } => self.count(name::CACHE_MISSES, &[("operation", operation)]),
            Event::ServedStale { operation, age, .. } => {
                self.count(name::STALE_SERVED, &[("operation", operation)]);
                self.observe(name::STALE_AGE, ("operation", operation), *age);
            }
            Event::ConnectionMoved { target, to, .. } => {
                self.count(name::CONNECTION_MOVES, &[("target", target), ("to", to.as_str())]);
            }
            Event::HealthChanged { component, to, .. } => {
                self.set(name::HEALTH, &[("component", component)], level(*to));
            }
            Event::ChaosMade { operation, kind } => {
                self.count(name::CHAOS, &[("operation", operation), ("kind", kind)]);
            }
            Event::TaskPanicked { task, .. } => self.count(name::TASK_PANICS, &[("task", task)]),
        }
    }
}

impl MetricsSink {
    fn moved(&self, target: &str, to: &str) {
        self.count(name::BREAKER_MOVES, &[("target", target), ("to", to)]);
    }
}

fn word(would: &ObservedMove) -> &'static str {
    match would {
        ObservedMove::Open { .. } => "open",
        ObservedMove::HalfOpen => "half_open",
        ObservedMove::Close => "close",
        ObservedMove::Refuse { .. } => "refuse",
    }
}

fn level(status: HealthStatus) -> f64 {
    match status {
        HealthStatus::Up => 1.0,
        HealthStatus::Degraded | HealthStatus::Unknown => 0.5,
        HealthStatus::Down => 0.0,
    }
}
