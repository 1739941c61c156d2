//! The breaker's rates: windows of calls and of time, slow calls, and all of them against a slow reference model
//! that keeps every call in a list.

use crate::breaking::{SECOND, fail, is_open, manual, succeed};
use proptest::prelude::*;
use std::{collections::VecDeque, sync::Arc, time::Duration};
use steadfast::{Breaker, BreakerState, Call, CancelToken, Clock, Error, Event, Events, OpenReason, testing::EventLog};

/// The last opening of a log.
fn opened(log: &EventLog) -> Option<OpenReason> {
    log.events().into_iter().rev().find_map(|event| match event {
        Event::BreakerOpened { reason, .. } => Some(reason),
        _ => None,
    })
}

#[test]
fn half_of_the_last_hundred_calls_opens_it_and_the_story_says_how_many() {
    let log = Arc::new(EventLog::new(&Clock::manual()));
    let breaker = Breaker::failure_rate(0.5).with_events(Events::to(Arc::clone(&log)));
    (0..70).for_each(|_| succeed(&breaker));
    (0..49).for_each(|_| fail(&breaker));
    assert_eq!(breaker.state(), BreakerState::Closed);
    fail(&breaker);
    assert!(is_open(&breaker));
    assert_eq!(opened(&log), Some(OpenReason::FailureRate { failures: 50, calls: 100 }));
    assert!(log.to_string().contains("50 of 100 calls failed"), "{log}");
}

#[test]
fn a_rate_means_nothing_below_the_minimum_of_calls() {
    for breaker in [Breaker::failure_rate(0.5), Breaker::failure_rate(0.5).window(SECOND)] {
        let (breaker, _) = manual(&breaker.min_calls(5));
        (0..4).for_each(|_| fail(&breaker));
        assert_eq!(breaker.state(), BreakerState::Closed);
        fail(&breaker);
        assert!(is_open(&breaker));
    }
}

#[test]
fn a_minimum_above_the_window_is_the_window() {
    let breaker = Breaker::failure_rate(0.5).window_calls(4).min_calls(20);
    (0..4).for_each(|_| fail(&breaker));
    assert!(is_open(&breaker));
}

#[test]
fn old_failures_slide_out_of_a_window_of_calls() {
    let breaker = Breaker::failure_rate(0.5).window_calls(10).min_calls(1);
    (0..10).for_each(|_| succeed(&breaker));
    (0..4).for_each(|_| fail(&breaker));
    (0..7).for_each(|_| succeed(&breaker));
    // One of the four is left.
    (0..3).for_each(|_| fail(&breaker));
    assert_eq!(breaker.state(), BreakerState::Closed);
    (0..2).for_each(|_| fail(&breaker));
    assert!(is_open(&breaker));
}

#[test]
fn old_calls_leave_a_window_of_time() {
    let (breaker, clock) = manual(&Breaker::failure_rate(0.5).window(SECOND * 10).min_calls(4));
    (0..3).for_each(|_| fail(&breaker));
    clock.advance(SECOND * 10);
    // The three are gone, so there are not enough calls.
    fail(&breaker);
    assert_eq!(breaker.state(), BreakerState::Closed);
    clock.advance(SECOND * 8);
    (0..3).for_each(|_| fail(&breaker));
    assert!(is_open(&breaker));
}

#[test]
fn healthy_calls_leave_a_window_of_time_too() {
    let (breaker, clock) = manual(&Breaker::failure_rate(0.5).window(SECOND * 10).min_calls(4));
    (0..1000).for_each(|_| succeed(&breaker));
    clock.advance(SECOND * 5);
    (0..3).for_each(|_| fail(&breaker));
    assert_eq!(breaker.state(), BreakerState::Closed);
    clock.advance(SECOND * 5);
    fail(&breaker);
    assert!(is_open(&breaker));
}

#[test]
fn rates_that_are_no_shares_are_the_nearest_share() {
    for (rate, needed) in [(-1.0, 1), (0.0, 1), (f64::NAN, 5), (1.0, 10), (7.0, 10)] {
        let breaker = Breaker::failure_rate(rate).window_calls(10).min_calls(1);
        (0..10).for_each(|_| succeed(&breaker));
        let failures = (1..=10).find(|_| {
            fail(&breaker);
            is_open(&breaker)
        });
        assert_eq!(failures, Some(needed), "{rate}");
    }
}

#[test]
fn seven_of_a_hundred_reach_a_rate_of_seven_in_a_hundred() {
    let breaker = Breaker::failure_rate(0.07);
    (0..100).for_each(|_| succeed(&breaker));
    (0..6).for_each(|_| fail(&breaker));
    assert_eq!(breaker.state(), BreakerState::Closed);
    fail(&breaker);
    assert!(is_open(&breaker));
}

#[test]
fn failures_in_a_row_and_a_rate_can_watch_together() {
    let log = Arc::new(EventLog::new(&Clock::manual()));
    let pattern = Breaker::consecutive(3).or_failure_rate(0.5).min_calls(10);
    let breaker = pattern.with_events(Events::to(Arc::clone(&log)));
    (0..3).for_each(|_| fail(&breaker));
    assert_eq!(opened(&log), Some(OpenReason::ConsecutiveFailures(3)));
    breaker.force_close();
    for _ in 0..5 {
        succeed(&breaker);
        fail(&breaker);
    }
    assert_eq!(opened(&log), Some(OpenReason::FailureRate { failures: 5, calls: 10 }));
}

#[tokio::test(start_paused = true)]
async fn calls_that_take_too_long_open_it_although_they_succeed() {
    let log = Arc::new(EventLog::new(&Clock::real()));
    let breaker = Breaker::failure_rate(0.5).slow_calls(SECOND, 0.8).min_calls(5);
    let call = Call::new("buy", &CancelToken::root("test")).with_events(Events::to(Arc::clone(&log)));
    let sleeps = |time| async move {
        Clock::real().sleep(time).await;
        Ok::<(), Error>(())
    };
    breaker.run(&call, sleeps(SECOND)).await.unwrap();
    for _ in 0..4 {
        assert_eq!(breaker.state(), BreakerState::Closed);
        breaker.run(&call, sleeps(SECOND + Duration::from_millis(1))).await.unwrap();
    }
    assert_eq!(opened(&log), Some(OpenReason::SlowCalls { slow: 4, calls: 5 }));
}

#[test]
fn a_stream_is_slow_when_its_first_byte_is_and_not_when_its_end_is() {
    let (breaker, clock) = manual(&Breaker::failure_rate(0.5).slow_calls(SECOND, 0.5).min_calls(1));
    let mut permit = breaker.enter().unwrap();
    permit.first_byte();
    clock.advance(SECOND * 60);
    permit.first_byte();
    permit.success();
    assert_eq!(breaker.state(), BreakerState::Closed);
    let mut permit = breaker.enter().unwrap();
    clock.advance(SECOND * 2);
    permit.first_byte();
    permit.success();
    assert!(is_open(&breaker));
}

#[test]
fn a_slow_probe_is_no_recovery() {
    let log = Arc::new(EventLog::new(&Clock::manual()));
    let pattern = Breaker::consecutive(1).slow_calls(SECOND, 0.5).with_events(Events::to(Arc::clone(&log)));
    let (breaker, clock) = manual(&pattern);
    fail(&breaker);
    clock.advance(SECOND * 30);
    let probe = breaker.enter().unwrap();
    clock.advance(SECOND * 2);
    probe.success();
    assert_eq!(opened(&log), Some(OpenReason::ProbeSlow));
}

#[tokio::test(start_paused = true)]
async fn a_call_given_up_after_too_long_was_slow_whoever_gave_it_up() {
    let breaker = Breaker::failure_rate(0.5).slow_calls(SECOND, 1.0).min_calls(3);
    for _ in 0..3 {
        let call = Call::new("buy", &CancelToken::root("test"));
        let hangs = breaker.run(&call, std::future::pending::<Result<(), Error>>());
        tokio::time::timeout(SECOND * 2, hangs).await.unwrap_err();
    }
    assert!(is_open(&breaker));
}

/// Twice as many threads as own a cell, so that some share.
#[test]
fn no_success_of_any_thread_is_lost() {
    for pattern in [
        Breaker::failure_rate(1e-9).window_calls(1_000_000),
        Breaker::failure_rate(1e-9).window(SECOND * 3600).with_clock(Clock::manual()),
    ] {
        let log = Arc::new(EventLog::new(&Clock::manual()));
        let breaker = pattern.min_calls(1).with_events(Events::to(Arc::clone(&log)));
        std::thread::scope(|threads| {
            for _ in 0..32 {
                threads.spawn(|| (0..5_000).for_each(|_| succeed(&breaker)));
            }
        });
        fail(&breaker);
        assert_eq!(opened(&log), Some(OpenReason::FailureRate { failures: 1, calls: 160_001 }));
    }
}

/// The window in the plainest words: every call in a list.
#[derive(Debug)]
struct Model {
    window: Window,
    now: u64,
    calls: VecDeque<Ended>,
}

#[derive(Debug, Clone, Copy)]
struct Ended {
    at: u64,
    failed: bool,
    slow: bool,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Window {
    Calls(usize),
    /// So many milliseconds, a multiple of ten.
    Time(u64),
}

const MIN_CALLS: usize = 6;
const FAILURES: f64 = 0.5;
const SLOW: f64 = 0.7;
const OVER: u64 = 50;

impl Model {
    fn slide(&mut self) {
        match self.window {
            Window::Calls(size) => {
                while self.calls.len() > size {
                    self.calls.pop_front();
                }
            }
            Window::Time(length) => {
                let bucket = length / 10;
                let now = self.now / bucket;
                self.calls.retain(|call| call.at / bucket + 10 > now);
            }
        }
    }

    /// Why it opens, if it does.
    fn end(&mut self, failed: bool, slow: bool) -> Option<OpenReason> {
        self.calls.push_back(Ended { at: self.now, failed, slow });
        self.slide();
        if !failed && !slow {
            return None;
        }
        let count = |of: fn(&Ended) -> bool| self.calls.iter().filter(|call| of(call)).count();
        let (calls, failures, slow) = (self.calls.len(), count(|call| call.failed), count(|call| call.slow));
        let enough = calls >= MIN_CALLS.min(if let Window::Calls(size) = self.window { size } else { MIN_CALLS });
        let reaches = |count: usize, rate: f64| enough && count > 0 && count as f64 / calls as f64 >= rate;
        if reaches(failures, FAILURES) {
            return Some(OpenReason::FailureRate { failures: failures as u64, calls: calls as u64 });
        }
        reaches(slow, SLOW).then_some(OpenReason::SlowCalls { slow: slow as u64, calls: calls as u64 })
    }

    fn change(&mut self, to: Window) {
        self.slide();
        let same_kind = matches!((self.window, to), (Window::Calls(_), Window::Calls(_)));
        if self.window != to && !same_kind {
            let count = |of: fn(&Ended) -> bool| self.calls.iter().filter(|call| of(call)).count();
            let (failures, slow) = (count(|call| call.failed), count(|call| call.slow));
            let marks = failures.max(slow);
            let healthy = self.calls.len() - marks;
            let at = self.now;
            self.calls = (0..healthy).map(|_| Ended { at, failed: false, slow: false }).collect();
            let marked = |left| Ended { at, failed: left <= failures, slow: left <= slow };
            self.calls.extend((1..=marks).rev().map(marked));
        }
        self.window = to;
        self.slide();
    }
}

#[derive(Debug, Clone)]
enum Step {
    /// So many healthy calls of another thread.
    Successes(usize),
    End {
        failed: bool,
        slow: bool,
    },
    Neutral,
    Pass(u64),
    Change(Window),
    Close,
}

fn window() -> impl Strategy<Value = Window> {
    prop_oneof![
        prop::sample::select(vec![1, 3, 8, 20]).prop_map(Window::Calls),
        prop::sample::select(vec![100, 1000, 1500]).prop_map(Window::Time),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (0..12usize).prop_map(Step::Successes),
        8 => any::<bool>().prop_map(|slow| Step::End { failed: false, slow }),
        8 => any::<bool>().prop_map(|slow| Step::End { failed: true, slow }),
        1 => Just(Step::Neutral),
        6 => (0..400u64).prop_map(Step::Pass),
        1 => window().prop_map(Step::Change),
        1 => Just(Step::Close),
    ]
}

fn breaker_over(window: Window) -> Breaker {
    let over = Duration::from_millis(OVER);
    let breaker = Breaker::failure_rate(FAILURES).slow_calls(over, SLOW).min_calls(MIN_CALLS as u32);
    match window {
        Window::Calls(size) => breaker.window_calls(size as u32),
        Window::Time(length) => breaker.window(Duration::from_millis(length)),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]
    #[test]
    fn the_windows_behave_like_the_slow_model(first in window(), steps in prop::collection::vec(step(), 0..150)) {
        let clock = Clock::manual();
        let log = Arc::new(EventLog::new(&clock));
        let breaker = breaker_over(first).with_clock(clock.clone()).with_events(Events::to(Arc::clone(&log)));
        let mut model = Model { window: first, now: 0, calls: VecDeque::new() };
        let mut openings = 0;
        for step in steps {
            let mut expected = None;
            let pass = |model: &mut Model, by: u64| {
                clock.advance(Duration::from_millis(by));
                model.now += by;
            };
            match step {
                Step::Successes(count) => {
                    std::thread::scope(|threads| {
                        threads.spawn(|| (0..count).for_each(|_| succeed(&breaker)));
                    });
                    (0..count).for_each(|_| assert_eq!(model.end(false, false), None));
                }
                Step::End { failed, slow } => {
                    let permit = breaker.enter().unwrap();
                    pass(&mut model, if slow { OVER + 1 } else { 0 });
                    expected = model.end(failed, slow);
                    if failed { permit.failure(&Error::unavailable("shop")) } else { permit.success() }
                }
                Step::Neutral => drop(breaker.enter().unwrap()),
                Step::Pass(by) => pass(&mut model, by),
                Step::Change(window) => {
                    breaker.reconfigure(&breaker_over(window));
                    model.change(window);
                }
                Step::Close => {
                    breaker.force_close();
                    model.calls.clear();
                }
            }
            prop_assert_eq!(is_open(&breaker), expected.is_some());
            if expected.is_some() {
                openings += 1;
                prop_assert_eq!(opened(&log), expected);
                breaker.force_close();
                model.calls.clear();
            }
        }
        let told = log.events().iter().filter(|event| matches!(event, Event::BreakerOpened { .. })).count();
        prop_assert_eq!(told, openings);
    }
}
