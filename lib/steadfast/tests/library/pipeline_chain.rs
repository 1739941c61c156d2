//! The pipeline's outer places: a chain of targets and a cache, in their order with everything further in.

use std::{
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};
use steadfast::{
    Breaker, BreakerState, Breakers, Budget, Cache, Call, CancelReason, CancelToken, Clock, Degraded, Error, Failed,
    Fallback, Pipeline, Retry,
};

fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

fn call() -> Call {
    Call::new("fetch", &CancelToken::root("test"))
}

#[tokio::test(start_paused = true)]
async fn a_target_is_left_when_its_retries_are_used_up_and_the_story_counts_all() {
    let breakers = Breakers::new(Breaker::consecutive(2).named("shop"));
    let pipeline = Pipeline::named("shop")
        .retry(Retry::fixed(secs(1)).max_attempts(2))
        .fallback(Fallback::ordered(["near", "far"]))
        .breakers(breakers.clone());
    let mut asked = Vec::new();
    let outcome = pipeline
        .run(&call(), |target, attempt| {
            asked.push((*target, attempt.number));
            async move { if *target == "near" { Err(Error::unavailable("near")) } else { Ok(7) } }
        })
        .await
        .unwrap();
    assert_eq!(asked, [("near", 1), ("near", 2), ("far", 1)]);
    assert_eq!((outcome.value, outcome.attempts, outcome.served_by.as_deref()), (7, 3, Some("far")));
    assert_eq!((outcome.degraded, outcome.time.between_attempts), (Some(Degraded::Fallback), secs(1)));
    // Each target has its own breaker; the first one opened, so it is not asked any more.
    assert!(matches!(breakers.of(&"near").state(), BreakerState::Open { .. }));
    assert_eq!(breakers.of(&"far").state(), BreakerState::Closed);
    let outcome = pipeline.run(&call(), |target, _| async move { Ok(*target) }).await.unwrap();
    assert_eq!(outcome.value, "far");
}

#[tokio::test(start_paused = true)]
async fn the_first_choice_is_not_degraded() {
    let pipeline = Pipeline::named("shop").fallback(Fallback::ordered(["near", "far"]));
    let outcome = pipeline.run(&call(), |target, _| async move { Ok(*target) }).await.unwrap();
    assert_eq!((outcome.served_by.as_deref(), outcome.degraded, outcome.attempts), (Some("near"), None, 1));
}

#[tokio::test(start_paused = true)]
async fn the_deadline_is_for_all_targets_together() {
    let pipeline =
        Pipeline::named("shop").deadline(secs(5)).attempt_timeout(secs(3)).fallback(Fallback::ordered(["a", "b", "c"]));
    let start = Clock::real().now();
    let asked = AtomicU32::new(0);
    let failed = pipeline
        .run(&call(), |_, _| {
            asked.fetch_add(1, Ordering::Relaxed);
            std::future::pending::<Result<(), Error>>()
        })
        .await
        .unwrap_err();
    assert!(matches!(failed, Failed::TimedOut(_)), "{failed}");
    assert_eq!((Clock::real().now() - start, asked.into_inner()), (secs(5), 2));
}

#[tokio::test(start_paused = true)]
async fn a_chain_that_nobody_serves_tells_all_attempts() {
    let budget = Budget::default();
    let pipeline = Pipeline::named("shop")
        .fallback(Fallback::ordered(["a", "b"]))
        .retry(Retry::fixed(ms(1)).budget(budget.clone()));
    let failed = pipeline.run(&call(), |_, _| async { Err::<(), _>(Error::unavailable("shop")) }).await.unwrap_err();
    assert!(matches!(failed, Failed::Inner { attempts: 6, .. }), "{failed:?}");
    assert_eq!(budget.available(), 500 - 4 * 14);
}

#[tokio::test(start_paused = true)]
async fn a_stop_ends_the_chain() {
    let (pipeline, call) = (Pipeline::named("shop").fallback(Fallback::ordered(["a", "b"])), call());
    let asked = AtomicU32::new(0);
    let failed = pipeline
        .run(&call, |_, _| {
            asked.fetch_add(1, Ordering::Relaxed);
            call.token().cancel(CancelReason::UserStop);
            std::future::pending::<Result<(), Error>>()
        })
        .await
        .unwrap_err();
    assert!(matches!(failed, Failed::Cancelled(CancelReason::UserStop)));
    assert_eq!(asked.into_inner(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_kept_answer_asks_nobody_and_an_old_one_says_so() {
    let clock = Clock::manual();
    let call = call().with_clock(clock.clone());
    let pipeline = Pipeline::named("shop")
        .cache(Cache::of(9).fresh_for(secs(60)).stale_for(secs(600)))
        .retry(Retry::fixed(Duration::ZERO));
    let loaded = pipeline
        .run_keyed(&call, "apples", |attempt| async move {
            if attempt.number == 1 { Err(Error::unavailable("shop")) } else { Ok(42) }
        })
        .await
        .unwrap();
    assert_eq!((loaded.value, loaded.attempts, loaded.degraded), (42, 2, None));
    let never = |_| async { Err(Error::unavailable("shop")) };
    let kept = pipeline.run_keyed(&call, "apples", never).await.unwrap();
    assert_eq!((kept.value, kept.attempts, kept.degraded), (42, 0, None));
    clock.advance(secs(120));
    let old = pipeline.run_keyed(&call, "apples", never).await.unwrap();
    assert_eq!((old.value, old.degraded), (42, Some(Degraded::Stale)));
    clock.advance(secs(6_000));
    let failed = pipeline.run_keyed(&call, "apples", never).await.unwrap_err();
    assert!(matches!(failed, Failed::Inner { attempts: 3, .. }));
}

#[tokio::test(start_paused = true)]
async fn callers_who_want_the_same_share_one_run_through_the_chain_also_when_spawned() {
    let token = CancelToken::root("test");
    let pipeline = Pipeline::named("shop")
        .deadline(secs(60))
        .cache(Cache::of(9))
        .fallback(Fallback::ordered(["a", "b"]))
        .retry(Retry::fixed(ms(1)))
        .breakers(Breakers::new(Breaker::consecutive(5)))
        .attempt_timeout(secs(1));
    let call = Call::new("fetch", &token);
    let task = token.spawn("two callers", async move {
        let asked = &AtomicU32::new(0);
        let work = move |target: &&str, _| {
            let target = target.len();
            async move {
                asked.fetch_add(1, Ordering::Relaxed);
                Clock::real().sleep(ms(10)).await;
                Ok::<_, Error>(target)
            }
        };
        let (one, two) = tokio::join!(pipeline.run_keyed(&call, 7, work), pipeline.run_keyed(&call, 7, work));
        let (one, two) = (one.unwrap(), two.unwrap());
        assert_eq!((one.value, two.value, one.attempts + two.attempts), (1, 1, 1));
        assert_eq!(one.served_by.or(two.served_by).as_deref(), Some("a"));
        asked.load(Ordering::Relaxed)
    });
    assert_eq!(task.await.unwrap(), 1);
}
