//! Is a call that was stopped judged by the reason? Stopped by its user it says nothing about the backend, in
//! either direction; stopped because it took too long, it is what a breaker is for.

use super::{Bench, Rule, WhyStopped};
use crate::testing::conformance::{Subject, Verdict, drive::Running};

pub(super) async fn user(subject: &dyn Subject) -> Verdict {
    neutral(subject, WhyStopped::User).await
}

pub(super) async fn hedge(subject: &dyn Subject) -> Verdict {
    neutral(subject, WhyStopped::HedgeLost).await
}

pub(super) async fn shutdown(subject: &dyn Subject) -> Verdict {
    neutral(subject, WhyStopped::Shutdown).await
}

pub(super) async fn deadline(subject: &dyn Subject) -> Verdict {
    failure(subject, WhyStopped::Deadline).await
}

pub(super) async fn attempt(subject: &dyn Subject) -> Verdict {
    failure(subject, WhyStopped::AttemptTimeout).await
}

async fn neutral(subject: &dyn Subject, why: WhyStopped) -> Verdict {
    let Some((bench, short_of)) = short_of_opening(subject).await else { return Verdict::none("no breaker") };
    for _ in 0..50 {
        if !stop(&bench, why).await {
            return Verdict::none("a call cannot be stopped with a reason");
        }
    }
    match bench.failures_until_refused(100).await {
        Some(1) => Verdict::Passed("neither way".to_owned()),
        Some(0) => Verdict::Failed("counted as a failure".to_owned()),
        more => Verdict::Failed(format!("counted as a success: {more:?} more failures after {short_of}")),
    }
}

async fn failure(subject: &dyn Subject, why: WhyStopped) -> Verdict {
    let Some((bench, _)) = short_of_opening(subject).await else { return Verdict::none("no breaker") };
    if !stop(&bench, why).await {
        return Verdict::none("a call cannot be stopped with a reason");
    }
    let refused = bench.refuses().await;
    Verdict::of(refused, if refused { "opened" } else { "stays closed" })
}

/// A breaker that one failure more will open.
async fn short_of_opening(subject: &dyn Subject) -> Option<(Bench, u32)> {
    let window = subject.unit() * 10;
    let rules = [
        Rule::Consecutive { failures: 5 },
        Rule::CountWindow { calls: 5, rate: 1.0, min_calls: 5 },
        Rule::TimeWindow { window, rate: 1.0, min_calls: 5 },
    ];
    let bench = Bench::first(subject, rules)?;
    bench.fail(4).await;
    Some((bench, 4))
}

/// Begins a call and stops it half-way; false when the subject cannot do that.
async fn stop(bench: &Bench, why: WhyStopped) -> bool {
    let Some((call, stopper)) = bench.breaker.call_stoppable(bench.backend.hangs()) else { return false };
    let mut running = Running::new(call);
    running.go_on().await;
    stopper(why);
    running.go_on().await;
    true
}
