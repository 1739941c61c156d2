//! Is probation bounded, and is a place that was lent always given back?

use super::{Bench, Rule};
use crate::testing::conformance::{
    Subject, Verdict,
    drive::{Running, begin_all},
};

const NONE: &str = "no breaker, or it did not open";

pub(super) async fn few(subject: &dyn Subject) -> Verdict {
    let Some(bench) = Bench::on_probation(subject).await else { return Verdict::none(NONE) };
    at_once(&bench, 1).await
}

pub(super) async fn three(subject: &dyn Subject) -> Verdict {
    let window = subject.unit() * 10;
    let rules = [
        Rule::Consecutive { failures: 5 },
        Rule::CountWindow { calls: 10, rate: 0.5, min_calls: 10 },
        Rule::TimeWindow { window, rate: 0.5, min_calls: 10 },
    ];
    let Some(bench) = rules.into_iter().find_map(|rule| Bench::new(subject, rule, 3)) else {
        return Verdict::none("no number of probes");
    };
    if bench.failures_until_refused(100).await.is_none() {
        return Verdict::none(NONE);
    }
    bench.let_the_pause_pass().await;
    at_once(&bench, 3).await
}

async fn at_once(bench: &Bench, allowed: u32) -> Verdict {
    let before = bench.backend.reached();
    let calls = (0..100).map(|_| bench.breaker.call(bench.backend.hangs()));
    let running = begin_all(calls).await;
    let reached = bench.backend.reached() - before;
    drop(running);
    Verdict::of(reached == allowed, format!("{reached} of 100"))
}

pub(super) async fn gives_back(subject: &dyn Subject) -> Verdict {
    let Some(bench) = Bench::on_probation(subject).await else { return Verdict::none(NONE) };
    let mut probe = Running::new(bench.breaker.call(bench.backend.hangs()));
    probe.go_on().await;
    drop(probe);
    free_after(&bench, 1).await
}

pub(super) async fn goes_on(subject: &dyn Subject) -> Verdict {
    let Some(bench) = Bench::on_probation(subject).await else { return Verdict::none(NONE) };
    let mut probe = Running::new(bench.breaker.call(bench.backend.hangs()));
    probe.go_on().await;
    let verdict = free_after(&bench, 5).await;
    drop(probe);
    verdict
}

pub(super) async fn survives_panic(subject: &dyn Subject) -> Verdict {
    let Some(bench) = Bench::on_probation(subject).await else { return Verdict::none(NONE) };
    bench.run(bench.backend.panics()).await;
    free_after(&bench, 1).await
}

/// After how many more pauses a call is let through.
async fn free_after(bench: &Bench, allowed: u32) -> Verdict {
    for pauses in 0..=allowed {
        if !bench.refuses().await {
            let measured = if pauses == 0 { "at once".to_owned() } else { format!("after {pauses} more pauses") };
            return Verdict::Passed(measured);
        }
        bench.let_the_pause_pass().await;
    }
    Verdict::Failed(format!("still refuses after {allowed} more pauses"))
}
