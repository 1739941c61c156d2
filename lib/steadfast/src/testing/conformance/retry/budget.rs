//! Does a budget keep an outage from being made worse, and is it there again afterwards?

use super::{BudgetSpec, Failure, RetrySpec, RetryUnderTest, finish};
use crate::testing::conformance::{Script, Subject, Verdict};
use std::{sync::Arc, time::Duration};

pub(super) async fn outage(subject: &dyn Subject) -> Verdict {
    let Some(retry) = subject.retry(&spec()) else { return Verdict::none("no budget") };
    let load = outage_load(&*retry).await;
    Verdict::of((1.0..=1.3).contains(&load), format!("{load:.2} attempts a call"))
}

pub(super) async fn refunds(subject: &dyn Subject) -> Verdict {
    let Some(retry) = subject.retry(&spec()) else { return Verdict::none("no budget") };
    outage_load(&*retry).await;
    for _ in 0..1_000 {
        finish(retry.run(Script::new([Ok(())]))).await;
    }
    let answer = finish(retry.run(Script::new([Err(Failure::Unavailable), Ok(())]))).await;
    Verdict::of(answer == Some(Ok(())), format!("{answer:?}"))
}

async fn outage_load(retry: &dyn RetryUnderTest) -> f64 {
    let mut attempts = 0;
    for _ in 0..CALLS {
        let script = Script::new([Err(Failure::Unavailable)]);
        finish(retry.run(Arc::clone(&script))).await;
        attempts += script.attempts();
    }
    attempts as f64 / f64::from(CALLS)
}

fn spec() -> RetrySpec {
    let budget = BudgetSpec { ratio: 0.2, burst: 10 };
    RetrySpec { delay: Duration::from_millis(1), budget: Some(budget), ..RetrySpec::plain() }
}

const CALLS: u32 = 1_000;
