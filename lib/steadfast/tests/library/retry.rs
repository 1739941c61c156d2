//! Retry and time-out: what is tried again, when, and what comes back; the laws of the waits; the event log.

use proptest::prelude::*;
use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};
use steadfast::{
    Breaker, Budget, Call, CancelReason, CancelToken, Clock, Code, Deadline, Error, Event, Events, Jitter, Nudge,
    Retry, Sink, Timeout, testing::EventLog,
};

fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// A call with an event log, on the paused clock.
fn call() -> (Call, Arc<EventLog>) {
    let log = Arc::new(EventLog::new(&Clock::real()));
    (Call::new("fetch", &CancelToken::root("test")).with_events(Events::to(Arc::clone(&log))), log)
}

/// Runs work that fails `failures` times with what `error` makes, and counts the attempts.
async fn attempt(retry: Retry, call: &Call, failures: u32, error: fn() -> Error) -> (Result<u32, Error>, u32) {
    let attempts = AtomicU32::new(0);
    let output = retry
        .run(call, |attempt| {
            attempts.fetch_add(1, Ordering::Relaxed);
            async move { if attempt.number > failures { Ok(attempt.number) } else { Err(error()) } }
        })
        .await;
    (output, attempts.load(Ordering::Relaxed))
}

fn lost() -> Error {
    Error::connection_lost("shop")
}

#[tokio::test(start_paused = true)]
async fn a_call_that_fails_twice_succeeds_the_third_time_and_tells_its_story() {
    let (call, log) = call();
    let retry = Retry::exponential(ms(100)).jitter(Jitter::None);
    assert_eq!(attempt(retry, &call, 2, lost).await.0.unwrap(), 3);
    insta::assert_snapshot!(log);
}

#[tokio::test(start_paused = true)]
async fn what_is_permanent_fails_at_once_as_itself() {
    let (call, _) = call();
    for error in [|| Error::validation("No."), || Error::circuit_open("shop", secs(30))] {
        let (output, attempts) = attempt(Retry::fixed(ms(1)), &call, 9, error).await;
        assert_eq!((output.unwrap_err().code(), attempts), (error().code(), 1));
    }
}

#[tokio::test(start_paused = true)]
async fn spent_attempts_are_final_and_carry_the_last_error() {
    let (call, _) = call();
    let (output, attempts) = attempt(Retry::fixed(ms(1)).max_attempts(4), &call, 9, lost).await;
    let error = output.unwrap_err();
    assert_eq!((error.code(), error.attempts(), attempts), (Code::RETRY_EXHAUSTED, Some(4), 4));
    assert_eq!(error.last_attempt().code(), Code::CONNECTION_LOST);
}

#[tokio::test(start_paused = true)]
async fn a_single_attempt_gives_back_its_own_error() {
    let (call, _) = call();
    let (output, attempts) = attempt(Retry::fixed(ms(1)).max_attempts(1), &call, 9, lost).await;
    assert_eq!((output.unwrap_err().code(), attempts), (Code::CONNECTION_LOST, 1));
}

#[tokio::test(start_paused = true)]
async fn a_server_that_names_a_wait_gets_at_least_that_wait() {
    let (call, _) = call();
    let start = call.clock().now();
    let busy = || Error::rate_limited("shop", Some(secs(7)));
    assert!(attempt(Retry::exponential(ms(100)), &call, 1, busy).await.0.is_ok());
    assert!((secs(7)..secs(8)).contains(&(call.clock().now() - start)));
}

#[tokio::test(start_paused = true)]
async fn a_wait_longer_than_the_time_left_is_not_begun() {
    let (call, _) = call();
    let call = call.with_deadline(Deadline::after(&Clock::real(), secs(5)));
    let start = call.clock().now();
    let (output, attempts) =
        attempt(Retry::fixed(ms(1)), &call, 9, || Error::rate_limited("shop", Some(secs(6)))).await;
    let error = output.unwrap_err();
    assert_eq!((error.code(), error.retry_after(), attempts), (Code::RATE_LIMITED, Some(secs(6)), 1));
    assert_eq!(call.clock().now(), start);
}

#[tokio::test(start_paused = true)]
async fn a_wait_longer_than_the_cap_is_not_begun() {
    let (call, _) = call();
    let retry = Retry::fixed(ms(1)).max_delay(secs(2));
    let (output, attempts) = attempt(retry, &call, 9, || Error::rate_limited("shop", Some(secs(3)))).await;
    assert_eq!((output.unwrap_err().code(), attempts), (Code::RATE_LIMITED, 1));
}

#[tokio::test(start_paused = true)]
async fn the_deadline_ends_an_attempt_that_hangs() {
    let (call, log) = call();
    let call = call.with_deadline(Deadline::after(&Clock::real(), secs(5)));
    let error = Retry::fixed(ms(1)).run(&call, |_| std::future::pending::<Result<(), Error>>()).await.unwrap_err();
    assert_eq!(error.code(), Code::TIMEOUT);
    insta::assert_snapshot!(log, @r"
    0 ms  fetch: attempt 1 of 3 started
    5000 ms  fetch: timed out after 5s
    5000 ms  fetch: attempt 1 of 3 failed: TIMEOUT: It took longer than 5 seconds.
    ");
}

#[tokio::test(start_paused = true)]
async fn a_cancellation_ends_the_wait_with_its_reason() {
    let (call, _) = call();
    let (token, clock) = (call.token().clone(), Clock::real());
    let start = clock.now();
    let _stopper = call.token().spawn("stop", async move {
        Clock::real().sleep(secs(1)).await;
        token.cancel(CancelReason::UserStop)
    });
    let (output, attempts) = attempt(Retry::fixed(secs(20)), &call, 9, lost).await;
    assert_eq!((output.unwrap_err().cancel_reason(), attempts), (Some(CancelReason::UserStop), 1));
    assert_eq!(clock.now() - start, secs(1));
}

/// Presses "try now" as soon as it hears that there will be a wait.
#[derive(Debug)]
struct Impatient(Nudge);

impl Sink for Impatient {
    fn emit(&self, event: &Event) {
        if matches!(event, Event::RetryScheduled { .. }) {
            self.0.hurry();
        }
    }
}

#[tokio::test(start_paused = true)]
async fn try_now_ends_the_wait_even_when_it_comes_with_the_event() {
    let nudge = Nudge::default();
    let events = Events::to(Impatient(nudge.clone()));
    let (call, _) = call();
    let call = call.with_nudge(nudge).with_events(events);
    let start = call.clock().now();
    assert!(attempt(Retry::fixed(secs(20)), &call, 2, lost).await.0.is_ok());
    assert_eq!(call.clock().now(), start);
}

#[tokio::test]
async fn a_retry_waits_on_a_manual_clock() {
    let clock = Clock::manual();
    let (call, log) = call();
    let call = call.with_clock(clock.clone());
    let token = call.token().clone();
    let task = token.spawn("retry", async move { attempt(Retry::fixed(secs(20)), &call, 1, lost).await.1 });
    while !log.events().iter().any(|event| matches!(event, Event::RetryScheduled { .. })) {
        tokio::task::yield_now().await;
    }
    clock.advance(secs(20));
    assert_eq!(task.await.unwrap(), 2);
}

#[tokio::test(start_paused = true)]
async fn the_same_seed_gives_the_same_waits() {
    let mut ends = Vec::new();
    for seed in [7, 7, 8] {
        let (call, _) = call();
        let start = call.clock().now();
        assert!(attempt(Retry::exponential(secs(1)).seed(seed), &call, 2, lost).await.0.is_ok());
        ends.push(call.clock().now() - start);
    }
    assert_eq!(ends[0], ends[1]);
    assert_ne!(ends[0], ends[2]);
}

#[tokio::test(start_paused = true)]
async fn a_retried_call_may_be_spawned() {
    let (call, _) = call();
    let token = call.token().clone();
    let task = token
        .spawn("call", async move { Retry::fixed(ms(1)).run(&call, |attempt| async move { Ok(attempt.of) }).await });
    assert_eq!(task.await.unwrap().unwrap(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_time_out_never_outlives_the_deadline() {
    let (call, _) = call();
    let call = call.with_deadline(Deadline::after(&Clock::real(), secs(2)));
    let start = call.clock().now();
    let error = Timeout::after(secs(60)).run(&call, std::future::pending::<Result<(), Error>>()).await.unwrap_err();
    assert_eq!((error.code(), call.clock().now() - start), (Code::TIMEOUT, secs(2)));
}

#[tokio::test(start_paused = true)]
async fn a_time_out_lets_quick_work_pass_and_obeys_the_token() {
    let (call, _) = call();
    assert_eq!(Timeout::after(secs(1)).run(&call, async { Ok(7) }).await.unwrap(), 7);
    call.token().cancel(CancelReason::RouteChange);
    let error = Timeout::after(secs(1)).run(&call, async { Ok(7) }).await.unwrap_err();
    assert_eq!(error.cancel_reason(), Some(CancelReason::RouteChange));
}

#[test]
fn nested_policies_do_not_multiply_the_size_of_the_work() {
    let (call, breaker, limit) = (call_without_log(), Breaker::consecutive(1), Timeout::after(secs(1)));
    let work = || async {
        let large = [0u8; 10_000];
        tokio::task::yield_now().await;
        Ok(large.len())
    };
    let bare = size_of_val(&work());
    let nested = size_of_val(&Retry::fixed(ms(1)).run(&call, |_| breaker.run(&call, limit.run(&call, work()))));
    assert!(nested < bare + 2_000, "{nested} bytes around {bare}");
}

fn call_without_log() -> Call {
    Call::new("fetch", &CancelToken::root("test"))
}

fn policy() -> impl Strategy<Value = Retry> {
    let shape = prop_oneof![
        Just(Retry::fixed as fn(Duration) -> Retry),
        Just(Retry::linear as _),
        Just(Retry::exponential as _),
        Just(Retry::decorrelated as _)
    ];
    let jitter = prop::sample::select(vec![Jitter::None, Jitter::Full, Jitter::Equal]);
    (shape, 0..5_000u64, jitter, any::<u64>())
        .prop_map(|(shape, base, jitter, seed)| shape(ms(base)).jitter(jitter).seed(seed))
}

proptest! {
    #[test]
    fn waits_obey_every_limit(
        retry in policy(),
        max_attempts in 1..12u32,
        cap in 1..4_000u64,
        deadline in 1..20_000u64,
        elapsed in prop::option::of(1..20_000u64),
        hint in prop::option::of(0..6_000u64),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        runtime.block_on(async {
            let (call, log) = call();
            let clock = Clock::real();
            let start = clock.now();
            let call = call.with_deadline(Deadline::after(&clock, ms(deadline)));
            let mut retry = retry.max_attempts(max_attempts).max_delay(ms(cap));
            if let Some(elapsed) = elapsed {
                retry = retry.max_elapsed(ms(elapsed));
            }
            let attempts = AtomicU32::new(0);
            let error = retry.run(&call, |_| {
                attempts.fetch_add(1, Ordering::Relaxed);
                async move { Err::<(), _>(Error::rate_limited("shop", hint.map(ms))) }
            }).await.unwrap_err();

            let attempts = attempts.load(Ordering::Relaxed);
            prop_assert!(attempts <= max_attempts);
            let limit = elapsed.map_or(deadline, |elapsed| elapsed.min(deadline));
            // tokio's timer rounds every wait up to its millisecond.
            prop_assert!(clock.now() - start <= ms(limit + u64::from(attempts)), "{:?} > {limit} ms", clock.now() - start);
            for event in log.events() {
                if let Event::RetryScheduled { delay, .. } = event {
                    prop_assert!(delay <= ms(cap) && delay >= ms(hint.unwrap_or(0)), "{delay:?}");
                }
            }
            let by_itself = matches!(error.code(), Code::RATE_LIMITED | Code::TIMEOUT);
            prop_assert!(error.code() == Code::RETRY_EXHAUSTED && error.attempts() == Some(attempts) || by_itself);
            Ok(())
        })?;
    }
}

fn busy() -> Error {
    Error::rate_limited("shop", None)
}

#[tokio::test(start_paused = true)]
async fn a_budget_that_is_used_up_gives_back_the_error_itself_and_says_so() {
    let (call, log) = call();
    let budget = Budget::tokens(30).named("shop");
    let retry = Retry::fixed(ms(1)).max_attempts(9).budget(budget.clone());
    let (output, attempts) = attempt(retry, &call, 9, lost).await;
    assert_eq!((output.unwrap_err().code(), attempts, budget.available()), (Code::CONNECTION_LOST, 3, 2));
    let last = log.events().pop().unwrap();
    assert_eq!(last.to_string(), "fetch: no retry after 3 attempts: the budget of shop is used up");
}

#[tokio::test(start_paused = true)]
async fn a_throttled_retry_costs_less_than_a_transient_one() {
    for (error, left) in [(busy as fn() -> Error, 500 - 5), (lost, 500 - 14)] {
        let (call, _) = call();
        let budget = Budget::default();
        let retry = Retry::fixed(ms(1)).max_attempts(2).budget(budget.clone());
        assert_eq!(attempt(retry, &call, 9, error).await.0.unwrap_err().code(), Code::RETRY_EXHAUSTED);
        assert_eq!(budget.available(), left);
    }
}

#[tokio::test(start_paused = true)]
async fn a_retry_that_succeeds_gives_its_last_cost_back_and_a_first_try_gives_one() {
    let (call, _) = call();
    let budget = Budget::default();
    let retry = Retry::fixed(ms(1)).budget(budget.clone());
    assert!(attempt(retry.clone(), &call, 2, lost).await.0.is_ok());
    assert_eq!(budget.available(), 500 - 14);
    assert!(attempt(retry, &call, 0, lost).await.0.is_ok());
    assert_eq!(budget.available(), 500 - 14 + 1);
}

#[tokio::test(start_paused = true)]
async fn one_caller_spends_what_another_one_misses() {
    let (call, _) = call();
    let budget = Budget::tokens(14);
    let retry = || Retry::fixed(ms(1)).max_attempts(2).budget(budget.clone());
    assert_eq!(attempt(retry(), &call, 9, lost).await.1, 2);
    assert_eq!(attempt(retry(), &call, 9, lost).await.1, 1);
}

#[tokio::test(start_paused = true)]
async fn what_may_not_be_retried_anyway_costs_nothing() {
    let budget = Budget::tokens(14);
    for (attempts, error) in [(2, (|| Error::validation("No.")) as fn() -> Error), (1, lost)] {
        let (call, _) = call();
        let retry = Retry::fixed(ms(1)).max_attempts(attempts).budget(budget.clone());
        attempt(retry, &call, 9, error).await.0.unwrap_err();
    }
    let (call, _) = call();
    let call = call.with_deadline(Deadline::after(&Clock::real(), ms(1)));
    attempt(Retry::fixed(secs(1)).budget(budget.clone()), &call, 9, lost).await.0.unwrap_err();
    assert_eq!(budget.available(), 14);
}

#[tokio::test(start_paused = true)]
async fn a_retry_that_is_cancelled_before_it_begins_gives_its_cost_back() {
    let (call, _) = call();
    let budget = Budget::tokens(20);
    let (token, clock) = (call.token().clone(), Clock::real());
    let _stopper = call.token().spawn("stop", async move {
        clock.sleep(secs(1)).await;
        token.cancel(CancelReason::UserStop)
    });
    let (output, _) = attempt(Retry::fixed(secs(20)).budget(budget.clone()), &call, 9, lost).await;
    assert_eq!((output.unwrap_err().code(), budget.available()), (Code::CANCELLED, 20));
}

/// Polls something whose state is the number of the attempt, until it is `wanted`.
async fn poll(retry: Retry, call: &Call, wanted: u32) -> (Result<u32, Error>, u32) {
    let attempts = AtomicU32::new(0);
    let output = retry
        .retry_when(|state: &u32| *state < wanted)
        .run(call, |attempt| {
            attempts.fetch_add(1, Ordering::Relaxed);
            async move { Ok(attempt.number) }
        })
        .await;
    (output, attempts.load(Ordering::Relaxed))
}

#[tokio::test(start_paused = true)]
async fn a_value_that_is_not_wanted_is_asked_for_again() {
    let (call, log) = call();
    assert_eq!(poll(Retry::linear(secs(1)).max_attempts(5), &call, 3).await.0.unwrap(), 3);
    insta::assert_snapshot!(log, @r"
    0 ms  fetch: attempt 1 of 5 started
    0 ms  fetch: retry in 1s after attempt 1 of 5: the value is not wanted
    1000 ms  fetch: attempt 2 of 5 started
    1000 ms  fetch: retry in 2s after attempt 2 of 5: the value is not wanted
    3000 ms  fetch: attempt 3 of 5 started
    ");
}

#[tokio::test(start_paused = true)]
async fn the_last_value_is_the_answer_when_attempts_time_or_budget_are_used_up() {
    let (call, _) = call();
    let (output, attempts) = poll(Retry::fixed(ms(1)), &call, 9).await;
    assert_eq!((output.unwrap(), attempts), (3, 3));

    let budget = Budget::tokens(14);
    let (output, attempts) = poll(Retry::fixed(ms(1)).max_attempts(9).budget(budget.clone()), &call, 9).await;
    // What is refused earns nothing.
    assert_eq!((output.unwrap(), attempts, budget.available()), (2, 2, 0));

    let call = call.with_deadline(Deadline::after(&Clock::real(), secs(3)));
    let (output, attempts) = poll(Retry::fixed(secs(2)).max_attempts(9), &call, 9).await;
    assert_eq!((output.unwrap(), attempts), (2, 2));
}

#[tokio::test(start_paused = true)]
async fn decorrelated_waits_stay_between_the_base_and_the_cap_and_differ() {
    let (call, log) = call();
    let retry = Retry::decorrelated(ms(100)).max_attempts(200).max_delay(secs(5)).seed(7);
    assert_eq!(attempt(retry, &call, 999, lost).await.1, 200);
    let waits: Vec<_> = log
        .events()
        .into_iter()
        .filter_map(|event| match event {
            Event::RetryScheduled { delay, .. } => Some(delay),
            _ => None,
        })
        .collect();
    assert!(waits.iter().all(|wait| (ms(100)..=secs(5)).contains(wait)));
    assert!(waits.windows(2).all(|pair| pair[1] <= pair[0] * 3));
    assert!(waits.windows(2).any(|pair| pair[1] < pair[0]), "it may also come back sooner");
    assert!(waits.contains(&secs(5)), "it grows to the cap");
}
