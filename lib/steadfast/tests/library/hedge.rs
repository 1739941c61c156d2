//! Hedging: when a copy starts, who wins, what the loser is told, and that the copies stay within their budget.

#![expect(clippy::unwrap_used, reason = "the helpers are part of the tests")]

use std::{
    future::pending,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};
use steadfast::{
    Attempt, Breaker, BreakerState, Budget, Call, CancelReason, CancelToken, Clock, Code, Deadline, Error, Events,
    Hedge, testing::EventLog,
};

fn call() -> Call {
    Call::new("look up", &CancelToken::root("test"))
}

fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// Remembers the token of every copy.
#[derive(Default)]
struct Copies(Mutex<Vec<CancelToken>>);

impl Copies {
    fn started(&self, call: &Call) {
        self.0.lock().unwrap().push(call.token().clone());
    }

    fn reasons(&self) -> Vec<Option<CancelReason>> {
        self.0.lock().unwrap().iter().map(CancelToken::reason).collect()
    }
}

/// The copy answers with its number after the given time.
async fn answer(copies: &Copies, times: &[u64], attempt: Attempt, call: Call) -> Result<u32, Error> {
    copies.started(&call);
    call.clock().sleep(millis(times[attempt.number as usize - 1])).await;
    Ok(attempt.number)
}

#[tokio::test(start_paused = true)]
async fn a_quick_answer_starts_no_copy() {
    let (hedge, call, copies) = (Hedge::after(millis(100)), call(), Copies::default());
    let winner = hedge.run(&call, |attempt, call| answer(&copies, &[99], attempt, call)).await;
    assert_eq!(winner.unwrap(), 1);
    assert_eq!(copies.reasons(), [None]);
}

#[tokio::test(start_paused = true)]
async fn a_late_answer_starts_a_copy_and_the_loser_is_told_why() {
    let log = Arc::new(EventLog::new(&Clock::real()));
    let call = call().with_events(Events::to(Arc::clone(&log)));
    let (hedge, copies) = (Hedge::after(millis(100)), Copies::default());
    let winner = hedge.run(&call, |attempt, call| answer(&copies, &[500, 50], attempt, call)).await;
    assert_eq!(winner.unwrap(), 2);
    assert_eq!(copies.reasons(), [Some(CancelReason::HedgeLost), None]);

    let copies = Copies::default();
    let winner = hedge.run(&call, |attempt, call| answer(&copies, &[120, 50], attempt, call)).await;
    assert_eq!(winner.unwrap(), 1);
    assert_eq!(copies.reasons(), [None, Some(CancelReason::HedgeLost)]);
    insta::assert_snapshot!(log, @r"
    100 ms  look up: copy 2 started after 100ms
    150 ms  look up: copy 2 was faster
    250 ms  look up: copy 2 started after 100ms
    ");
}

#[tokio::test(start_paused = true)]
async fn the_loser_is_dropped_at_once_and_knows_its_reason_by_then() {
    struct Witness(CancelToken, Arc<Mutex<Vec<Option<CancelReason>>>>);
    impl Drop for Witness {
        fn drop(&mut self) {
            self.1.lock().unwrap().push(self.0.reason());
        }
    }
    for (times, expected) in
        [([500, 50], [None, Some(CancelReason::HedgeLost)]), ([120, 50], [None, Some(CancelReason::HedgeLost)])]
    {
        let (hedge, call, seen) = (Hedge::after(millis(100)), call(), Arc::default());
        hedge
            .run(&call, |attempt, call| {
                let witness = Witness(call.token().clone(), Arc::clone(&seen));
                async move {
                    let _witness = witness;
                    call.clock().sleep(millis(times[attempt.number as usize - 1])).await;
                    Ok(())
                }
            })
            .await
            .unwrap();
        // The winner went first, by itself.
        assert_eq!(*seen.lock().unwrap(), expected);
    }
}

#[tokio::test(start_paused = true)]
async fn a_breaker_does_not_hold_a_lost_race_against_the_target() {
    let breaker = Breaker::consecutive(1).named("replica");
    let (hedge, call) = (Hedge::after(millis(100)), call());
    let winner = hedge
        .run(&call, |attempt, call| {
            let breaker = &breaker;
            async move {
                let slow = async {
                    call.clock().sleep(millis(if attempt.number == 1 { 10_000 } else { 10 })).await;
                    Ok(attempt.number)
                };
                breaker.run(&call, slow).await
            }
        })
        .await;
    assert_eq!(winner.unwrap(), 2);
    assert_eq!(breaker.state(), BreakerState::Closed);
}

#[tokio::test(start_paused = true)]
async fn copies_stay_within_their_share_of_the_calls() {
    let (hedge, call) = (Hedge::after(millis(100)), call());
    let started = AtomicU32::new(0);
    for _ in 0..1000 {
        hedge
            .run(&call, |attempt, call| {
                started.fetch_add(1, Ordering::SeqCst);
                async move {
                    call.clock().sleep(millis(if attempt.number == 1 { 300 } else { 10 })).await;
                    Ok(())
                }
            })
            .await
            .unwrap();
    }
    let hedges = started.load(Ordering::SeqCst) - 1000;
    // Ten in hand, and one for every twenty calls.
    assert!((55..=60).contains(&hedges), "{hedges} of 1000");
}

#[tokio::test(start_paused = true)]
async fn without_a_budget_there_are_no_copies() {
    let budget = Budget::ratio(0.0);
    assert!(budget.try_spend(9)); // one is left
    let (hedge, call, copies) = (Hedge::after(millis(100)).budget(budget), call(), Copies::default());
    for expected in [2, 1] {
        let winner = hedge.run(&call, |attempt, call| answer(&copies, &[500, 50], attempt, call)).await;
        assert_eq!(winner.unwrap(), expected);
    }
}

#[tokio::test(start_paused = true)]
async fn a_failure_waits_for_the_other_copy_and_starts_none() {
    let (hedge, call, copies) = (Hedge::after(millis(100)), call(), Copies::default());
    let clock = Clock::real();
    let start = clock.now();
    let run = |first: u64, second: u64, second_fails: bool| {
        let copies = &copies;
        hedge.run(&call, move |attempt, call| async move {
            copies.started(&call);
            let (wait, fails) = if attempt.number == 1 { (first, true) } else { (second, second_fails) };
            call.clock().sleep(millis(wait)).await;
            if fails { Err(Error::unavailable(&format!("copy {}", attempt.number))) } else { Ok(attempt.number) }
        })
    };
    // Before the delay: the failure is the answer, a retry is somebody else's decision.
    assert!(run(50, 0, false).await.is_err());
    assert_eq!((copies.reasons().len(), clock.now() - start), (1, millis(50)));
    // After it: the other copy may still succeed.
    assert_eq!(run(150, 200, false).await.unwrap(), 2);
    // Both fail: the last one is the answer.
    let error = run(150, 200, true).await.unwrap_err();
    assert!(error.message().contains("copy 2"), "{error}");
    let error = run(400, 200, true).await.unwrap_err();
    assert!(error.message().contains("copy 1"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn an_error_that_helps_nobody_ends_the_race() {
    let (hedge, call, copies) = (Hedge::after(millis(100)), call(), Copies::default());
    let start = call.clock().now();
    let error = hedge
        .run(&call, |attempt, call| {
            copies.started(&call);
            async move {
                call.clock().sleep(millis(if attempt.number == 1 { 9_000 } else { 10 })).await;
                Err::<(), _>(Error::validation("No."))
            }
        })
        .await
        .unwrap_err();
    assert_eq!((error.code(), call.clock().now() - start), (Code::VALIDATION, millis(110)));
    assert_eq!(copies.reasons(), [Some(CancelReason::HedgeLost), None]);
}

#[tokio::test(start_paused = true)]
async fn every_further_copy_waits_for_the_delay_again_and_there_are_only_so_many() {
    let log = Arc::new(EventLog::new(&Clock::real()));
    let call = call().with_events(Events::to(Arc::clone(&log)));
    let (hedge, copies) = (Hedge::after(millis(100)).max_copies(3), Copies::default());
    let winner = hedge.run(&call, |attempt, call| answer(&copies, &[900, 900, 600], attempt, call)).await;
    assert_eq!(winner.unwrap(), 3);
    assert_eq!(copies.reasons(), [Some(CancelReason::HedgeLost), Some(CancelReason::HedgeLost), None]);
    insta::assert_snapshot!(log, @r"
    100 ms  look up: copy 2 started after 100ms
    200 ms  look up: copy 3 started after 100ms
    800 ms  look up: copy 3 was faster
    ");
    let alone = Hedge::after(millis(100)).max_copies(0);
    let copies = Copies::default();
    assert_eq!(alone.run(&call, |attempt, call| answer(&copies, &[900], attempt, call)).await.unwrap(), 1);
}

#[tokio::test(start_paused = true)]
async fn the_calls_token_and_deadline_end_every_copy() {
    let (hedge, call, copies) = (Hedge::after(millis(100)), call(), Copies::default());
    let (result, ()) = tokio::join!(
        hedge.run(&call, |_, call| {
            copies.started(&call);
            pending::<Result<(), Error>>()
        }),
        async {
            call.clock().sleep(millis(300)).await;
            call.token().cancel(CancelReason::ClientGone);
        }
    );
    assert_eq!(result.unwrap_err().cancel_reason(), Some(CancelReason::ClientGone));
    assert_eq!(copies.reasons(), [Some(CancelReason::ClientGone); 2]);

    let call = self::call().with_deadline(Deadline::after(&Clock::real(), millis(50)));
    let started = AtomicU32::new(0);
    let error = hedge
        .run(&call, |_, _| {
            started.fetch_add(1, Ordering::SeqCst);
            pending::<Result<(), Error>>()
        })
        .await
        .unwrap_err();
    assert_eq!((error.code(), started.load(Ordering::SeqCst)), (Code::TIMEOUT, 1));
}

#[tokio::test(start_paused = true)]
async fn a_measured_delay_follows_the_calls_themselves() {
    let (hedge, call) = (Hedge::at_quantile(0.95).min_delay(millis(50)), call());
    let started = AtomicU32::new(0);
    let run = |first: u64| {
        let started = &started;
        hedge.run(&call, move |attempt, call| {
            started.fetch_add(1, Ordering::SeqCst);
            async move {
                call.clock().sleep(millis(if attempt.number == 1 { first } else { 1 })).await;
                Ok(())
            }
        })
    };
    for number in 0..32 {
        assert_eq!(hedge.delay(), None);
        run(if number == 0 { 60_000 } else { 100 }).await.unwrap(); // one slow call, too few to hedge
    }
    assert_eq!(started.load(Ordering::SeqCst), 32);
    let delay = hedge.delay().unwrap();
    assert!(delay > millis(100) && delay <= millis(113), "{delay:?}");
    let start = call.clock().now();
    run(60_000).await.unwrap();
    assert!(call.clock().now() - start < millis(120));
    assert_eq!(started.load(Ordering::SeqCst), 34);
    for _ in 0..2000 {
        run(2).await.unwrap();
    }
    assert_eq!(hedge.delay(), Some(millis(50)));
    assert_eq!(started.load(Ordering::SeqCst), 2034);
}

#[tokio::test(start_paused = true)]
async fn dropping_the_run_drops_every_copy() {
    struct Here<'a>(&'a AtomicU32);
    impl Drop for Here<'_> {
        fn drop(&mut self) {
            self.0.fetch_sub(1, Ordering::SeqCst);
        }
    }
    let (hedge, call, here) = (Hedge::after(millis(100)), call(), AtomicU32::new(0));
    let run = hedge.run(&call, |_, _| {
        here.fetch_add(1, Ordering::SeqCst);
        let guard = Here(&here);
        async move {
            let _guard = guard;
            pending::<Result<(), Error>>().await
        }
    });
    assert_eq!(here.load(Ordering::SeqCst), 0);
    assert!(
        tokio::time::timeout(millis(300), async {
            let mut run = std::pin::pin!(run);
            tokio::select! {
                _ = &mut run => unreachable!("it hangs"),
                () = tokio::time::sleep(millis(200)) => assert_eq!(here.load(Ordering::SeqCst), 2),
            }
            run.await
        })
        .await
        .is_err()
    );
    assert_eq!(here.load(Ordering::SeqCst), 0);
}
