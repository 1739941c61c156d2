//! Are the waits as long as they should be: growing, capped, spread, as the backend asked, and within the time?

use super::{Growth, RetrySpec, finish};
use crate::testing::conformance::{Failure, Script, Subject, Verdict};
use std::{sync::Arc, time::Duration};

const NONE: &str = "no such retry";

pub(super) async fn double(subject: &dyn Subject) -> Verdict {
    let spec = RetrySpec { max_attempts: 4, growth: Growth::Exponential, ..RetrySpec::plain() };
    let Some(waits) = waits(subject, spec).await else { return Verdict::none(NONE) };
    let wanted = [100, 200, 400].map(Duration::from_millis);
    let near = |(got, wanted): (&Duration, &Duration)| got.abs_diff(*wanted) <= TICKS;
    Verdict::of(waits.len() == 3 && waits.iter().zip(&wanted).all(near), told(&waits))
}

pub(super) async fn capped(subject: &dyn Subject) -> Verdict {
    let spec = RetrySpec {
        max_attempts: 10,
        delay: Duration::from_secs(1),
        growth: Growth::Exponential,
        max_delay: Some(Duration::from_secs(5)),
        ..RetrySpec::plain()
    };
    let Some(waits) = waits(subject, spec).await else { return Verdict::none("no cap on waits") };
    let longest = waits.iter().max().copied().unwrap_or_default();
    Verdict::of(longest.abs_diff(Duration::from_secs(5)) <= TICKS && waits.len() == 9, told(&[longest]))
}

pub(super) async fn spread(subject: &dyn Subject) -> Verdict {
    let spec = RetrySpec { max_attempts: 2, delay: Duration::from_secs(1), jitter: true, ..RetrySpec::plain() };
    let mut first = Vec::new();
    for _ in 0..200 {
        let Some(waits) = waits(subject, spec).await else { return Verdict::none("no jitter") };
        first.extend(waits);
    }
    first.sort_unstable();
    let (Some(shortest), Some(longest)) = (first.first(), first.last()) else { return Verdict::none(NONE) };
    Verdict::of(*longest - *shortest >= Duration::from_millis(250), told(&[*shortest, *longest]))
}

pub(super) async fn hint(subject: &dyn Subject) -> Verdict {
    let spec = RetrySpec { obeys_hints: true, ..RetrySpec::plain() };
    let Some(retry) = subject.retry(&spec) else { return Verdict::none("no hints") };
    let script = Script::new([Err(Failure::Busy { retry_after: Duration::from_secs(3) }), Ok(())]);
    finish(retry.run(Arc::clone(&script))).await;
    let waits = script.waits();
    Verdict::of(waits.len() == 1 && waits[0] >= Duration::from_secs(3), told(&waits))
}

pub(super) async fn declined(subject: &dyn Subject) -> Verdict {
    let spec = RetrySpec { obeys_hints: true, max_delay: Some(Duration::from_secs(120)), ..RetrySpec::plain() };
    let Some(retry) = subject.retry(&spec) else { return Verdict::none("no hints") };
    let limit = Duration::from_secs(10);
    let script = Script::new([Err(Failure::Busy { retry_after: Duration::from_secs(60) })]);
    let run = retry.run_within(limit, Arc::clone(&script)).unwrap_or_else(|| retry.run(Arc::clone(&script)));
    let clock = crate::Clock::real();
    let began = clock.now();
    let answer = tokio::time::timeout(limit, run).await;
    let after = (clock.now() - began).as_secs_f64();
    match answer {
        Ok(Err(Failure::Busy { .. })) => {
            Verdict::of(after < 1.0 && script.attempts() == 1, format!("given back after {after:.1} s"))
        }
        Ok(other) => Verdict::Failed(format!("{other:?} after {after:.1} s")),
        Err(_) => Verdict::Failed(format!("waited for {after:.0} s, and the failure was lost")),
    }
}

pub(super) async fn elapsed(subject: &dyn Subject) -> Verdict {
    let spec = RetrySpec {
        max_attempts: 100,
        delay: Duration::from_secs(1),
        max_elapsed: Some(Duration::from_secs(5)),
        ..RetrySpec::plain()
    };
    let Some(waits) = waits(subject, spec).await else { return Verdict::none("no elapsed limit") };
    let last: Duration = waits.iter().sum();
    let good = last <= Duration::from_secs(5) + TICKS && last >= Duration::from_secs(3);
    Verdict::of(good, format!("{:.1} s", last.as_secs_f64()))
}

/// The waits against a backend that always fails.
async fn waits(subject: &dyn Subject, spec: RetrySpec) -> Option<Vec<Duration>> {
    let retry = subject.retry(&spec)?;
    let script = Script::new([Err(Failure::Unavailable)]);
    finish(retry.run(Arc::clone(&script))).await;
    Some(script.waits())
}

fn told(waits: &[Duration]) -> String {
    let told: Vec<_> = waits.iter().map(|wait| format!("{} ms", wait.as_millis())).collect();
    told.join(", ")
}

/// tokio's timer rounds up to a millisecond, and some subjects read the machine's clock beside it.
const TICKS: Duration = Duration::from_millis(10);
