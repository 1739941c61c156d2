//! tower-resilience. Each thread clones the service once, as one of a server's connections does, and asks for
//! readiness before each call; all clones share one circuit.

use std::{hint::black_box, sync::Arc, time::Duration};

use ::tower_resilience::{
    circuitbreaker::{CircuitBreakerConfigBuilder, CircuitBreakerLayer},
    retry::RetryLayer,
    timelimiter::TimeLimiterLayer,
};
use tower::{Layer, Service, ServiceExt, service_fn};

use super::{Case, Group, Refused, Whose, at_once, work};

type Run = Arc<dyn Fn(u64) + Send + Sync>;

pub(super) fn cases() -> Vec<Case> {
    let case = |group, name, build| Case { group, name, whose: Whose::Rival, build };
    vec![
        case(Group::Breaker, "tower-resilience, 100 calls", by_count),
        case(Group::Breaker, "tower-resilience, 5 in a row", in_a_row),
        case(Group::Retry, "tower-resilience", retry),
        case(Group::Timeout, "tower-resilience", timeout),
        case(Group::Stack, "tower-resilience, 100 calls", stack),
        case(Group::Rejection, "tower-resilience", rejection),
    ]
}

fn breaker(builder: CircuitBreakerConfigBuilder) -> CircuitBreakerLayer {
    let layer = builder.wait_duration_in_open(Duration::from_secs(3_600)).build();
    layer.unwrap_or_else(|_| unreachable!("these settings are valid"))
}

fn repeat<S>(service: S) -> Run
where
    S: Service<u64> + Clone + Send + Sync + 'static,
{
    Arc::new(move |calls| {
        let mut service = service.clone();
        for _ in 0..calls {
            let answer = at_once(async {
                let Ok(ready) = service.ready().await else { return false };
                ready.call(black_box(7)).await.is_ok()
            });
            black_box(answer);
        }
    })
}

fn by_count() -> Run {
    repeat(breaker(CircuitBreakerLayer::builder().failure_rate_threshold(0.5)).layer(service_fn(work::<Refused>)))
}

fn in_a_row() -> Run {
    repeat(breaker(CircuitBreakerLayer::builder().consecutive_failures(5)).layer(service_fn(work::<Refused>)))
}

fn retry() -> Run {
    let layer = RetryLayer::<u64, u64, Refused>::builder().exponential_backoff(Duration::from_millis(100)).build();
    repeat(layer.layer(service_fn(work::<Refused>)))
}

fn timeout() -> Run {
    let layer = TimeLimiterLayer::builder().timeout_duration(Duration::from_secs(20)).build();
    repeat(layer.layer(service_fn(work::<Refused>)))
}

fn stack() -> Run {
    let timeout = TimeLimiterLayer::builder().timeout_duration(Duration::from_secs(20)).build();
    let breaker = breaker(CircuitBreakerLayer::builder().failure_rate_threshold(0.5));
    let retry = RetryLayer::builder().exponential_backoff(Duration::from_millis(100)).build();
    repeat(retry.layer(breaker.layer(timeout.layer(service_fn(work::<Refused>)))))
}

fn rejection() -> Run {
    let fails_for_zero = |number: u64| async move { if number == 0 { Err(Refused) } else { work(number).await } };
    let service = breaker(CircuitBreakerLayer::builder().consecutive_failures(5)).layer(service_fn(fails_for_zero));
    let mut opening = service.clone();
    for _ in 0..6 {
        let _ = at_once(async { opening.ready().await.ok()?.call(0).await.ok() });
    }
    repeat(service)
}
