//! The pipeline: each place does its part, in the one order, for any error type, also inside spawned tasks.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};
use steadfast::{
    Breaker, BreakerState, Budget, Call, CancelReason, CancelToken, Classify, Clock, Code, Deadline, Error, Events,
    Failed, GivenBack, Pipeline, RejectedBy, Retry, Timeout, testing::EventLog,
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

/// A policy's word, to be compared: an `Error` cannot be.
#[expect(clippy::panic, reason = "called by tests only")]
fn stop<E: std::fmt::Display>(failed: &Failed<E>) -> Failed<String> {
    match failed {
        Failed::Rejected(rejection) => Failed::Rejected(rejection.clone()),
        Failed::Cancelled(reason) => Failed::Cancelled(*reason),
        Failed::TimedOut(after) => Failed::TimedOut(*after),
        failed => panic!("{failed}"),
    }
}

fn lost() -> Error {
    Error::connection_lost("shop")
}

#[derive(Debug, Clone, PartialEq, Eq, Classify, thiserror::Error)]
enum ShopError {
    #[error("the shop is closed")]
    #[guide(retry, blame = target)]
    Closed,
    #[error("the shop asks for a pause")]
    #[guide(retry_after = wait, blame = quota)]
    Busy { wait: Duration },
    #[error("there is no such book")]
    #[guide(never)]
    NoSuchBook,
}

#[tokio::test]
async fn an_empty_pipeline_just_makes_the_call() {
    let outcome = Pipeline::named("plain").run(&call(), |attempt| async move { Ok(attempt) }).await.unwrap();
    assert_eq!((outcome.value.number, outcome.value.of, outcome.attempts), (1, 1, 1));
    assert_eq!((outcome.served_by, outcome.degraded, outcome.time), (None, None, Default::default()));

    let failed = Pipeline::named("plain").run(&call(), |_| async { Err::<(), _>(lost()) }).await.unwrap_err();
    assert!(matches!(failed, Failed::Inner { error, attempts: 1 } if error.code() == Code::CONNECTION_LOST));
}

#[tokio::test(start_paused = true)]
async fn the_question_mark_needs_no_type_in_a_closure() {
    fn read(number: u32) -> Result<u32, std::io::Error> {
        if number == 1 { Err(std::io::ErrorKind::ConnectionReset.into()) } else { Ok(number) }
    }
    let pipeline = Pipeline::named("file").retry(Retry::fixed(ms(1)));
    let outcome = pipeline
        .run(&call(), |attempt| async move {
            let number = read(attempt.number)?;
            Ok(number)
        })
        .await;
    assert_eq!(outcome.unwrap().value, 2);
}

#[tokio::test(start_paused = true)]
async fn the_deadline_is_for_everything_and_the_time_out_for_each_attempt() {
    let call = call();
    let pipeline =
        Pipeline::named("slow").attempt_timeout(secs(2)).retry(Retry::fixed(secs(1)).max_attempts(9)).deadline(secs(7));
    let start = call.clock().now();
    let attempts = AtomicU32::new(0);
    let failed = pipeline
        .run(&call, |_| {
            attempts.fetch_add(1, Ordering::Relaxed);
            std::future::pending::<Result<(), Error>>()
        })
        .await
        .unwrap_err();
    // 2 s, wait 1 s, 2 s, wait 1 s, and the third attempt gets the last second.
    assert_eq!(call.clock().now() - start, secs(7));
    assert_eq!((stop(&failed), attempts.into_inner()), (Failed::TimedOut(secs(1)), 3));
}

#[tokio::test(start_paused = true)]
async fn an_earlier_deadline_of_the_call_stays() {
    let call = call().with_deadline(Deadline::after(&Clock::real(), secs(1)));
    let pipeline = Pipeline::named("slow").deadline(secs(60));
    let failed = pipeline.run(&call, |_| std::future::pending::<Result<(), Error>>()).await.unwrap_err();
    assert_eq!(stop(&failed), Failed::TimedOut(secs(1)));
}

#[tokio::test(start_paused = true)]
async fn the_breaker_judges_each_attempt_and_sees_those_that_hang() {
    let breaker = Breaker::consecutive(3).named("shop");
    let pipeline = Pipeline::named("shop")
        .breaker(breaker.clone())
        .attempt_timeout(secs(1))
        .retry(Retry::fixed(ms(1)).max_attempts(9));
    let failed = pipeline.run(&call(), |_| std::future::pending::<Result<(), Error>>()).await.unwrap_err();
    // Three attempts hung, and the fourth one was refused, which ends it.
    let Failed::Rejected(rejection) = failed else { panic!("{failed}") };
    assert_eq!((rejection.by, &*rejection.target), (RejectedBy::Breaker, "shop"));
    assert!(rejection.retry_after.is_some() && matches!(breaker.state(), BreakerState::Open { .. }));
}

#[tokio::test(start_paused = true)]
async fn a_call_that_hangs_until_the_pipelines_deadline_is_a_failure_for_the_breaker() {
    let breaker = Breaker::consecutive(1);
    let pipeline = Pipeline::named("shop").breaker(breaker.clone()).deadline(secs(1));
    pipeline.run(&call(), |_| std::future::pending::<Result<(), Error>>()).await.unwrap_err();
    assert!(matches!(breaker.state(), BreakerState::Open { .. }));
}

#[tokio::test(start_paused = true)]
async fn a_call_that_its_user_stopped_says_nothing_about_the_target() {
    let (breaker, call) = (Breaker::consecutive(1), call());
    let pipeline = Pipeline::named("shop").breaker(breaker.clone()).retry(Retry::fixed(ms(1)));
    let token = call.token().clone();
    let _stopper = call.token().spawn("stop", async move {
        Clock::real().sleep(secs(1)).await;
        token.cancel(CancelReason::UserStop)
    });
    let failed = pipeline.run(&call, |_| std::future::pending::<Result<(), Error>>()).await.unwrap_err();
    assert_eq!(stop(&failed), Failed::Cancelled(CancelReason::UserStop));
    assert_eq!(breaker.state(), BreakerState::Closed);
}

#[tokio::test(start_paused = true)]
async fn the_retry_pays_its_budget_and_obeys_the_hint_of_an_error_of_ones_own() {
    let budget = Budget::tokens(100).named("shop");
    let shop = Pipeline::for_error::<ShopError>("shop").retry(Retry::fixed(ms(1)).budget(budget.clone()));
    let call = call();
    let start = call.clock().now();
    let outcome = shop
        .run(&call, |attempt| async move {
            if attempt.number == 1 { Err(ShopError::Busy { wait: secs(3) }) } else { Ok(attempt.number) }
        })
        .await
        .unwrap();
    assert_eq!((outcome.value, outcome.attempts, budget.available()), (2, 2, 100));
    assert_eq!(call.clock().now() - start, secs(3));
    let failed = shop.run(&call, |_| async { Err::<(), _>(ShopError::NoSuchBook) }).await.unwrap_err();
    assert_eq!(failed, Failed::Inner { error: ShopError::NoSuchBook, attempts: 1 });
    let failed = shop.run(&call, |_| async { Err::<(), _>(ShopError::Closed) }).await.unwrap_err();
    assert_eq!((failed, budget.available()), (Failed::Inner { error: ShopError::Closed, attempts: 3 }, 72));
}

#[tokio::test(start_paused = true)]
async fn a_hint_longer_than_the_pipelines_deadline_gives_back_the_useful_error_at_once() {
    let call = call();
    let start = call.clock().now();
    let shop = Pipeline::for_error::<ShopError>("shop").retry(Retry::fixed(ms(1))).deadline(secs(5));
    let busy = ShopError::Busy { wait: secs(6) };
    let failed = shop.run(&call, |_| std::future::ready(Err::<(), _>(busy.clone()))).await.unwrap_err();
    assert_eq!((failed.inner(), call.clock().now()), (Some(&busy), start));
}

#[tokio::test(start_paused = true)]
async fn the_outcome_says_where_the_time_went() {
    let pipeline = Pipeline::named("shop").retry(Retry::fixed(secs(10)));
    let outcome = pipeline
        .run(&call(), |attempt| async move {
            Clock::real().sleep(secs(attempt.number.into())).await;
            if attempt.number < 3 { Err(lost()) } else { Ok(()) }
        })
        .await
        .unwrap();
    assert_eq!((outcome.time.in_attempts, outcome.time.between_attempts), (secs(6), secs(20)));
}

#[tokio::test(start_paused = true)]
async fn the_time_between_refused_values_counts_too() {
    let pipeline = Pipeline::named("shop").retry(Retry::fixed(secs(10)).retry_when(|state: &u32| *state < 2));
    let outcome = pipeline.run(&call(), |attempt| async move { Ok(attempt.number) }).await.unwrap();
    assert_eq!((outcome.value, outcome.time.in_attempts, outcome.time.between_attempts), (2, secs(0), secs(10)));
}

#[tokio::test(start_paused = true)]
async fn several_limits_stand_in_the_order_of_their_tuple() {
    let breaker = Breaker::consecutive(9).named("as a limit");
    // Two of the policies that exist stand for limits here; the first one is outside.
    let pipeline =
        Pipeline::named("shop").limits((breaker.clone(), Timeout::after(secs(1)))).retry(Retry::fixed(ms(1)));
    breaker.force_open();
    let failed = pipeline.run(&call(), |_| async { Ok(()) }).await.unwrap_err();
    assert!(matches!(failed, Failed::Rejected(_)));
    breaker.force_close();
    let failed = pipeline.run(&call(), |_| std::future::pending::<Result<(), Error>>()).await.unwrap_err();
    assert_eq!(stop(&failed), Failed::TimedOut(secs(1)));
}

#[tokio::test(start_paused = true)]
async fn closures_that_borrow_work_inside_a_spawned_task() {
    let token = CancelToken::root("test");
    let pipeline = Arc::new(
        Pipeline::named("shop")
            .deadline(secs(9))
            .retry(Retry::fixed(ms(1)).budget(Budget::default()))
            .limits((Timeout::after(secs(8)), Some(Timeout::after(secs(7)))))
            .breaker(Breaker::consecutive(5))
            .attempt_timeout(secs(1)),
    );
    let call = Call::new("fetch", &token);
    let task = tokio_spawn(async move {
        let names = vec![String::from("a"), String::from("b")];
        let (names, seen) = (&names, &AtomicU32::new(0));
        let outcome = pipeline
            .run(&call, move |attempt| async move {
                seen.fetch_add(1, Ordering::Relaxed);
                Clock::real().sleep(ms(5)).await;
                let name = names.get(attempt.number as usize - 1).ok_or_else(lost)?;
                if attempt.number == 1 { Err(lost()) } else { Ok(name.len()) }
            })
            .await;
        let with_input = pipeline
            .run_with(&call, names.clone(), move |_, input: Vec<String>| async move {
                seen.fetch_add(1, Ordering::Relaxed);
                Ok(input.len() + names.len())
            })
            .await;
        (outcome.unwrap().value, with_input.unwrap().value, seen.load(Ordering::Relaxed))
    });
    assert_eq!(task.await.unwrap(), (1, 4, 3));
}

#[expect(clippy::disallowed_methods, reason = "the claim is about tokio::spawn itself")]
fn tokio_spawn<T: Send + 'static>(work: impl Future<Output = T> + Send + 'static) -> tokio::task::JoinHandle<T> {
    tokio::spawn(work)
}

#[tokio::test(start_paused = true)]
async fn an_input_goes_through_a_pipeline_whole_or_not_at_all() {
    struct Letter(u32);
    let pipeline = Pipeline::for_error::<ShopError>("shop").retry(Retry::fixed(ms(1))).attempt_timeout(secs(1));
    let outcome = pipeline
        .run_giving_back(&call(), Letter(0), |attempt, Letter(opened): Letter| async move {
            if attempt.number < 3 { Err(GivenBack::whole(ShopError::Closed, Letter(opened + 1))) } else { Ok(opened) }
        })
        .await
        .unwrap();
    assert_eq!((outcome.value, outcome.attempts), (2, 3));
    // A time-out drops the letter; it would be retried otherwise.
    let failed = pipeline
        .run_giving_back(&call(), Letter(0), |_, _letter: Letter| {
            std::future::pending::<Result<(), GivenBack<ShopError, Letter>>>()
        })
        .await
        .unwrap_err();
    assert_eq!(stop(&failed), Failed::TimedOut(secs(1)));
}

#[tokio::test(start_paused = true)]
async fn one_breaker_in_two_pipelines_is_one_breaker() {
    let breaker = Breaker::consecutive(2);
    let [one, two] = ["one", "two"].map(|name| Pipeline::named(name).breaker(breaker.clone()));
    one.run(&call(), |_| async { Err::<(), _>(lost()) }).await.unwrap_err();
    two.run(&call(), |_| async { Err::<(), _>(lost()) }).await.unwrap_err();
    assert!(matches!(one.run(&call(), |_| async { Ok(()) }).await, Err(Failed::Rejected(_))));
}

#[tokio::test(start_paused = true)]
async fn the_house_error_of_a_pipeline_says_the_same_as_the_one_of_a_retry() {
    let retry = Retry::fixed(ms(1));
    let pipeline = Pipeline::named("shop").retry(retry.clone());
    for error in [lost, || Error::validation("No."), || Error::circuit_open("shop", secs(1))] {
        let one = retry.run(&call(), |_| async { Err::<(), _>(error()) }).await.unwrap_err();
        let other = Error::from(pipeline.run(&call(), |_| async { Err::<(), _>(error()) }).await.unwrap_err());
        assert_eq!((one.code(), one.attempts(), one.message()), (other.code(), other.attempts(), other.message()));
        assert_eq!(one.last_attempt().code(), other.last_attempt().code());
    }
}

#[tokio::test(start_paused = true)]
async fn a_pipeline_tells_its_story_in_the_words_of_the_house() {
    let log = Arc::new(EventLog::new(&Clock::real()));
    let call = call().with_events(Events::to(Arc::clone(&log)));
    let pipeline = Pipeline::for_error::<ShopError>("shop")
        .retry(Retry::fixed(ms(5)))
        .breaker(Breaker::consecutive(2).named("shop"))
        .attempt_timeout(secs(1));
    let failed = pipeline.run(&call, |_| async { Err::<(), _>(ShopError::Closed) }).await.unwrap_err();
    assert!(matches!(failed, Failed::Rejected(_)));
    insta::assert_snapshot!(log);
}

#[tokio::test(start_paused = true)]
async fn an_order_of_ones_own_is_kept() {
    let breaker = Breaker::consecutive(1);
    // The breaker stands outside: three failed attempts are one failure, and the time limit is for all of them.
    let odd = Pipeline::custom_order::<Error>()
        .around(breaker.clone())
        .around(Timeout::after(ms(2500)))
        .retry(Retry::fixed(ms(1)).max_attempts(9))
        .around(Timeout::after(secs(1)));
    let outcome = odd.run(&call(), |attempt| async move { if attempt.is_last() { Ok(()) } else { Err(lost()) } }).await;
    assert_eq!(outcome.unwrap().attempts, 9);
    assert_eq!(breaker.state(), BreakerState::Closed);
    let failed = odd.run(&call(), |_| std::future::pending::<Result<(), Error>>()).await.unwrap_err();
    assert_eq!(stop(&failed), Failed::TimedOut(ms(2500)));
    assert!(matches!(breaker.state(), BreakerState::Open { .. }));
}

#[tokio::test(start_paused = true)]
async fn nothing_happens_before_the_first_poll() {
    let breaker = Breaker::consecutive(1);
    let pipeline = Pipeline::named("shop").deadline(secs(1)).breaker(breaker).retry(Retry::fixed(ms(1)));
    let (call, begun) = (call(), AtomicU32::new(0));
    let run = pipeline.run(&call, |_| {
        begun.fetch_add(1, Ordering::Relaxed);
        async { Ok(()) }
    });
    assert_eq!(begun.load(Ordering::Relaxed), 0);
    Clock::real().sleep(secs(9)).await;
    // The deadline begins with the run, not when it was written down.
    assert!(run.await.is_ok());
}
