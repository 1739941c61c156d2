//! failsafe: consecutive failures, or a moving average of the success rate over whole seconds, which is the nearest
//! that it has to a time window.

use std::time::Duration;

use failsafe::{Config, Error, FailurePolicy, StateMachine, backoff, failure_policy, futures::CircuitBreaker};
use steadfast::testing::conformance::{BreakerSpec, BreakerUnderTest, Calling, Failure, Rule, Subject};

use super::{OnTheMachine, answer};

pub struct Failsafe;

impl Subject for Failsafe {
    fn name(&self) -> String {
        format!("failsafe {}", crate::version("failsafe"))
    }

    /// Ten of these are its shortest window.
    fn unit(&self) -> Duration {
        Duration::from_millis(100)
    }

    fn breaker(&self, spec: &BreakerSpec) -> Option<Box<dyn BreakerUnderTest>> {
        let pause = backoff::constant(spec.open_for);
        // It has no number of probes: whoever comes on probation is let through.
        if spec.probes != 1 {
            return None;
        }
        match spec.rule {
            Rule::Consecutive { failures } => {
                let policy = failure_policy::consecutive_failures(failures, pause);
                Some(under_test(Config::new().failure_policy(policy).build()))
            }
            Rule::TimeWindow { window, rate, min_calls } => {
                let policy = failure_policy::success_rate_over_time_window(1.0 - rate, min_calls, window, pause);
                Some(under_test(Config::new().failure_policy(policy).build()))
            }
            Rule::CountWindow { .. } => None,
        }
    }
}

fn under_test<P>(breaker: StateMachine<P, ()>) -> Box<dyn BreakerUnderTest>
where
    P: FailurePolicy + Send + Sync + 'static,
{
    Box::new(OnTheMachine(move |work| -> Calling {
        let call = breaker.call_with(|failure: &Failure| failure.is_transient(), work);
        Box::pin(async move {
            answer(call.await.map_err(|error| match error {
                Error::Inner(failure) => Some(failure),
                Error::Rejected => None,
            }))
        })
    }))
}
