//! Is the number of attempts right, whatever the failures are?

use super::{Growth, RetrySpec, finish};
use crate::testing::conformance::{Failure, Script, Subject, Verdict};
use std::{sync::Arc, time::Duration};

pub(super) async fn counted(subject: &dyn Subject) -> Verdict {
    attempts(subject, RetrySpec::plain(), Failure::Unavailable, 3).await
}

pub(super) async fn permanent(subject: &dyn Subject) -> Verdict {
    attempts(subject, RetrySpec::plain(), Failure::Invalid, 1).await
}

pub(super) async fn thousand(subject: &dyn Subject) -> Verdict {
    let spec = RetrySpec {
        max_attempts: 1_000,
        growth: Growth::Exponential,
        max_delay: Some(Duration::from_secs(1)),
        ..RetrySpec::plain()
    };
    attempts(subject, spec, Failure::Unavailable, 1_000).await
}

async fn attempts(subject: &dyn Subject, spec: RetrySpec, failure: Failure, wanted: usize) -> Verdict {
    let Some(retry) = subject.retry(&spec) else { return Verdict::none("no such retry") };
    let script = Script::new([Err(failure)]);
    match finish(retry.run(Arc::clone(&script))).await {
        Some(Err(_)) => Verdict::of(script.attempts() == wanted, script.attempts().to_string()),
        other => Verdict::Failed(format!("{} attempts, then {other:?}", script.attempts())),
    }
}

pub(super) async fn ends(subject: &dyn Subject) -> Verdict {
    let Some(retry) = subject.retry(&RetrySpec::plain()) else { return Verdict::none("no such retry") };
    let script = Script::new([Err(Failure::Unavailable), Ok(())]);
    let answer = finish(retry.run(Arc::clone(&script))).await;
    Verdict::of(answer == Some(Ok(())) && script.attempts() == 2, format!("{} attempts", script.attempts()))
}

pub(super) async fn dropped(subject: &dyn Subject) -> Verdict {
    let Some(retry) = subject.retry(&RetrySpec::plain()) else { return Verdict::none("no such retry") };
    let script = Script::new([Err(Failure::Unavailable)]);
    let cut = tokio::time::timeout(Duration::from_millis(50), retry.run(Arc::clone(&script))).await;
    tokio::time::sleep(Duration::from_secs(10)).await;
    Verdict::of(cut.is_err() && script.attempts() == 1, format!("{} attempts", script.attempts()))
}
