//! seatbelt: a time window on its own clock, which its test kit moves. For retries that clock is moved in step
//! with tokio's, because the suite reads the times of the attempts there.

use std::{pin::Pin, sync::Arc, time::Duration};

use layered::{Execute, Service, Stack};
use seatbelt::{
    RecoveryInfo, ResilienceContext,
    breaker::{AbandonedPolicy, Breaker, HalfOpenMode},
    retry::{Backoff, Retry},
};
use steadfast::testing::conformance::{
    BreakerSpec, BreakerUnderTest, Calling, Failure, Growth, RetrySpec, RetryUnderTest, Rule, Run, Script, Subject,
    Work,
};
use tick::ClockControl;

use super::answer;

pub struct Seatbelt {
    /// What a dropped call means to its breaker; by default that is a failure when all are dropped.
    pub drops: Drops,
}

#[derive(Clone, Copy)]
pub enum Drops {
    ByDefault,
    AsFailures,
}

impl Subject for Seatbelt {
    fn name(&self) -> String {
        let drops = match self.drops {
            Drops::ByDefault => "",
            Drops::AsFailures => ", drops as failures",
        };
        format!("seatbelt {}{drops}", crate::version("seatbelt"))
    }

    fn breaker(&self, spec: &BreakerSpec) -> Option<Box<dyn BreakerUnderTest>> {
        let Rule::TimeWindow { window, rate, min_calls } = spec.rule else { return None };
        // One probe, or a share of all calls that grows by itself: no number.
        if spec.probes != 1 {
            return None;
        }
        let time = ClockControl::new();
        let context = ResilienceContext::<Work, Result<(), Option<Failure>>>::new(time.to_clock());
        let layer = Breaker::layer("breaker", &context)
            .recovery_with(|result, _| recovery(&result.map_err(|failure| failure.unwrap_or(Failure::Invalid))))
            .rejected_input_error(|_, _| None)
            .failure_threshold(rate as f32)
            .min_throughput(min_calls)
            .sampling_duration(window)
            .break_duration(spec.open_for)
            .half_open_mode(HalfOpenMode::quick())
            .abandoned_policy(match self.drops {
                Drops::ByDefault => AbandonedPolicy::default(),
                Drops::AsFailures => AbandonedPolicy::as_failures(),
            });
        let service = (layer, Execute::new(|work: Work| async move { work.await.map_err(Some) })).into_service();
        let service = Arc::new(service);
        let call = move |work| -> Calling {
            let service = Arc::clone(&service);
            Box::pin(async move { answer(service.execute(work).await) })
        };
        Some(Box::new(OnItsClock { call, time }))
    }

    fn retry(&self, spec: &RetrySpec) -> Option<Box<dyn RetryUnderTest>> {
        if spec.budget.is_some() || spec.max_elapsed.is_some() {
            return None;
        }
        Some(Box::new(OurRetry(*spec)))
    }
}

/// Its documents say that a success and what is permanent are both "never".
fn recovery(result: &Result<(), Failure>) -> RecoveryInfo {
    match result {
        Err(failure) if failure.is_transient() => {
            failure.retry_after().map_or_else(RecoveryInfo::retry, |wait| RecoveryInfo::retry().delay(wait))
        }
        _ => RecoveryInfo::never(),
    }
}

struct OnItsClock<F> {
    call: F,
    time: ClockControl,
}

impl<F: Fn(Work) -> Calling + Send + Sync> BreakerUnderTest for OnItsClock<F> {
    fn call(&self, work: Work) -> Calling {
        (self.call)(work)
    }

    fn advance(&self, by: Duration) -> Pin<Box<dyn Future<Output = ()> + '_>> {
        self.time.advance(by);
        Box::pin(std::future::ready(()))
    }
}

struct OurRetry(RetrySpec);

impl RetryUnderTest for OurRetry {
    fn run(&self, script: Arc<Script>) -> Run {
        let spec = self.0;
        let time = ClockControl::new();
        let context = ResilienceContext::<Arc<Script>, Result<(), Failure>>::new(time.to_clock());
        let growth = if spec.growth == Growth::Fixed { Backoff::Constant } else { Backoff::Exponential };
        let layer = Retry::layer("retry", &context)
            .clone_input()
            .recovery_with(|result, _| recovery(result))
            .max_retry_attempts(spec.max_attempts - 1)
            .base_delay(spec.delay)
            .use_jitter(spec.jitter)
            .backoff(growth);
        let layer = match spec.max_delay {
            Some(longest) => layer.max_delay(longest),
            None => layer,
        };
        let service = (layer, Execute::new(|script: Arc<Script>| async move { script.attempt().await })).into_service();
        Box::pin(async move {
            let mut run = std::pin::pin!(service.execute(script));
            loop {
                tokio::select! {
                    biased;
                    answer = &mut run => return answer,
                    () = tokio::time::sleep(STEP) => time.advance(STEP),
                }
            }
        })
    }
}

/// Finer than what the suite tells apart.
const STEP: Duration = Duration::from_millis(5);
