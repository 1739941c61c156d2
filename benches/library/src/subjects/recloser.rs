//! recloser: a ring of the last calls; it judges only when the ring is full, so that is its smallest number of
//! calls.

use std::time::Duration;

use recloser::{AsyncRecloser, Error};
use steadfast::testing::conformance::{BreakerSpec, BreakerUnderTest, Calling, Failure, Rule, Subject};

use super::{OnTheMachine, answer};

pub struct Recloser;

impl Subject for Recloser {
    fn name(&self) -> String {
        format!("recloser {}", crate::version("recloser"))
    }

    fn unit(&self) -> Duration {
        Duration::from_millis(20)
    }

    fn breaker(&self, spec: &BreakerSpec) -> Option<Box<dyn BreakerUnderTest>> {
        let Rule::CountWindow { calls, rate, min_calls } = spec.rule else { return None };
        if calls != min_calls {
            return None;
        }
        let recloser = recloser::Recloser::custom()
            .error_rate(rate as f32)
            .closed_len(calls as usize)
            .half_open_len(spec.probes as usize)
            .open_wait(spec.open_for)
            .build();
        let recloser = AsyncRecloser::from(recloser);
        Some(Box::new(OnTheMachine(move |work| -> Calling {
            let call = recloser.call_with(|failure: &Failure| failure.is_transient(), work);
            Box::pin(async move {
                answer(call.await.map_err(|error| match error {
                    Error::Inner(failure) => Some(failure),
                    Error::Rejected => None,
                }))
            })
        })))
    }
}
