//! The tower adapter: state in the handle, readiness inside the attempt, and the contract of `Service` kept.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};
use steadfast::{BoxPipeline, Breaker, BreakerState, Call, CancelToken, Error, Failed, Pipeline, Replay, Retry};
use tower::{Layer, Service, ServiceBuilder, ServiceExt, limit::ConcurrencyLimitLayer, service_fn};

fn call() -> Call {
    Call::new("fetch", &CancelToken::root("test"))
}

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// A service that insists on the contract: each `call` needs a `poll_ready` of this very clone before.
struct Strict {
    ready: bool,
    never_ready: bool,
    calls: Arc<AtomicU32>,
    failures: u32,
}

impl Strict {
    fn new(failures: u32) -> Self {
        Self { ready: false, never_ready: false, calls: Arc::default(), failures }
    }
}

impl Clone for Strict {
    fn clone(&self) -> Self {
        Self { ready: false, calls: Arc::clone(&self.calls), ..*self }
    }
}

impl<Q> Service<Q> for Strict {
    type Response = u32;
    type Error = Error;
    type Future = std::future::Ready<Result<u32, Error>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Error>> {
        if self.never_ready {
            return Poll::Pending;
        }
        self.ready = true;
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Q) -> Self::Future {
        assert!(std::mem::take(&mut self.ready), "called without being ready");
        let call = 1 + self.calls.fetch_add(1, Ordering::Relaxed);
        std::future::ready(if call > self.failures { Ok(call) } else { Err(Error::unavailable("shop")) })
    }
}

fn retrying() -> BoxPipeline {
    Pipeline::named("shop").retry(Retry::fixed(ms(1))).attempt_timeout(ms(50)).boxed()
}

#[tokio::test(start_paused = true)]
async fn each_attempt_calls_a_service_that_became_ready() {
    let mut service = retrying().layer(call()).layer(Strict::new(2));
    assert_eq!(ServiceExt::<&str>::ready(&mut service).await.unwrap().call("a request").await.unwrap(), 3);
    assert_eq!(service.call("another one").await.unwrap(), 4);
}

#[tokio::test(start_paused = true)]
async fn a_stack_that_is_built_anew_for_each_request_goes_on_counting() {
    let breaker = Breaker::consecutive(3);
    let pipeline = Pipeline::named("shop").breaker(breaker.clone()).boxed();
    for _ in 0..3 {
        let service = ServiceBuilder::new().layer(pipeline.layer(call())).service(Strict::new(9));
        service.oneshot(()).await.unwrap_err();
    }
    assert!(matches!(breaker.state(), BreakerState::Open { .. }));
    let strict = Strict::new(0);
    let calls = Arc::clone(&strict.calls);
    let service = pipeline.layer(call()).layer(strict);
    assert!(matches!(service.oneshot(()).await, Err(Failed::Rejected(_))));
    assert_eq!(calls.load(Ordering::Relaxed), 0);
}

#[tokio::test(start_paused = true)]
async fn a_service_that_never_becomes_ready_is_seen_by_time_out_and_breaker() {
    let breaker = Breaker::consecutive(1);
    let pipeline = Pipeline::named("shop").breaker(breaker.clone()).attempt_timeout(ms(50)).boxed();
    let service = pipeline.layer(call()).layer(Strict { never_ready: true, ..Strict::new(0) });
    assert!(matches!(service.oneshot(()).await, Err(Failed::TimedOut(_))));
    assert!(matches!(breaker.state(), BreakerState::Open { .. }));
}

#[tokio::test(start_paused = true)]
async fn a_request_that_cannot_be_copied_is_sent_once() {
    struct Once;
    impl Replay for Once {
        fn replay(&self) -> Option<Self> {
            None
        }
    }
    let strict = Strict::new(9);
    let calls = Arc::clone(&strict.calls);
    let failed = retrying().layer(call()).layer(strict).oneshot(Once).await.unwrap_err();
    assert!(matches!(failed, Failed::Inner { attempts: 1, .. }));
    assert_eq!(calls.load(Ordering::Relaxed), 1);
}

#[tokio::test(start_paused = true)]
async fn a_place_taken_by_readiness_is_given_back_when_the_attempt_is_dropped() {
    let slow = service_fn(|wait: u64| async move {
        steadfast::Clock::real().sleep(ms(wait)).await;
        Ok::<_, Error>(())
    });
    let pipeline = Pipeline::named("shop").attempt_timeout(ms(50)).boxed();
    let mut service =
        ServiceBuilder::new().layer(pipeline.layer(call())).layer(ConcurrencyLimitLayer::new(1)).service(slow);
    for _ in 0..3 {
        assert!(matches!(service.call(1_000).await, Err(Failed::TimedOut(_))));
        service.call(1).await.unwrap();
    }
}
