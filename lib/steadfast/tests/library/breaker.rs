//! The breaker: what counts, when it opens, how it finds its way back; and against a slow reference model.

use proptest::prelude::*;
use std::{sync::Arc, time::Duration};
use steadfast::{
    Breaker, BreakerState, Call, CancelReason, CancelToken, Clock, Code, Deadline, Error, Event, Events, Permit,
    Timeout, testing::EventLog,
};

const PAUSE: Duration = Duration::from_secs(30);

fn call() -> Call {
    Call::new("buy", &CancelToken::root("test"))
}

fn manual(failures: u32) -> (Breaker, Clock) {
    let clock = Clock::manual();
    (Breaker::consecutive(failures).open_for(PAUSE).named("shop").with_clock(clock.clone()), clock)
}

fn fail(breaker: &Breaker) {
    let entered = breaker.enter().map(|permit| permit.failure(&Error::unavailable("shop")));
    assert!(entered.is_ok(), "{entered:?}");
}

fn is_open(breaker: &Breaker) -> bool {
    matches!(breaker.state(), BreakerState::Open { .. })
}

#[tokio::test(start_paused = true)]
async fn a_failing_target_is_left_alone_and_found_again() {
    let log = Arc::new(EventLog::new(&Clock::real()));
    let breaker = Breaker::consecutive(2).open_for(PAUSE).named("shop");
    let call = call().with_events(Events::to(Arc::clone(&log)));
    for _ in 0..2 {
        breaker.run(&call, async { Err::<(), _>(Error::unavailable("shop")) }).await.unwrap_err();
    }
    let refused = breaker.run(&call, async { Ok(()) }).await.unwrap_err();
    assert_eq!((refused.code(), refused.retry_after()), (Code::CIRCUIT_OPEN, Some(PAUSE)));
    call.clock().sleep(PAUSE).await;
    breaker.run(&call, async { Err::<(), _>(Error::connection_lost("shop")) }).await.unwrap_err();
    call.clock().sleep(PAUSE).await;
    breaker.run(&call, async { Ok(()) }).await.unwrap();
    insta::assert_snapshot!(log, @r"
    0 ms  breaker shop: opened for 30s: 2 failures in a row
    30000 ms  breaker shop: half open
    30000 ms  breaker shop: opened for 30s: a probe failed
    60000 ms  breaker shop: half open
    60000 ms  breaker shop: closed
    ");
}

#[test]
fn the_refusal_says_how_many_seconds_are_left() {
    let (breaker, clock) = manual(1);
    fail(&breaker);
    clock.advance(Duration::from_secs(12));
    assert_eq!(breaker.enter().unwrap_err().retry_after(), Some(Duration::from_secs(18)));
    assert_eq!(breaker.state(), BreakerState::Open { retry_after: Duration::from_secs(18) });
}

#[test]
fn a_success_in_between_starts_the_count_again() {
    let (breaker, _) = manual(2);
    fail(&breaker);
    breaker.enter().unwrap().success();
    fail(&breaker);
    assert_eq!(breaker.state(), BreakerState::Closed);
}

#[test]
fn only_the_targets_own_failures_count() {
    let (breaker, _) = manual(1);
    for error in [Error::validation("No."), Error::rate_limited("shop", None), Error::internal("ours")] {
        breaker.enter().unwrap().failure(&error);
        assert_eq!(breaker.state(), BreakerState::Closed, "{error}");
    }
    fail(&breaker);
    assert!(is_open(&breaker));
}

#[test]
fn a_cancelled_call_is_judged_by_its_reason() {
    for reason in CancelReason::ALL {
        let (breaker, _) = manual(1);
        breaker.enter().unwrap().failure(&Error::cancelled(reason));
        let by_time = matches!(reason, CancelReason::Deadline | CancelReason::AttemptTimeout);
        assert_eq!(is_open(&breaker), by_time, "{reason}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_call_that_hangs_until_the_deadline_is_a_failure() {
    let (breaker, _) = manual(1);
    let call = call().with_deadline(Deadline::after(&Clock::real(), Duration::from_secs(1)));
    breaker.run(&call, std::future::pending::<Result<(), Error>>()).await.unwrap_err();
    assert!(is_open(&breaker));
}

#[tokio::test(start_paused = true)]
async fn a_call_that_is_dropped_is_judged_by_its_token() {
    for (reason, open) in
        [(None, false), (Some(CancelReason::UserStop), false), (Some(CancelReason::AttemptTimeout), true)]
    {
        let (breaker, _) = manual(1);
        let call = call();
        {
            let run = breaker.run(&call, std::future::pending::<Result<(), Error>>());
            tokio::pin!(run);
            tokio::select! { biased; _ = &mut run => panic!("it hangs"), () = tokio::task::yield_now() => {} }
            if let Some(reason) = reason {
                call.token().cancel(reason);
            }
        }
        assert_eq!(is_open(&breaker), open, "{reason:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_time_out_inside_the_breaker_is_a_failure() {
    let (breaker, _) = manual(1);
    let call = call();
    let hangs = std::future::pending::<Result<(), Error>>();
    breaker.run(&call, Timeout::after(Duration::from_secs(1)).run(&call, hangs)).await.unwrap_err();
    assert!(is_open(&breaker));
}

#[tokio::test]
async fn a_panic_is_a_failure() {
    let (breaker, _) = manual(1);
    let (inside, call) = (breaker.clone(), call());
    let token = call.token().clone();
    let task = token.spawn("clumsy", async move {
        inside.run(&call, async { if inside.target() == "shop" { panic!("slipped") } else { Ok(()) } }).await
    });
    assert_eq!(task.await.unwrap_err().code(), Code::INTERNAL);
    assert!(is_open(&breaker));
}

#[test]
fn half_open_lets_only_so_many_through_and_a_dropped_probe_gives_its_place_back() {
    let clock = Clock::manual();
    let breaker = Breaker::consecutive(1).half_open_probes(2).with_clock(clock.clone());
    fail(&breaker);
    clock.advance(PAUSE);
    let (first, second) = (breaker.enter().unwrap(), breaker.enter().unwrap());
    assert!(breaker.enter().unwrap_err().retry_after() > Some(Duration::ZERO));
    drop(first);
    let third = breaker.enter().unwrap();
    assert!(breaker.enter().is_err());
    second.success();
    assert_eq!(breaker.state(), BreakerState::HalfOpen);
    third.success();
    assert_eq!(breaker.state(), BreakerState::Closed);
}

#[test]
fn probes_that_hang_do_not_lock_everybody_out_for_ever() {
    let (breaker, clock) = manual(1);
    fail(&breaker);
    clock.advance(PAUSE);
    let hangs = breaker.enter().unwrap();
    assert!(breaker.enter().is_err());
    clock.advance(PAUSE);
    let next = breaker.enter().unwrap();
    // The late end of the first one is not judged any more.
    hangs.failure(&Error::unavailable("shop"));
    assert_eq!(breaker.state(), BreakerState::HalfOpen);
    next.success();
    assert_eq!(breaker.state(), BreakerState::Closed);
}

#[test]
fn a_call_from_before_the_opening_is_not_judged_after_it() {
    let (breaker, clock) = manual(1);
    let (slow_success, slow_failure) = (breaker.enter().unwrap(), breaker.enter().unwrap());
    fail(&breaker);
    slow_success.success();
    assert!(is_open(&breaker));
    clock.advance(PAUSE);
    breaker.enter().unwrap().success();
    slow_failure.failure(&Error::unavailable("shop"));
    assert_eq!(breaker.state(), BreakerState::Closed);
}

#[test]
fn force_open_refuses_until_force_close() {
    let (breaker, clock) = manual(1);
    breaker.force_open();
    clock.advance(PAUSE * 100);
    assert!(is_open(&breaker) && breaker.enter().is_err());
    breaker.force_close();
    breaker.enter().unwrap().success();
    assert_eq!(breaker.state(), BreakerState::Closed);
}

#[test]
fn fifty_callers_of_a_dead_target_reach_it_only_as_often_as_allowed() {
    let (breaker, clock) = manual(3);
    let mut reached = 0;
    for _ in 0..50 {
        if let Ok(permit) = breaker.enter() {
            reached += 1;
            permit.failure(&Error::unavailable("shop"));
        }
        clock.advance(Duration::from_secs(1));
    }
    // Three until it opens, and one probe after 30 s.
    assert_eq!(reached, 4);
}

#[test]
fn threads_that_fail_at_once_open_it_exactly_once() {
    let log = Arc::new(EventLog::new(&Clock::manual()));
    let breaker = Breaker::consecutive(4).with_events(Events::to(Arc::clone(&log)));
    std::thread::scope(|threads| {
        for _ in 0..4 {
            threads.spawn(|| {
                for _ in 0..100 {
                    if let Ok(permit) = breaker.enter() {
                        permit.failure(&Error::unavailable("shop"));
                    }
                }
            });
        }
    });
    let opened = log.events().into_iter().filter(|event| matches!(event, Event::BreakerOpened { .. })).count();
    assert_eq!(opened, 1);
}

/// The rules in the plainest words, without an atomic and without sharing.
#[derive(Debug)]
struct Model {
    now: u64,
    moves: u32,
    state: ModelState,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum ModelState {
    Closed { failures: u32 },
    Open { until: u64 },
    Forced,
    HalfOpen { under_way: u32, succeeded: u32, last: u64 },
}

const FAILURES: u32 = 3;
const PROBES: u32 = 2;

impl Model {
    fn go(&mut self, state: ModelState) {
        self.moves += 1;
        self.state = state;
    }

    fn enter(&mut self) -> Option<u32> {
        let pause = PAUSE.as_secs();
        match self.state {
            ModelState::Closed { .. } => {}
            ModelState::Open { until } if self.now >= until => {
                self.go(ModelState::HalfOpen { under_way: 1, succeeded: 0, last: self.now });
            }
            ModelState::Open { .. } | ModelState::Forced => return None,
            ModelState::HalfOpen { under_way, succeeded, .. } if under_way + succeeded < PROBES => {
                self.state = ModelState::HalfOpen { under_way: under_way + 1, succeeded, last: self.now };
            }
            ModelState::HalfOpen { last, .. } if self.now >= last + pause => {
                self.go(ModelState::HalfOpen { under_way: 1, succeeded: 0, last: self.now });
            }
            ModelState::HalfOpen { .. } => return None,
        }
        Some(self.moves)
    }

    fn end(&mut self, moves: u32, end: End) {
        if moves != self.moves {
            return;
        }
        let open = ModelState::Open { until: self.now + PAUSE.as_secs() };
        match (self.state, end) {
            (ModelState::Closed { .. }, End::Success) => self.state = ModelState::Closed { failures: 0 },
            (ModelState::Closed { failures }, End::Failure) if failures + 1 == FAILURES => self.go(open),
            (ModelState::Closed { failures }, End::Failure) => {
                self.state = ModelState::Closed { failures: failures + 1 }
            }
            (ModelState::HalfOpen { .. }, End::Failure) => self.go(open),
            (ModelState::HalfOpen { succeeded, .. }, End::Success) if succeeded + 1 == PROBES => {
                self.go(ModelState::Closed { failures: 0 });
            }
            (ModelState::HalfOpen { under_way, succeeded, last }, end) => {
                let succeeded = succeeded + u32::from(end == End::Success);
                self.state = ModelState::HalfOpen { under_way: under_way - 1, succeeded, last };
            }
            (ModelState::Closed { .. }, End::Neutral) | (ModelState::Open { .. } | ModelState::Forced, _) => {}
        }
    }

    fn shown(&self) -> BreakerState {
        match self.state {
            ModelState::Closed { .. } => BreakerState::Closed,
            ModelState::Forced => BreakerState::Open { retry_after: PAUSE },
            ModelState::Open { until } if until > self.now => {
                BreakerState::Open { retry_after: Duration::from_secs(until - self.now) }
            }
            ModelState::Open { .. } | ModelState::HalfOpen { .. } => BreakerState::HalfOpen,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum End {
    Success,
    Failure,
    Neutral,
}

#[derive(Debug, Clone)]
enum Step {
    Enter,
    End(usize, End),
    Pass(u64),
    ForceOpen,
    ForceClose,
}

fn step() -> impl Strategy<Value = Step> {
    let end = prop::sample::select(vec![End::Success, End::Failure, End::Failure, End::Neutral]);
    prop_oneof![
        20 => Just(Step::Enter),
        20 => (any::<usize>(), end).prop_map(|(permit, end)| Step::End(permit, end)),
        8 => (1..40u64).prop_map(Step::Pass),
        1 => Just(Step::ForceOpen),
        1 => Just(Step::ForceClose),
    ]
}

proptest! {
    #[test]
    fn the_breaker_behaves_like_the_slow_model(steps in prop::collection::vec(step(), 0..120)) {
        let (breaker, clock) = manual(FAILURES);
        let breaker = breaker.half_open_probes(PROBES);
        let mut model = Model { now: 0, moves: 0, state: ModelState::Closed { failures: 0 } };
        let mut under_way: Vec<(Permit, u32)> = Vec::new();
        for step in steps {
            match step {
                Step::Enter => match (breaker.enter(), model.enter()) {
                    (Ok(permit), Some(moves)) => under_way.push((permit, moves)),
                    (Err(error), None) => prop_assert!(error.retry_after() > Some(Duration::ZERO)),
                    (real, model) => prop_assert!(false, "{real:?} but the model says {model:?}"),
                },
                Step::End(index, end) if !under_way.is_empty() => {
                    let (permit, moves) = under_way.swap_remove(index % under_way.len());
                    model.end(moves, end);
                    match end {
                        End::Success => permit.success(),
                        End::Failure => permit.failure(&Error::unavailable("shop")),
                        End::Neutral => drop(permit),
                    }
                }
                Step::End(..) => {}
                Step::Pass(secs) => {
                    clock.advance(Duration::from_secs(secs));
                    model.now += secs;
                }
                Step::ForceOpen => {
                    breaker.force_open();
                    if model.state != ModelState::Forced {
                        model.go(ModelState::Forced);
                    }
                }
                Step::ForceClose => {
                    breaker.force_close();
                    model.go(ModelState::Closed { failures: 0 });
                }
            }
            prop_assert_eq!(breaker.state(), model.shown());
        }
    }
}
