//! Sinks: nothing is built for nobody, everybody hears the same, and a slow reader holds up nobody.

use std::sync::Arc;
use steadfast::{BroadcastSink, CancelReason, Clock, Event, Events, telemetry::TracingSink, testing::EventLog};
use tokio::sync::broadcast::error::TryRecvError;

fn stopped(operation: &'static str) -> Event {
    Event::Cancelled { operation: operation.into(), reason: CancelReason::UserStop }
}

#[test]
fn an_event_that_nobody_hears_is_not_built() {
    Events::none().emit(|| panic!("nobody listens"));
}

#[test]
fn every_sink_hears_every_event() {
    let clock = Clock::manual();
    let logs = [Arc::new(EventLog::new(&clock)), Arc::new(EventLog::new(&clock))];
    let events = Events::to(Arc::clone(&logs[0])).and(Arc::clone(&logs[1])).and(TracingSink);
    events.emit(|| stopped("fetch"));
    assert!(logs.iter().all(|log| log.events() == [stopped("fetch")]));
}

#[test]
fn a_slow_reader_misses_the_oldest_and_is_told_how_many() {
    let feed = Arc::new(BroadcastSink::new(2));
    let events = Events::to(Arc::clone(&feed));
    events.emit(|| stopped("before anybody reads"));
    let mut reader = feed.subscribe();
    for operation in ["a", "b", "c"] {
        events.emit(|| stopped(operation));
    }
    assert_eq!(reader.try_recv(), Err(TryRecvError::Lagged(1)));
    assert_eq!(reader.try_recv(), Ok(stopped("b")));
    assert_eq!(reader.try_recv(), Ok(stopped("c")));
    assert_eq!(reader.try_recv(), Err(TryRecvError::Empty));
}

#[test]
fn an_event_serialises_with_its_name() {
    insta::assert_snapshot!(serde_json::to_string(&stopped("fetch")).unwrap(), @r#"{"event":"cancelled","operation":"fetch","reason":"user_stop"}"#);
}

#[test]
fn a_feed_of_nonsense_size_is_clamped_and_no_panic() {
    for capacity in [0, usize::MAX] {
        let _feed = BroadcastSink::new(capacity);
    }
}
