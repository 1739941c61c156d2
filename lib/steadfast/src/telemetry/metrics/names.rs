//! The one list of metrics: name, kind, labels and what it means. Names follow the OpenMetrics habits: base units,
//! `_total` on counters.

/// One metric that the library may write.
///
/// ```
/// use steadfast::telemetry::METRICS;
///
/// let retries = METRICS.iter().find(|metric| metric.name == "steadfast_retries_total").unwrap();
/// assert_eq!(retries.labels, ["operation", "code"]);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Metric {
    /// Its name.
    pub name: &'static str,
    /// What kind of number it is.
    pub kind: MetricKind,
    /// Its labels. Each takes at most 100 different values.
    pub labels: &'static [&'static str],
    /// What it means.
    pub help: &'static str,
}

/// What kind of number a metric is.
///
/// ```
/// use steadfast::telemetry::{METRICS, MetricKind};
///
/// for metric in METRICS {
///     assert_eq!(metric.kind == MetricKind::Counter, metric.name.ends_with("_total"));
///     assert_eq!(metric.kind == MetricKind::Seconds, metric.name.ends_with("_seconds"));
/// }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum MetricKind {
    /// It only grows.
    Counter,
    /// It goes up and down.
    Gauge,
    /// Durations, in seconds.
    Seconds,
}

macro_rules! metrics {
    ($($constant:ident: $kind:ident $name:literal { $($label:literal),* } $help:literal;)*) => {
        $(pub(super) const $constant: &str = $name;)*

        /// Every metric that the library may write.
        ///
        /// ```
        /// use steadfast::telemetry::METRICS;
        ///
        /// assert!(METRICS.iter().all(|metric| metric.name.starts_with("steadfast_")));
        /// ```
        pub const METRICS: &[Metric] = &[
            $(Metric { name: $name, kind: MetricKind::$kind, labels: &[$($label),*], help: $help }),*
        ];
    };
}

metrics! {
    ATTEMPTS: Counter "steadfast_attempts_total" { "operation" } "Attempts that began.";
    ATTEMPT_FAILURES: Counter "steadfast_attempt_failures_total" { "operation", "code" } "Attempts that failed.";
    RETRIES: Counter "steadfast_retries_total" { "operation", "code" } "Attempts that were scheduled after a failure, or after a value that is not wanted (VALUE_REFUSED).";
    RETRY_WAIT: Seconds "steadfast_retry_wait_seconds" { "operation" } "The wait before a further attempt.";
    BUDGET_SPENT: Counter "steadfast_budget_spent_total" { "operation", "target" } "Retries that the target's budget did not pay for.";
    INPUT_SPENT: Counter "steadfast_input_spent_total" { "operation" } "Retries that could not be, because the input can be sent only once.";
    RETRIES_EXHAUSTED: Counter "steadfast_retries_exhausted_total" { "operation", "code" } "Calls that failed after several attempts.";
    TIMEOUTS: Counter "steadfast_timeouts_total" { "operation" } "Calls and attempts that a time limit ended.";
    CANCELLATIONS: Counter "steadfast_cancellations_total" { "operation", "reason" } "Calls that a token ended.";
    BREAKER_MOVES: Counter "steadfast_breaker_moves_total" { "target", "to" } "Breakers that moved to another state.";
    BREAKER_OBSERVED: Counter "steadfast_breaker_observed_total" { "target", "would" } "What breakers that only observe would have done.";
    REFUSALS: Counter "steadfast_refusals_total" { "operation", "by" } "Calls that a limit did not let begin.";
    LIMIT: Gauge "steadfast_limit" { "target" } "How many calls at once a limit that finds its own size allows.";
    SHEDDING: Gauge "steadfast_shedding" { "target", "priority" } "Whether work of this class is refused under pressure: 1 or 0.";
    HEDGES: Counter "steadfast_hedges_total" { "operation" } "Further copies that were started because an answer was late.";
    HEDGES_WON: Counter "steadfast_hedges_won_total" { "operation" } "Further copies that answered first.";
    FALLBACKS: Counter "steadfast_fallbacks_total" { "operation", "to" } "Calls that went on to another target.";
    FALLBACKS_EXHAUSTED: Counter "steadfast_fallbacks_exhausted_total" { "operation" } "Calls that no target served.";
    FLIGHTS_JOINED: Counter "steadfast_flights_joined_total" { "operation" } "Calls that waited for somebody else's execution.";
    CACHE_HITS: Counter "steadfast_cache_hits_total" { "operation" } "Kept values that were given out while they were fresh.";
    CACHE_MISSES: Counter "steadfast_cache_misses_total" { "operation" } "Calls for which nothing fresh was kept.";
    STALE_SERVED: Counter "steadfast_stale_served_total" { "operation" } "Old values that were given out because a new one could not be had.";
    STALE_AGE: Seconds "steadfast_stale_age_seconds" { "operation" } "How old those values were.";
    CONNECTION_MOVES: Counter "steadfast_connection_moves_total" { "target", "to" } "Connections that moved to another state.";
    HEALTH: Gauge "steadfast_health" { "component" } "How a component is: 1 up, 0.5 degraded or unknown, 0 down.";
    CHAOS: Counter "steadfast_chaos_total" { "operation", "kind" } "Troubles that were made on purpose.";
    TASK_PANICS: Counter "steadfast_task_panics_total" { "task" } "Tasks that ended in a panic.";
}

impl Metric {
    pub(super) fn describe(&self) {
        let (name, help) = (self.name, self.help);
        match self.kind {
            MetricKind::Counter => metrics::describe_counter!(name, metrics::Unit::Count, help),
            MetricKind::Gauge => metrics::describe_gauge!(name, help),
            MetricKind::Seconds => metrics::describe_histogram!(name, metrics::Unit::Seconds, help),
        }
    }
}
