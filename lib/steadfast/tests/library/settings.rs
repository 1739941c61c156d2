//! Pipelines from settings: what is not valid is named, what is reloaded keeps its counters, what is boxed stays the same.

use std::time::Duration;
use steadfast::{
    BackoffSettings, BoxPipeline, Breaker, BreakerSettings, BreakerState, Budget, BudgetSettings, Call, CancelToken,
    Clock, Code, Error, Failed, Jitter, LimitSettings, Pipeline, PipelineSettings, Pipelines, RejectedBy, Retry,
    RetrySettings, With,
};

fn call() -> Call {
    Call::new("fetch", &CancelToken::root("test"))
}

fn full() -> PipelineSettings {
    PipelineSettings {
        deadline_ms: Some(60_000),
        retry: Some(RetrySettings { jitter: Some(Jitter::None), ..RetrySettings::default() }),
        breaker: Some(BreakerSettings { failures: 4, ..BreakerSettings::default() }),
        limits: None,
        attempt_timeout_ms: Some(20_000),
    }
}

#[expect(clippy::unwrap_used, reason = "called by tests only")]
fn boxed(settings: &PipelineSettings) -> BoxPipeline {
    BoxPipeline::new("shop", settings, &Clock::real()).unwrap()
}

#[expect(clippy::unwrap_used, reason = "called by tests only")]
async fn fail(pipeline: &BoxPipeline) -> Failed<Error> {
    pipeline.run(&call(), |_| async { Err::<(), _>(Error::unavailable("shop")) }).await.unwrap_err()
}

#[tokio::test(start_paused = true)]
async fn every_number_of_the_settings_reaches_its_policy() {
    let pipeline = boxed(&full());
    let start = Clock::real().now();
    assert!(matches!(fail(&pipeline).await, Failed::Inner { attempts: 3, .. }));
    assert_eq!(Clock::real().now() - start, Duration::from_millis(250 + 500));
    assert_eq!(pipeline.budget().unwrap().available(), 500 - 2 * 14);
    // The fourth failure opens the breaker, and the retry is refused.
    assert!(matches!(fail(&pipeline).await, Failed::Rejected(_)));
    assert!(matches!(pipeline.breaker().unwrap().state(), BreakerState::Open { .. }));

    let slow = boxed(&PipelineSettings { retry: None, breaker: None, ..full() });
    let failed = slow.run(&call(), |_| std::future::pending::<Result<(), Error>>()).await.unwrap_err();
    assert!(matches!(failed, Failed::TimedOut(limit) if limit == Duration::from_secs(20)));
    let slow = boxed(&PipelineSettings { attempt_timeout_ms: None, ..full() });
    let failed = slow.run(&call(), |_| std::future::pending::<Result<(), Error>>()).await.unwrap_err();
    assert!(matches!(failed, Failed::TimedOut(limit) if limit == Duration::from_secs(60)));
}

#[test]
fn empty_settings_are_an_empty_pipeline() {
    let pipeline = boxed(&PipelineSettings::default());
    assert!(pipeline.breaker().is_none() && pipeline.budget().is_none());
}

#[test]
fn everything_that_makes_no_sense_is_named_at_once() {
    let settings = PipelineSettings {
        deadline_ms: Some(0),
        attempt_timeout_ms: Some(0),
        retry: Some(RetrySettings {
            wait_ms: 9,
            max_wait_ms: 8,
            max_attempts: 0,
            max_elapsed_ms: Some(0),
            budget: Some(BudgetSettings::Ratio { share: f64::NAN, floor_per_sec: 0 }),
            ..RetrySettings::default()
        }),
        limits: Some(LimitSettings { concurrent: Some(0), queue: 0, per_second: Some(0) }),
        breaker: Some(BreakerSettings { failures: 0, open_ms: 0, probes: 0 }),
    };
    let error = BoxPipeline::<Error>::new("shop", &settings, &Clock::real()).unwrap_err();
    assert_eq!(error.code(), Code::VALIDATION);
    insta::assert_snapshot!(error.message(), @"The pipeline shop is not valid: deadline_ms is 0, attempt_timeout_ms is 0, retry.max_attempts is 0, retry.wait_ms is longer than retry.max_wait_ms, retry.max_elapsed_ms is 0, retry.budget.ratio.share is not between 0 and 1, limits.concurrent is 0, limits.per_second is 0, breaker.failures is 0, breaker.open_ms is 0, breaker.probes is 0.");

    let retry = RetrySettings { budget: Some(BudgetSettings::Tokens(13)), ..RetrySettings::default() };
    let settings = PipelineSettings {
        deadline_ms: Some(5),
        attempt_timeout_ms: Some(6),
        retry: Some(retry),
        limits: Some(LimitSettings { queue: 3, ..LimitSettings::default() }),
        ..PipelineSettings::default()
    };
    let error = BoxPipeline::<Error>::new("shop", &settings, &Clock::real()).unwrap_err();
    insta::assert_snapshot!(error.message(), @"The pipeline shop is not valid: attempt_timeout_ms is longer than deadline_ms, retry.budget.tokens does not pay for a single retry, which costs 14, limits.queue needs limits.concurrent.");
}

#[tokio::test(start_paused = true)]
async fn a_reload_keeps_the_counters_of_what_did_not_change() {
    let pipeline = boxed(&full());
    let held = pipeline.clone();
    fail(&pipeline).await;
    let changed = PipelineSettings {
        deadline_ms: Some(30_000),
        retry: Some(RetrySettings { max_attempts: 1, ..RetrySettings::default() }),
        ..full()
    };
    held.reload(&changed).unwrap();
    assert_eq!(pipeline.settings(), changed);
    assert_eq!(pipeline.budget().unwrap().available(), 500 - 2 * 14);
    // Three failures from before and one from now; and there is one attempt now.
    assert!(matches!(fail(&pipeline).await, Failed::Inner { attempts: 1, .. }));
    assert!(matches!(fail(&pipeline).await, Failed::Rejected(_)));

    // Other numbers begin anew.
    let retry = RetrySettings { budget: Some(BudgetSettings::Tokens(400)), ..RetrySettings::default() };
    let breaker = BreakerSettings { failures: 9, ..BreakerSettings::default() };
    pipeline.reload(&PipelineSettings { retry: Some(retry), breaker: Some(breaker), ..full() }).unwrap();
    assert_eq!(held.budget().unwrap().available(), 400);
    assert_eq!(held.breaker().unwrap().state(), BreakerState::Closed);
}

#[tokio::test(start_paused = true)]
async fn limits_of_settings_refuse_and_a_reload_keeps_what_they_count() {
    let limits = Some(LimitSettings { concurrent: Some(1), queue: 0, per_second: Some(2) });
    let pipeline = boxed(&PipelineSettings { limits, ..PipelineSettings::default() });
    let inner = pipeline
        .run(&call(), |_| async {
            pipeline.reload(&PipelineSettings { limits, deadline_ms: Some(9_000), ..PipelineSettings::default() })?;
            Ok(pipeline.run(&call(), |_| async { Ok(()) }).await.unwrap_err())
        })
        .await
        .unwrap();
    assert!(matches!(inner.value, Failed::Rejected(rejection) if rejection.by == RejectedBy::Bulkhead));
    // The place was given back, and the second of two tokens is there; a third is not.
    assert!(pipeline.run(&call(), |_| async { Ok(()) }).await.is_ok());
    let failed = pipeline.run(&call(), |_| async { Ok(()) }).await.unwrap_err();
    assert!(matches!(failed, Failed::Rejected(rejection) if rejection.by == RejectedBy::RateLimit));
}

#[tokio::test(start_paused = true)]
async fn settings_that_make_no_sense_change_nothing() {
    let pipeline = boxed(&full());
    let wrong = PipelineSettings { deadline_ms: Some(0), ..PipelineSettings::default() };
    assert_eq!(pipeline.reload(&wrong).unwrap_err().code(), Code::VALIDATION);
    assert_eq!(pipeline.settings(), full());

    let pipelines = Pipelines::<Error>::new(&Clock::real());
    pipelines.apply([("a".to_owned(), full())]).unwrap();
    pipelines.apply([("a".to_owned(), PipelineSettings::default()), ("b".to_owned(), wrong)]).unwrap_err();
    assert_eq!(pipelines.get("a").unwrap().settings(), full());
    assert_eq!(pipelines.all().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_registry_makes_reloads_and_forgets() {
    let pipelines = Pipelines::<Error>::new(&Clock::real());
    pipelines.apply([("a".to_owned(), full()), ("b".to_owned(), full())]).unwrap();
    let (a, b) = (pipelines.get("a").unwrap(), pipelines.get("b").unwrap());
    fail(&a).await;
    pipelines.apply([("a".to_owned(), PipelineSettings { deadline_ms: None, ..full() })]).unwrap();
    assert_eq!((a.settings().deadline_ms, a.budget().unwrap().available()), (None, 500 - 2 * 14));
    assert!(pipelines.get("b").is_none());
    // Whoever holds it may go on.
    assert!(b.run(&call(), |_| async { Ok(()) }).await.is_ok());
    // Two names never share.
    assert_eq!(b.budget().unwrap().available(), 500);
}

#[tokio::test(start_paused = true)]
async fn a_run_under_way_ends_as_it_began() {
    let pipeline = boxed(&full());
    let run = pipeline
        .run(&call(), |_| async {
            pipeline.reload(&PipelineSettings { attempt_timeout_ms: Some(1), ..full() }).unwrap();
            Clock::real().sleep(Duration::from_secs(5)).await;
            Ok(())
        })
        .await;
    assert!(run.is_ok());
    let slow = || async {
        Clock::real().sleep(Duration::from_secs(5)).await;
        Ok(())
    };
    assert!(matches!(slow.with(&pipeline, &call()).await, Err(Failed::TimedOut(_))));
}

#[tokio::test(start_paused = true)]
async fn a_pipeline_written_in_code_is_boxed_with_its_breaker_and_its_budget() {
    let (breaker, budget) = (Breaker::consecutive(2), Budget::tokens(20));
    let retry = Retry::fixed(Duration::from_millis(1)).max_attempts(2).budget(budget.clone());
    let pipeline =
        Pipeline::named("shop").deadline(Duration::from_secs(9)).retry(retry).breaker(breaker.clone()).boxed();
    assert!(matches!(fail(&pipeline).await, Failed::Inner { attempts: 2, .. }));
    assert!(matches!(breaker.state(), BreakerState::Open { .. }));
    assert_eq!((budget.available(), pipeline.name()), (6, "shop"));
}

#[test]
fn settings_are_read_from_a_file_and_a_misspelt_name_is_refused() {
    let text = r#"{
        "deadline_ms": 60000,
        "retry": { "backoff": "decorrelated", "max_attempts": 5, "budget": { "ratio": { "share": 0.2, "floor_per_sec": 10 } } },
        "breaker": {}
    }"#;
    let settings: PipelineSettings = serde_json::from_str(text).unwrap();
    let retry = settings.retry.clone().unwrap();
    assert_eq!((retry.backoff, retry.max_attempts, retry.wait_ms), (BackoffSettings::Decorrelated, 5, 250));
    assert_eq!((settings.breaker, settings.attempt_timeout_ms), (Some(BreakerSettings::default()), None));
    let written = serde_json::to_string(&settings).unwrap();
    assert_eq!(serde_json::from_str::<PipelineSettings>(&written).unwrap(), settings);
    assert!(serde_json::from_str::<PipelineSettings>(r#"{ "timeout_ms": 1 }"#).is_err());
}
