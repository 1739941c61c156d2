//! Does it move as it should: open, pause, probe, close, and let nothing from before disturb it?

use super::{Answer, Bench, End, is_refused};
use crate::testing::conformance::{
    Failure, Subject, Verdict,
    backend::Gate,
    drive::{Running, begin_all, machine_now},
};

const NONE: &str = "no breaker, or it did not open";

pub(super) async fn refuses(subject: &dyn Subject) -> Verdict {
    let Some(bench) = Bench::opened(subject).await else { return Verdict::none(NONE) };
    let before = bench.backend.reached();
    bench.succeed(100).await;
    let reached = bench.backend.reached() - before;
    Verdict::of(reached == 0, format!("{reached} of 100"))
}

pub(super) async fn pauses(subject: &dyn Subject) -> Verdict {
    let Some(bench) = Bench::opened(subject).await else { return Verdict::none(NONE) };
    bench.breaker.advance(bench.spec.open_for * 4 / 5).await;
    let early = !bench.refuses().await;
    bench.breaker.advance(bench.spec.open_for * 3 / 10).await;
    let late = bench.refuses().await;
    let measured = match (early, late) {
        (true, _) => "let a call in before its time",
        (false, true) => "refused after its time",
        (false, false) => "to the point",
    };
    Verdict::of(!early && !late, measured)
}

pub(super) async fn follows_tokio(subject: &dyn Subject) -> Verdict {
    let Some(bench) = Bench::opened(subject).await else { return Verdict::none(NONE) };
    // Where time is paused this takes no time, so a subject on the machine's clock does not notice it.
    let (began, pause) = (machine_now(), bench.spec.open_for.max(LONG));
    tokio::time::sleep(pause).await;
    if began.elapsed() > pause / 2 {
        return Verdict::none("the runtime's time is not paused");
    }
    let refused = bench.refuses().await;
    Verdict::of(!refused, if refused { "still refuses" } else { "follows" })
}

pub(super) async fn says_when(subject: &dyn Subject) -> Verdict {
    let Some(bench) = Bench::opened(subject).await else { return Verdict::none(NONE) };
    match bench.run(bench.backend.succeeds()).await {
        Some(End::Answered(Answer::Refused { retry_after: Some(wait) })) => {
            let share = wait.as_secs_f64() / bench.spec.open_for.as_secs_f64();
            Verdict::of(!wait.is_zero() && wait <= bench.spec.open_for, format!("{:.0} % of the pause", share * 100.0))
        }
        Some(End::Answered(Answer::Refused { retry_after: None })) => Verdict::Failed("says nothing".to_owned()),
        other => Verdict::Failed(format!("no refusal: {other:?}")),
    }
}

pub(super) async fn closes(subject: &dyn Subject) -> Verdict {
    let Some(bench) = Bench::on_probation(subject).await else { return Verdict::none(NONE) };
    bench.succeed(1).await;
    let before = bench.backend.reached();
    let calls = (0..10).map(|_| bench.breaker.call(bench.backend.hangs()));
    let running = begin_all(calls).await;
    let reached = bench.backend.reached() - before;
    drop(running);
    Verdict::of(reached == 10, format!("{reached} of 10"))
}

pub(super) async fn opens_again(subject: &dyn Subject) -> Verdict {
    let Some(bench) = Bench::on_probation(subject).await else { return Verdict::none(NONE) };
    bench.fail(1).await;
    let refused = bench.refuses().await;
    Verdict::of(refused, if refused { "opens again" } else { "lets the next call through" })
}

pub(super) async fn ignores_late_success(subject: &dyn Subject) -> Verdict {
    let Some(bench) = Bench::usual(subject) else { return Verdict::none(NONE) };
    let gate = Gate::default();
    let mut late = Running::new(bench.breaker.call(bench.backend.waits_for(&gate, Ok(()))));
    late.go_on().await;
    if bench.failures_until_refused(100).await.is_none() {
        return Verdict::none(NONE);
    }
    gate.open();
    late.go_on().await;
    let refused = bench.refuses().await;
    Verdict::of(refused, if refused { "stays open" } else { "closed" })
}

pub(super) async fn ignores_late_failure(subject: &dyn Subject) -> Verdict {
    let Some(bench) = Bench::usual(subject) else { return Verdict::none(NONE) };
    let (old, probing) = (Gate::default(), Gate::default());
    let mut late = Running::new(bench.breaker.call(bench.backend.waits_for(&old, Err(Failure::Unavailable))));
    late.go_on().await;
    if bench.failures_until_refused(100).await.is_none() {
        return Verdict::none(NONE);
    }
    bench.let_the_pause_pass().await;
    let mut probe = Running::new(bench.breaker.call(bench.backend.waits_for(&probing, Ok(()))));
    if is_refused(probe.go_on().await) {
        return Verdict::Failed("no probe was let in".to_owned());
    }
    old.open();
    late.go_on().await;
    probing.open();
    probe.go_on().await;
    let refused = bench.refuses().await;
    Verdict::of(!refused, if refused { "opened again" } else { "closed" })
}

pub(super) async fn ignores_callers(subject: &dyn Subject) -> Verdict {
    let Some(bench) = Bench::usual(subject) else { return Verdict::none(NONE) };
    for _ in 0..50 {
        bench.run(bench.backend.answers(Err(Failure::Invalid))).await;
    }
    let refused = bench.refuses().await;
    Verdict::of(!refused, if refused { "opened" } else { "stays closed" })
}

/// Longer than the probe itself takes on the slowest machine.
const LONG: std::time::Duration = std::time::Duration::from_secs(10);
