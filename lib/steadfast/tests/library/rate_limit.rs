//! The rate limit: what passes, what a refusal promises, and how those who wait are served; against a slow model.

use proptest::prelude::*;
use std::{
    future::poll_fn,
    pin::{Pin, pin},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Waker},
    time::Duration,
};
use steadfast::{
    Blame, Call, CancelReason, CancelToken, Clock, Code, Deadline, Error, Events, RateLimit, testing::EventLog,
};

const SECOND: Duration = Duration::from_secs(1);

fn call() -> Call {
    Call::new("find", &CancelToken::root("test"))
}

fn manual(limit: &RateLimit) -> (RateLimit, Clock) {
    let clock = Clock::manual();
    (limit.with_clock(clock.clone()), clock)
}

#[test]
fn a_refusal_says_to_the_nanosecond_when_a_turn_is_free() {
    let (limit, clock) = manual(&RateLimit::per(3, SECOND).burst(2));
    assert!(limit.try_take(1).is_ok() && limit.try_take(1).is_ok());
    let refused = limit.try_take(1).unwrap_err();
    assert_eq!((refused.code(), refused.blame()), (Code::RATE_LIMITED, Blame::Quota));
    let wait = refused.retry_after().unwrap();
    assert_eq!(wait, Duration::from_nanos(333_333_334)); // rounded up, so that the rate is kept
    clock.advance(wait - Duration::from_nanos(1));
    assert_eq!(limit.try_take(1).unwrap_err().retry_after(), Some(Duration::from_nanos(1)));
    clock.advance(Duration::from_nanos(1));
    assert!(limit.try_take(1).is_ok());
    assert!(limit.try_take(1).is_err());
}

#[test]
fn a_pause_gives_back_the_burst_and_no_more() {
    let (limit, clock) = manual(&RateLimit::per_second(10).burst(4));
    clock.advance(SECOND * 3600);
    assert_eq!(limit.available(), 4);
    assert_eq!((0..10).filter(|_| limit.try_take(1).is_ok()).count(), 4);
    clock.advance(SECOND / 5);
    assert_eq!(limit.available(), 2);
}

#[tokio::test(start_paused = true)]
async fn who_waits_gets_turns_in_the_order_of_arrival_evenly_and_wakes_once() {
    let limit = RateLimit::per_second(10).burst(1).max_wait(SECOND * 60);
    let clock = Clock::real();
    let start = clock.now();
    let polls = Arc::new(AtomicUsize::new(0));
    let root = CancelToken::root("test");
    let callers: Vec<_> = (0..50_u32)
        .map(|place| {
            let (limit, clock, polls, call) =
                (limit.clone(), clock.clone(), Arc::clone(&polls), Call::new("find", &root));
            root.spawn("caller", async move {
                let run = limit.run(&call, async { Ok(clock.now() - start) });
                let mut run = pin!(run);
                let began = poll_fn(|context| {
                    polls.fetch_add(1, Ordering::SeqCst);
                    run.as_mut().poll(context)
                })
                .await
                .unwrap();
                (place, began)
            })
        })
        .collect();
    for caller in callers {
        let (place, began) = caller.await.unwrap();
        assert_eq!(began, Duration::from_millis(100) * place);
    }
    // Once to ask and once to begin; the first one began at once.
    assert_eq!(polls.load(Ordering::SeqCst), 99);
}

#[tokio::test(start_paused = true)]
async fn a_turn_that_would_come_too_late_is_refused_at_once_and_not_taken() {
    let log = Arc::new(EventLog::new(&Clock::real()));
    let limit = RateLimit::per_second(1).max_wait(SECOND * 10).named("search");
    limit.try_take(1).unwrap();
    let hurried =
        call().with_deadline(Deadline::after(&Clock::real(), SECOND / 2)).with_events(Events::to(Arc::clone(&log)));
    let refused = limit.run(&hurried, async { Ok(()) }).await.unwrap_err();
    assert_eq!((refused.code(), refused.retry_after()), (Code::RATE_LIMITED, Some(SECOND)));
    insta::assert_snapshot!(log, @"0 ms  find: refused by the rate_limit of search, again in 1s");
    // Nothing was taken: the next caller has the turn after one second, not after two.
    let clock = Clock::real();
    let start = clock.now();
    limit.run(&call(), async { Ok(()) }).await.unwrap();
    assert_eq!(clock.now() - start, SECOND);

    let impatient = limit.max_wait(SECOND / 2);
    impatient.try_take(1).unwrap();
    assert_eq!(impatient.run(&call(), async { Ok(()) }).await.unwrap_err().code(), Code::RATE_LIMITED);
}

#[tokio::test(start_paused = true)]
async fn the_last_in_line_gives_its_turn_back_when_it_goes_away() {
    let limit = RateLimit::per_second(1).max_wait(SECOND * 10);
    limit.try_take(1).unwrap();
    let call = call();
    let mut context = Context::from_waker(Waker::noop());
    let mut line: Vec<Pin<Box<_>>> = (0..3).map(|_| Box::pin(limit.take(&call, 1))).collect();
    line.iter_mut().for_each(|waiting| assert!(waiting.as_mut().poll(&mut context).is_pending()));
    assert_eq!(limit.try_take(1).unwrap_err().retry_after(), Some(SECOND * 4));
    line.pop();
    assert_eq!(limit.try_take(1).unwrap_err().retry_after(), Some(SECOND * 3));
    // The first one's turn is lost, because the second was promised its own.
    drop(line.remove(0));
    assert_eq!(limit.try_take(1).unwrap_err().retry_after(), Some(SECOND * 3));
    // A turn that was used is not given back.
    drop(line);
    assert_eq!(limit.try_take(1).unwrap_err().retry_after(), Some(SECOND * 2));
}

#[tokio::test(start_paused = true)]
async fn a_turn_that_was_used_stays_used() {
    let limit = RateLimit::per_second(1).max_wait(SECOND * 10);
    limit.try_take(1).unwrap();
    limit.run(&call(), async { Ok(()) }).await.unwrap();
    assert_eq!(limit.try_take(1).unwrap_err().retry_after(), Some(SECOND));
}

#[tokio::test(start_paused = true)]
async fn a_cancelled_call_stops_waiting_with_its_reason() {
    let limit = RateLimit::per_second(1).max_wait(SECOND * 10);
    limit.try_take(1).unwrap();
    let call = call();
    let (result, ()) = tokio::join!(limit.run(&call, async { Ok(()) }), async {
        call.clock().sleep(SECOND / 4).await;
        call.token().cancel(CancelReason::UserStop);
    });
    assert_eq!(result.unwrap_err().cancel_reason(), Some(CancelReason::UserStop));
    let error = limit.run(&call, async { Ok(()) }).await.unwrap_err();
    assert_eq!(error.cancel_reason(), Some(CancelReason::UserStop));
    assert_eq!(limit.try_take(1).unwrap_err().retry_after(), Some(SECOND * 3 / 4));
}

#[test]
fn nothing_is_taken_before_the_first_poll() {
    let (limit, _) = manual(&RateLimit::per_second(1));
    let call = call();
    drop(limit.run(&call, async { Ok::<(), Error>(()) }));
    assert_eq!(limit.available(), 1);
}

#[test]
fn nonsense_numbers_become_the_nearest_sense() {
    let (no_time, _) = manual(&RateLimit::per(0, Duration::ZERO).burst(0));
    assert!(no_time.try_take(1).is_ok());
    assert_eq!(no_time.try_take(1).unwrap_err().retry_after(), Some(Duration::from_nanos(1)));
    let (never, _) = manual(&RateLimit::per(u32::MAX, Duration::MAX).burst(u32::MAX));
    assert!(never.try_take(u32::MAX).is_ok());
    assert!(never.try_take(1).is_err());
    let (once, clock) = manual(&RateLimit::per(1, Duration::MAX));
    assert!(once.try_take(7).is_ok());
    clock.advance(SECOND * 86_400 * 365);
    assert!(once.try_take(0).is_ok());
    assert!(once.try_take(1).is_err());
}

#[test]
fn a_cost_above_the_burst_waits_for_a_full_bucket() {
    let (limit, clock) = manual(&RateLimit::per_second(10));
    limit.try_take(1).unwrap();
    assert_eq!(limit.try_take(1000).unwrap_err().retry_after(), Some(SECOND / 10));
    clock.advance(SECOND / 10);
    limit.try_take(1000).unwrap();
    assert_eq!(limit.available(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_threads_get_as_many_turns_as_there_are() {
    let (limit, clock) = manual(&RateLimit::per_second(1000).burst(500));
    let passed = Arc::new(AtomicUsize::new(0));
    let root = CancelToken::root("test");
    for round in 0..3_u32 {
        let tasks: Vec<_> = (0..8)
            .map(|_| {
                let (limit, passed) = (limit.clone(), Arc::clone(&passed));
                root.spawn("caller", async move {
                    passed.fetch_add((0..1000).filter(|_| limit.try_take(1).is_ok()).count(), Ordering::SeqCst);
                })
            })
            .collect();
        for task in tasks {
            task.await.unwrap();
        }
        assert_eq!(passed.load(Ordering::SeqCst), 500 + round as usize * 100);
        clock.advance(SECOND / 10);
    }
}

#[derive(Debug, Clone)]
enum Step {
    Take(u32),
    Pass(u64),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => (1_u32..4).prop_map(Step::Take),
        1 => Just(Step::Pass(1)),
        2 => (0_u64..3_000_000_000).prop_map(Step::Pass),
    ]
}

proptest! {
    /// The model is the bucket itself: it fills by one nanosecond per nanosecond, and a call drinks an interval.
    #[test]
    fn it_behaves_like_a_bucket_that_fills_with_time(
        calls in 1_u32..9,
        burst in 1_u32..9,
        steps in prop::collection::vec(step(), 0..60),
    ) {
        let (limit, clock) = manual(&RateLimit::per(calls, SECOND).burst(burst));
        let interval = 1_000_000_000_u64.div_ceil(u64::from(calls));
        let full = interval * u64::from(burst);
        let (mut bucket, mut now, mut taken) = (full, 0_u64, Vec::new());
        for step in steps {
            match step {
                Step::Pass(nanos) => {
                    clock.advance(Duration::from_nanos(nanos));
                    now += nanos;
                    bucket = (bucket + nanos).min(full);
                }
                Step::Take(cost) => {
                    let drink = interval * u64::from(cost.min(burst));
                    let result = limit.try_take(cost);
                    if bucket >= drink {
                        prop_assert!(result.is_ok());
                        bucket -= drink;
                        taken.push((now, cost.min(burst)));
                    } else {
                        let wait = result.unwrap_err().retry_after();
                        prop_assert_eq!(wait, Some(Duration::from_nanos(drink - bucket)));
                    }
                }
            }
            prop_assert_eq!(u64::from(limit.available()), bucket / interval);
        }
        // In every stretch of time: at most the burst and what the rate allows.
        for (first, (from, _)) in taken.iter().enumerate() {
            let mut sum = 0;
            for (until, cost) in &taken[first..] {
                sum += u64::from(*cost);
                prop_assert!(sum * interval <= full + (until - from), "{sum} in {} ns", until - from);
            }
        }
    }
}
