//! The adapter for this library itself: the example of how one is written, and what our own tests and the table
//! use.

use super::{
    Answer, BreakerSpec, BreakerUnderTest, Calling, Failure, Growth, RetrySpec, RetryUnderTest, Rule, Run, Script,
    Stopper, Subject, WhyStopped, Work,
};
use crate::{Abandoned, Breaker, Budget, Call, CancelReason, CancelToken, Clock, Code, Deadline, Error, Jitter, Retry};
use std::{sync::Arc, time::Duration};

/// This library, with one setting that is not the default: a call that is dropped without a word after half a
/// unit of time is a failure, so that it is seen when the caller's time-out stands outside.
///
/// ```
/// use steadfast::testing::conformance::{Steadfast, Subject};
///
/// assert!(Steadfast.name().starts_with("steadfast "));
/// ```
#[derive(Debug, Clone, Copy, Default)]
pub struct Steadfast;

impl Subject for Steadfast {
    fn name(&self) -> String {
        concat!("steadfast ", env!("CARGO_PKG_VERSION")).to_owned()
    }

    fn breaker(&self, spec: &BreakerSpec) -> Option<Box<dyn BreakerUnderTest>> {
        let breaker = match spec.rule {
            Rule::Consecutive { failures } => Breaker::consecutive(failures),
            Rule::CountWindow { calls, rate, min_calls } => {
                Breaker::failure_rate(rate).window_calls(calls).min_calls(min_calls)
            }
            Rule::TimeWindow { window, rate, min_calls } => {
                Breaker::failure_rate(rate).window(window).min_calls(min_calls)
            }
        };
        let breaker = breaker.open_for(spec.open_for).half_open_probes(spec.probes);
        Some(Box::new(OurBreaker(breaker.abandoned(Abandoned::FailureAfter(self.unit() / 2)))))
    }

    fn retry(&self, spec: &RetrySpec) -> Option<Box<dyn RetryUnderTest>> {
        let retry = match spec.growth {
            Growth::Fixed => Retry::fixed(spec.delay),
            Growth::Exponential => Retry::exponential(spec.delay),
        };
        let retry = retry.max_attempts(spec.max_attempts).jitter(if spec.jitter { Jitter::Full } else { Jitter::None });
        let retry = match spec.max_delay {
            Some(longest) => retry.max_delay(longest),
            None => retry,
        };
        // A ratio keeps 10 in hand, which is what the suite asks for.
        let retry = match spec.budget {
            Some(budget) => retry.budget(Budget::ratio(budget.ratio)),
            None => retry,
        };
        let retry = match spec.max_elapsed {
            Some(limit) => retry.max_elapsed(limit),
            None => retry,
        };
        Some(Box::new(OurRetry(retry)))
    }
}

struct OurBreaker(Breaker);

impl OurBreaker {
    fn within(&self, call: Call, work: Work) -> Calling {
        let breaker = self.0.clone();
        Box::pin(async move {
            let work = async { work.await.map_err(Error::from) };
            match breaker.run(&call, work).await {
                Ok(()) => Answer::Succeeded,
                Err(error) if error.code() == Code::CIRCUIT_OPEN => {
                    Answer::Refused { retry_after: error.retry_after() }
                }
                Err(error) => failure(&error).map_or(Answer::Stopped, Answer::Failed),
            }
        })
    }
}

impl BreakerUnderTest for OurBreaker {
    fn call(&self, work: Work) -> Calling {
        self.within(call(), work)
    }

    fn call_within(&self, limit: Duration, work: Work) -> Option<Calling> {
        Some(self.within(call().with_deadline(Deadline::after(&Clock::real(), limit)), work))
    }

    fn call_stoppable(&self, work: Work) -> Option<(Calling, Stopper)> {
        let token = CancelToken::root("conformance");
        let calling = self.within(Call::new("probe", &token), work);
        let stopper = move |why| {
            token.cancel(reason(why));
        };
        Some((calling, Box::new(stopper)))
    }
}

struct OurRetry(Retry);

impl OurRetry {
    fn under(&self, call: Call, script: Arc<Script>) -> Run {
        let retry = self.0.clone();
        Box::pin(async move {
            let answer = retry.run(&call, |_| {
                let attempt = script.attempt();
                async move { attempt.await.map_err(Error::from) }
            });
            answer.await.map_err(|error| failure(error.last_attempt()).unwrap_or(Failure::Unavailable))
        })
    }
}

impl RetryUnderTest for OurRetry {
    fn run(&self, script: Arc<Script>) -> Run {
        self.under(call(), script)
    }

    fn run_within(&self, limit: Duration, script: Arc<Script>) -> Option<Run> {
        Some(self.under(call().with_deadline(Deadline::after(&Clock::real(), limit)), script))
    }
}

fn call() -> Call {
    Call::new("probe", &CancelToken::root("conformance"))
}

fn reason(why: WhyStopped) -> CancelReason {
    match why {
        WhyStopped::User => CancelReason::UserStop,
        WhyStopped::Deadline => CancelReason::Deadline,
        WhyStopped::AttemptTimeout => CancelReason::AttemptTimeout,
        WhyStopped::HedgeLost => CancelReason::HedgeLost,
        WhyStopped::Shutdown => CancelReason::Shutdown,
    }
}

impl From<Failure> for Error {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Unavailable => Self::unavailable("backend").with_source(failure),
            Failure::Busy { retry_after } => Self::overloaded("backend", Some(retry_after)).with_source(failure),
            Failure::Invalid => Self::validation("The request is invalid.").with_source(failure),
        }
    }
}

/// What the backend itself said, if it did.
fn failure(error: &Error) -> Option<Failure> {
    std::error::Error::source(error)?.downcast_ref().copied()
}
