//! A retry as plain as can be, with every mistake that a probe asks for.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};
use steadfast::testing::conformance::{Failure, Growth, RetrySpec, RetryUnderTest, Run, Script, Subject};
use tokio::time::{Instant, sleep};

pub(crate) struct ToyRetries(pub(crate) Option<RetryFlaw>);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RetryFlaw {
    CountsOneMore,
    TriesWhatIsPermanent,
    GoesOnAfterSuccess,
    OutlivesItsCaller,
    Overflows,
    NeverGrows,
    HasNoCap,
    HasNoJitter,
    IgnoresHints,
    WaitsInVain,
    ForgetsTheTime,
    HasNoBudget,
    KeepsTheBudget,
    Panics,
    Hangs,
}

impl RetryFlaw {
    /// Which probe each one fails, in the order of the probes.
    pub(crate) const PROBES: &[(&str, Self)] = &[
        ("attempts are counted", Self::CountsOneMore),
        ("what is permanent is not tried again", Self::TriesWhatIsPermanent),
        ("a success ends it", Self::GoesOnAfterSuccess),
        ("a dropped call is not tried again", Self::OutlivesItsCaller),
        ("a thousand attempts overflow nothing", Self::Overflows),
        ("waits double", Self::NeverGrows),
        ("waits have a cap", Self::HasNoCap),
        ("jitter spreads the waits", Self::HasNoJitter),
        ("a hint is obeyed", Self::IgnoresHints),
        ("a hint longer than the time left is declined", Self::WaitsInVain),
        ("no attempt begins after the elapsed limit", Self::ForgetsTheTime),
        ("a budget bounds the load of an outage", Self::HasNoBudget),
        ("a budget comes back", Self::KeepsTheBudget),
    ];
}

impl Subject for ToyRetries {
    fn name(&self) -> String {
        "a toy".to_owned()
    }

    fn retry(&self, spec: &RetrySpec) -> Option<Box<dyn RetryUnderTest>> {
        let tokens = spec.budget.map_or(f64::INFINITY, |budget| f64::from(budget.burst));
        Some(Box::new(Toy { spec: *spec, flaw: self.0, tokens: Arc::new(Mutex::new(tokens)) }))
    }
}

#[derive(Clone)]
struct Toy {
    spec: RetrySpec,
    flaw: Option<RetryFlaw>,
    tokens: Arc<Mutex<f64>>,
}

impl Toy {
    fn has(&self, flaw: RetryFlaw) -> bool {
        self.flaw == Some(flaw)
    }

    async fn go(self, script: Arc<Script>, limit: Option<Duration>) -> Result<(), Failure> {
        if self.has(RetryFlaw::Panics) {
            std::panic::resume_unwind(Box::new("on purpose"));
        }
        if self.has(RetryFlaw::Hangs) {
            std::future::pending::<()>().await;
        }
        let began = Instant::now();
        let mut tries = 0;
        loop {
            tries += 1;
            let answer = script.attempt().await;
            self.learn(&answer);
            let failure = match answer {
                Ok(()) if tries > 1 && self.has(RetryFlaw::GoesOnAfterSuccess) => Failure::Unavailable,
                Ok(()) => return Ok(()),
                Err(failure) => failure,
            };
            let last = self.spec.max_attempts + u32::from(self.has(RetryFlaw::CountsOneMore));
            let hopeless = !failure.is_transient() && !self.has(RetryFlaw::TriesWhatIsPermanent);
            let wait = self.wait(tries, failure);
            let left =
                [limit, self.limit()].into_iter().flatten().min().map(|limit| limit.saturating_sub(began.elapsed()));
            if tries >= last || hopeless || left.is_some_and(|left| left < wait) || !self.pay() {
                return Err(failure);
            }
            sleep(wait).await;
        }
    }

    fn limit(&self) -> Option<Duration> {
        self.spec.max_elapsed.filter(|_| !self.has(RetryFlaw::ForgetsTheTime))
    }

    fn wait(&self, tries: u32, failure: Failure) -> Duration {
        let grows = self.spec.growth == Growth::Exponential && !self.has(RetryFlaw::NeverGrows);
        let factor = if grows { 2u32.saturating_pow(tries - 1) } else { 1 };
        let wait = match self.has(RetryFlaw::Overflows) {
            true => self.spec.delay.checked_mul(1 << (tries % 40)).expect("the mistake under test"),
            false => self.spec.delay.saturating_mul(factor),
        };
        let cap = self.spec.max_delay.filter(|_| !self.has(RetryFlaw::HasNoCap)).unwrap_or(Duration::MAX);
        let spread = if self.spec.jitter && !self.has(RetryFlaw::HasNoJitter) { fastrand::f64() } else { 1.0 };
        let hint = failure.retry_after().filter(|_| self.spec.obeys_hints && !self.has(RetryFlaw::IgnoresHints));
        wait.min(cap).mul_f64(spread).max(hint.unwrap_or_default())
    }

    fn learn(&self, answer: &Result<(), Failure>) {
        if let Some(budget) = self.spec.budget.filter(|_| !self.has(RetryFlaw::KeepsTheBudget))
            && answer.is_ok()
        {
            let mut tokens = self.tokens.lock().unwrap();
            *tokens = (*tokens + budget.ratio).min(f64::from(budget.burst));
        }
    }

    fn pay(&self) -> bool {
        let mut tokens = self.tokens.lock().unwrap();
        let can = *tokens >= 1.0 || self.has(RetryFlaw::HasNoBudget);
        *tokens -= f64::from(u8::from(can));
        can
    }
}

impl RetryUnderTest for Toy {
    fn run(&self, script: Arc<Script>) -> Run {
        let run = self.clone().go(script, None);
        if !self.has(RetryFlaw::OutlivesItsCaller) {
            return Box::pin(run);
        }
        Box::pin(async move {
            #[expect(clippy::disallowed_methods, reason = "the mistake under test")]
            tokio::spawn(run).await.unwrap()
        })
    }

    fn run_within(&self, limit: Duration, script: Arc<Script>) -> Option<Run> {
        let limit = (!self.has(RetryFlaw::WaitsInVain)).then_some(limit);
        Some(Box::pin(self.clone().go(script, limit)))
    }
}
