//! The metrics sink: what is counted under which name, and that no label grows without a bound.

use metrics::{
    Counter, CounterFn, Gauge, GaugeFn, Histogram, HistogramFn, Key, KeyName, Metadata, Recorder, SharedString, Unit,
};
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use steadfast::{
    CancelReason, Code, ConnectionPhase, Event, HealthStatus, ObservedMove, OpenReason, Priority, RejectedBy, Sink,
    telemetry::{METRICS, MetricsSink},
};

/// Writes down every number under "name{label=value,..}".
#[derive(Clone, Default)]
struct Book(Arc<Mutex<BTreeMap<String, f64>>>);

struct Line(Book, String);

impl Line {
    fn add(&self, value: f64) {
        *self.0.lock().entry(self.1.clone()).or_default() += value;
    }
}

impl CounterFn for Line {
    fn increment(&self, value: u64) {
        self.add(value as f64);
    }
    fn absolute(&self, _: u64) {}
}

impl GaugeFn for Line {
    fn increment(&self, _: f64) {}
    fn decrement(&self, _: f64) {}
    fn set(&self, value: f64) {
        self.0.lock().insert(self.1.clone(), value);
    }
}

impl HistogramFn for Line {
    fn record(&self, value: f64) {
        self.add(value);
    }
}

impl Book {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, f64>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn line(&self, key: &Key) -> Arc<Line> {
        let labels: Vec<_> = key.labels().map(|label| format!("{}={}", label.key(), label.value())).collect();
        Arc::new(Line(self.clone(), format!("{}{{{}}}", key.name(), labels.join(","))))
    }

    fn text(&self) -> String {
        self.lock().iter().map(|(name, value)| format!("{name} {value}\n")).collect()
    }
}

impl Recorder for Book {
    fn describe_counter(&self, name: KeyName, _: Option<Unit>, _: SharedString) {
        self.lock().insert(name.as_str().to_owned(), 0.0);
    }
    fn describe_gauge(&self, name: KeyName, unit: Option<Unit>, help: SharedString) {
        self.describe_counter(name, unit, help);
    }
    fn describe_histogram(&self, name: KeyName, unit: Option<Unit>, help: SharedString) {
        assert_eq!(unit, Some(Unit::Seconds));
        self.describe_counter(name, unit, help);
    }
    fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> Counter {
        Counter::from_arc(self.line(key))
    }
    fn register_gauge(&self, key: &Key, _: &Metadata<'_>) -> Gauge {
        Gauge::from_arc(self.line(key))
    }
    fn register_histogram(&self, key: &Key, _: &Metadata<'_>) -> Histogram {
        Histogram::from_arc(self.line(key))
    }
}

/// One of each.
fn every_event() -> Vec<Event> {
    let operation = || "fetch".into();
    let (wait, code) = (Duration::from_millis(1500), Code::UNAVAILABLE);
    vec![
        Event::AttemptStarted { operation: operation(), attempt: 1, of: 3 },
        Event::AttemptFailed { operation: operation(), attempt: 1, of: 3, code, message: "No.".into() },
        Event::RetryScheduled { operation: operation(), attempt: 1, of: 3, delay: wait, code },
        Event::RetriesExhausted { operation: operation(), attempts: 3, code },
        Event::TimedOut { operation: operation(), after: wait },
        Event::Cancelled { operation: operation(), reason: CancelReason::UserStop },
        Event::BreakerOpened { target: "shop".into(), reason: OpenReason::ProbeFailed, retry_after: wait },
        Event::BreakerHalfOpened { target: "shop".into() },
        Event::BreakerClosed { target: "shop".into() },
        Event::ValueRefused { operation: operation(), attempt: 1, of: 3, delay: wait },
        Event::BudgetSpent { operation: operation(), target: "shop".into(), attempts: 1 },
        Event::InputSpent { operation: operation(), attempts: 1 },
        Event::BreakerObserved { target: "shop".into(), would: ObservedMove::HalfOpen },
        Event::Refused { operation: operation(), by: RejectedBy::Bulkhead, target: "shop".into(), retry_after: None },
        Event::LimitChanged { target: "shop".into(), from: 16, to: 11 },
        Event::SheddingChanged { target: "shop".into(), priority: Priority::Background, shed: true },
        Event::HedgeStarted { operation: operation(), copy: 1, after: wait },
        Event::HedgeWon { operation: operation(), copy: 1 },
        Event::FellBack { operation: operation(), from: "near".into(), to: "far".into(), code },
        Event::FallbackExhausted { operation: operation(), attempts: 2, code },
        Event::FlightJoined { operation: operation() },
        Event::ServedKept { operation: operation(), age: wait },
        Event::CacheMissed { operation: operation() },
        Event::ServedStale { operation: operation(), age: wait, code },
        Event::ConnectionMoved {
            target: "database".into(),
            from: ConnectionPhase::Idle,
            to: ConnectionPhase::Connecting,
            cause: "first use".into(),
        },
        Event::HealthChanged {
            component: "disk".into(),
            from: HealthStatus::Up,
            to: HealthStatus::Degraded,
            reason: "full".into(),
        },
        Event::ChaosMade { operation: operation(), kind: "hang".into() },
        Event::TaskPanicked { task: "worker".into(), message: "No.".into() },
    ]
}

#[test]
fn every_event_is_counted_under_its_name() {
    let (book, sink) = (Book::default(), MetricsSink::default());
    metrics::with_local_recorder(&book, || every_event().iter().for_each(|event| sink.emit(event)));
    insta::assert_snapshot!(book.text(), @r"
    steadfast_attempt_failures_total{operation=fetch,code=UNAVAILABLE} 1
    steadfast_attempts_total{operation=fetch} 1
    steadfast_breaker_moves_total{target=shop,to=closed} 1
    steadfast_breaker_moves_total{target=shop,to=half_open} 1
    steadfast_breaker_moves_total{target=shop,to=open} 1
    steadfast_breaker_observed_total{target=shop,would=half_open} 1
    steadfast_budget_spent_total{operation=fetch,target=shop} 1
    steadfast_cache_hits_total{operation=fetch} 1
    steadfast_cache_misses_total{operation=fetch} 1
    steadfast_cancellations_total{operation=fetch,reason=user_stop} 1
    steadfast_chaos_total{operation=fetch,kind=hang} 1
    steadfast_connection_moves_total{target=database,to=connecting} 1
    steadfast_fallbacks_exhausted_total{operation=fetch} 1
    steadfast_fallbacks_total{operation=fetch,to=far} 1
    steadfast_flights_joined_total{operation=fetch} 1
    steadfast_health{component=disk} 0.5
    steadfast_hedges_total{operation=fetch} 1
    steadfast_hedges_won_total{operation=fetch} 1
    steadfast_input_spent_total{operation=fetch} 1
    steadfast_limit{target=shop} 11
    steadfast_refusals_total{operation=fetch,by=bulkhead} 1
    steadfast_retries_exhausted_total{operation=fetch,code=UNAVAILABLE} 1
    steadfast_retries_total{operation=fetch,code=UNAVAILABLE} 1
    steadfast_retries_total{operation=fetch,code=VALUE_REFUSED} 1
    steadfast_retry_wait_seconds{operation=fetch} 3
    steadfast_shedding{target=shop,priority=background} 1
    steadfast_stale_age_seconds{operation=fetch} 1.5
    steadfast_stale_served_total{operation=fetch} 1
    steadfast_task_panics_total{task=worker} 1
    steadfast_timeouts_total{operation=fetch} 1
    ");
}

#[test]
fn every_name_in_the_list_is_used_and_no_other_with_the_labels_it_says() {
    let (book, sink) = (Book::default(), MetricsSink::default());
    metrics::with_local_recorder(&book, || every_event().iter().for_each(|event| sink.emit(event)));
    let used: BTreeMap<_, _> = book
        .text()
        .lines()
        .map(|line| {
            let (name, labels) = line.split_once('{').unwrap();
            let labels = labels.split_once('}').unwrap().0.split(',').map(|pair| pair.split_once('=').unwrap().0);
            (name.to_owned(), labels.map(ToOwned::to_owned).collect::<Vec<_>>())
        })
        .collect();
    let listed: BTreeMap<_, _> = METRICS
        .iter()
        .map(|metric| (metric.name.to_owned(), metric.labels.iter().map(|&label| label.to_owned()).collect()))
        .collect();
    assert_eq!(used, listed);
    let described = Book::default();
    metrics::with_local_recorder(&described, MetricsSink::describe);
    assert_eq!(described.text().lines().count(), METRICS.len());
}

#[test]
fn the_hundred_and_first_value_of_a_label_is_other() {
    let (book, sink) = (Book::default(), MetricsSink::default());
    metrics::with_local_recorder(&book, || {
        for number in (0..150).chain(0..150) {
            sink.emit(&Event::FlightJoined { operation: format!("call {number}").into() });
        }
    });
    let text = book.text();
    assert_eq!(text.lines().count(), 101);
    assert!(text.contains("steadfast_flights_joined_total{operation=other} 100\n"), "{text}");
}
