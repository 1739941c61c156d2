//! Does it see a backend that never answers, and one that panics? Hung calls are the usual way in which a
//! backend fails, and the one that a breaker outside of nothing but a dropped future never hears of.

use super::{Bench, Calling, OPEN_FOR, Rule, is_refused};
use crate::testing::conformance::{
    Subject, Verdict,
    drive::{Running, begin_all},
};
use std::time::Duration;

pub(super) async fn all(subject: &dyn Subject) -> Verdict {
    let Some(bench) = bench(subject) else { return Verdict::none("no breaker") };
    outside(&bench, 20, 0).await
}

pub(super) async fn most(subject: &dyn Subject) -> Verdict {
    let Some(bench) = bench(subject) else { return Verdict::none("no breaker") };
    outside(&bench, 18, 2).await
}

pub(super) async fn told(subject: &dyn Subject) -> Verdict {
    let Some(bench) = bench(subject) else { return Verdict::none("no breaker") };
    let limit = subject.unit();
    for batch in 0..BATCHES {
        let Some(calls) = (0..20).map(|_| bench.breaker.call_within(limit, bench.backend.hangs())).collect() else {
            return Verdict::none("a limit cannot be told");
        };
        wait_and_drop(&bench, calls, limit + limit / 10).await;
        if bench.refuses_one_that_hangs().await {
            return Verdict::Passed(format!("opened after {} hung calls", (batch + 1) * 20));
        }
    }
    Verdict::Failed("stays closed".to_owned())
}

pub(super) async fn panics(subject: &dyn Subject) -> Verdict {
    let Some(bench) = Bench::usual(subject) else { return Verdict::none("no breaker") };
    for panics in 0..=50 {
        if is_refused(bench.run(bench.backend.panics()).await.as_ref()) {
            return Verdict::Passed(format!("opened after {panics}"));
        }
    }
    Verdict::Failed("stays closed".to_owned())
}

pub(super) async fn leaving(subject: &dyn Subject) -> Verdict {
    let Some(bench) = bench(subject) else { return Verdict::none("no breaker") };
    for _ in 0..BATCHES {
        bench.succeed(2).await;
        drop(begin_all((0..18).map(|_| bench.breaker.call(bench.backend.hangs()))).await);
    }
    let refused = bench.refuses().await;
    Verdict::of(!refused, if refused { "opened" } else { "stays closed" })
}

fn bench(subject: &dyn Subject) -> Option<Bench> {
    Bench::first(
        subject,
        [
            Rule::TimeWindow { window: subject.unit() * 1_000, rate: 0.5, min_calls: 20 },
            Rule::CountWindow { calls: 20, rate: 0.5, min_calls: 20 },
            Rule::Consecutive { failures: 5 },
        ],
    )
}

/// Batches of calls that a caller gives up, from outside and without a word.
async fn outside(bench: &Bench, hanging: u32, succeeding: u32) -> Verdict {
    for batch in 0..BATCHES {
        bench.succeed(succeeding).await;
        let calls = (0..hanging).map(|_| bench.breaker.call(bench.backend.hangs())).collect();
        wait_and_drop(bench, calls, bench.spec.open_for / OPEN_FOR).await;
        if bench.refuses_one_that_hangs().await {
            return Verdict::Passed(format!("opened after {} hung calls", (batch + 1) * hanging));
        }
    }
    Verdict::Failed("stays closed".to_owned())
}

async fn wait_and_drop(bench: &Bench, calls: Vec<Calling>, limit: Duration) {
    let mut running = begin_all(calls).await;
    bench.breaker.advance(limit).await;
    for call in &mut running {
        call.go_on().await;
    }
}

impl Bench {
    /// Asks with a call that hangs, so that the question itself is no success.
    async fn refuses_one_that_hangs(&self) -> bool {
        is_refused(Running::new(self.breaker.call(self.backend.hangs())).go_on().await)
    }
}

const BATCHES: u32 = 10;
