//! backon: retry only. Its "total delay" counts the waits and not the attempts, which is the nearest that it has to an
//! elapsed limit.

use std::{sync::Arc, time::Duration};

use backon::{ConstantBuilder, ExponentialBuilder, Retryable};
use steadfast::testing::conformance::{Failure, Growth, RetrySpec, RetryUnderTest, Run, Script, Subject};

pub struct Backon;

impl Subject for Backon {
    fn name(&self) -> String {
        format!("backon {}", crate::version("backon"))
    }

    fn retry(&self, spec: &RetrySpec) -> Option<Box<dyn RetryUnderTest>> {
        spec.budget.is_none().then(|| Box::new(OurRetry(*spec)) as _)
    }
}

struct OurRetry(RetrySpec);

impl RetryUnderTest for OurRetry {
    fn run(&self, script: Arc<Script>) -> Run {
        let spec = self.0;
        let retries = spec.max_attempts as usize - 1;
        let attempt = move || script.attempt();
        let hint = move |failure: &Failure, wait: Option<Duration>| match failure.retry_after() {
            Some(hint) if spec.obeys_hints => wait.map(|wait| wait.max(hint)),
            _ => wait,
        };
        if spec.growth == Growth::Fixed && spec.max_elapsed.is_none() {
            let waits = ConstantBuilder::default().with_delay(spec.delay).with_max_times(retries);
            let waits = if spec.jitter { waits.with_jitter() } else { waits };
            return Box::pin(
                async move { attempt.retry(waits).when(|failure| failure.is_transient()).adjust(hint).await },
            );
        }
        let factor = if spec.growth == Growth::Fixed { 1.0 } else { 2.0 };
        let waits = ExponentialBuilder::default()
            .with_min_delay(spec.delay)
            .with_factor(factor)
            .with_max_times(retries)
            .with_total_delay(spec.max_elapsed);
        let waits = match spec.max_delay {
            Some(longest) => waits.with_max_delay(longest),
            None => waits.without_max_delay(),
        };
        let waits = if spec.jitter { waits.with_jitter() } else { waits };
        Box::pin(async move { attempt.retry(waits).when(|failure| failure.is_transient()).adjust(hint).await })
    }
}
