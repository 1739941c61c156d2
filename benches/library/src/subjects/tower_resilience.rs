//! tower-resilience: one service, cloned for each call as its documents show, so that all share one circuit. The
//! request that goes through it is the work itself.

use std::{sync::Arc, time::Duration};

use steadfast::testing::conformance::{
    BreakerSpec, BreakerUnderTest, Calling, Failure, Growth, RetrySpec, RetryUnderTest, Rule, Run, Script, Subject,
    Work,
};
use tower::{Layer, Service, ServiceExt, service_fn, util::BoxCloneSyncService};
use tower_resilience::{
    circuitbreaker::{CircuitBreakerError, CircuitBreakerLayer, SlidingWindowType},
    retry::{ExponentialBackoff, ExponentialRandomBackoff, RetryBudgetBuilder, RetryLayer},
};

use super::{OnTheMachine, answer};

pub struct TowerResilience;

impl Subject for TowerResilience {
    fn name(&self) -> String {
        format!("tower-resilience {}", crate::version("tower-resilience"))
    }

    fn unit(&self) -> Duration {
        Duration::from_millis(20)
    }

    fn breaker(&self, spec: &BreakerSpec) -> Option<Box<dyn BreakerUnderTest>> {
        let builder = CircuitBreakerLayer::builder()
            .wait_duration_in_open(spec.open_for)
            .permitted_calls_in_half_open(spec.probes as usize);
        let builder = match spec.rule {
            Rule::Consecutive { failures } => builder.consecutive_failures(failures as usize),
            Rule::CountWindow { calls, rate, min_calls } => builder
                .failure_rate_threshold(rate)
                .sliding_window_size(calls as usize)
                .minimum_number_of_calls(min_calls as usize),
            Rule::TimeWindow { window, rate, min_calls } => builder
                .failure_rate_threshold(rate)
                .sliding_window_type(SlidingWindowType::TimeBased)
                .sliding_window_duration(window)
                .minimum_number_of_calls(min_calls as usize),
        };
        let counts = |result: &Result<(), Failure>| result.is_err_and(Failure::is_transient);
        let layer = builder.failure_classifier(counts).build().ok()?;
        let service = layer.layer(service_fn(|work: Work| work));
        Some(Box::new(OnTheMachine(move |work| -> Calling {
            let mut service = service.clone();
            Box::pin(async move {
                let result = match ServiceExt::<Work>::ready(&mut service).await {
                    Ok(ready) => ready.call(work).await,
                    Err(error) => Err(error),
                };
                answer(result.map_err(|error| match error {
                    CircuitBreakerError::Inner(failure) => Some(failure),
                    CircuitBreakerError::OpenCircuit => None,
                }))
            })
        })))
    }

    fn retry(&self, spec: &RetrySpec) -> Option<Box<dyn RetryUnderTest>> {
        if spec.max_elapsed.is_some() || spec.obeys_hints {
            return None;
        }
        let builder = RetryLayer::<Arc<Script>, (), Failure>::builder()
            .max_attempts(spec.max_attempts as usize)
            .retry_on(|failure: &Failure| failure.is_transient());
        let factor = if spec.growth == Growth::Fixed { 1.0 } else { 2.0 };
        let builder = if spec.jitter {
            builder.backoff(ExponentialRandomBackoff::new(spec.delay, 0.5).ok()?.multiplier(factor).ok()?)
        } else {
            let waits = ExponentialBackoff::new(spec.delay).multiplier(factor).ok()?;
            builder.backoff(spec.max_delay.map_or(waits.clone(), |longest| waits.max_interval(longest)))
        };
        let builder = match spec.budget {
            // Five tokens a retry, one back for each success: 20 %. It holds whole tokens only.
            Some(budget) => {
                let withdraw = (1.0 / budget.ratio).round() as usize;
                let aimd = RetryBudgetBuilder::new().aimd().max_budget(budget.burst as usize * withdraw);
                builder.budget(aimd.withdraw_amount(withdraw).deposit_amount(1).build().ok()?)
            }
            None => builder,
        };
        let service = builder.build().layer(service_fn(|script: Arc<Script>| async move { script.attempt().await }));
        Some(Box::new(OurRetry(BoxCloneSyncService::new(service))))
    }
}

struct OurRetry(BoxCloneSyncService<Arc<Script>, (), Failure>);

impl RetryUnderTest for OurRetry {
    fn run(&self, script: Arc<Script>) -> Run {
        Box::pin(self.0.clone().oneshot(script))
    }
}
