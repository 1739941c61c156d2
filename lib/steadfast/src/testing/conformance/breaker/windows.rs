//! Does it count right: does the window slide, forget, cost the same, ask for enough calls, and lose nothing?

use super::{Bench, Rule};
use crate::testing::conformance::{
    Subject, Verdict,
    drive::{Running, machine_now},
};
use std::{
    sync::{
        Barrier,
        atomic::{AtomicU32, Ordering},
    },
    task::{Context, Waker},
    time::Duration,
};

pub(super) async fn slides(subject: &dyn Subject) -> Verdict {
    let mut measured = Vec::new();
    for successes in [100, 1_000, 10_000, 100_000] {
        let rules = [100, 50, 20].map(|min_calls| Rule::CountWindow { calls: 100, rate: 0.5, min_calls });
        let Some(bench) = Bench::first(subject, rules) else { return Verdict::none("no count window") };
        bench.succeed(successes).await;
        measured.push(bench.failures_until_refused(successes * 2).await);
    }
    let good = measured.iter().all(|failures| failures.is_some_and(|failures| failures <= 100));
    let measured: Vec<_> = measured.into_iter().map(told).collect();
    Verdict::of(good, measured.join(" / "))
}

pub(super) async fn forgets(subject: &dyn Subject) -> Verdict {
    let window = subject.unit() * 10;
    let rule = Rule::TimeWindow { window, rate: 0.5, min_calls: 10 };
    let Some(bench) = Bench::first(subject, [rule]) else { return Verdict::none("no time window") };
    bench.succeed(1_000).await;
    bench.breaker.advance(window * 2).await;
    let failures = bench.failures_until_refused(2_000).await;
    Verdict::of(failures.is_some_and(|failures| failures <= 11), told(failures))
}

pub(super) async fn costs(subject: &dyn Subject) -> Verdict {
    let window = Duration::from_secs(600);
    let rule = Rule::TimeWindow { window, rate: 0.5, min_calls: 10 };
    let Some(bench) = Bench::first(subject, [rule]) else { return Verdict::none("no time window") };
    let (began, mut done, mut costs) = (machine_now(), 0, Vec::new());
    for calls in [100, 1_000, 10_000, 50_000] {
        while done < calls && began.elapsed() < FILLING_LIMIT {
            bench.succeed(100).await;
            done += 100;
        }
        costs.push(cost(&bench).await);
    }
    let good = costs.last() <= costs.first().map(|first| *first * 5).as_ref();
    let told: Vec<_> = costs.iter().map(|cost| format!("{:.1} us", cost.as_secs_f64() * 1e6)).collect();
    let short = if done < 50_000 { format!(" (the last with {done} calls, for lack of time)") } else { String::new() };
    Verdict::of(good, told.join(" / ") + &short)
}

/// Per call, the best of 20 batches: what else the machine does only ever adds to a cost.
async fn cost(bench: &Bench) -> Duration {
    let mut best = Duration::MAX;
    for _ in 0..20 {
        let began = machine_now();
        bench.succeed(5).await;
        best = best.min(began.elapsed() / 5);
    }
    best
}

pub(super) async fn needs_calls(subject: &dyn Subject) -> Verdict {
    let window = subject.unit() * 10;
    let rules = [
        Rule::TimeWindow { window, rate: 0.5, min_calls: 20 },
        Rule::CountWindow { calls: 100, rate: 0.5, min_calls: 20 },
    ];
    let Some(bench) = Bench::first(subject, rules) else { return Verdict::none("no smallest number of calls") };
    // Some watch for a whole window before they judge at all.
    bench.breaker.advance(window + window / 10).await;
    let failures = bench.failures_until_refused(200).await;
    Verdict::of(failures == Some(20), told(failures))
}

pub(super) async fn counts_all(subject: &dyn Subject) -> Verdict {
    let calls = 4_000;
    let rules = [
        Rule::Consecutive { failures: calls },
        Rule::CountWindow { calls, rate: 1.0, min_calls: calls },
        Rule::TimeWindow { window: subject.unit() * 1_000, rate: 1.0, min_calls: calls },
    ];
    let (Some(alone), Some(shared)) = (Bench::first(subject, rules), Bench::first(subject, rules)) else {
        return Verdict::none("no rule with so many failures");
    };
    // Some need one failure more than they were told; none may need another number because of threads.
    let Some(needed) = alone.failures_until_refused(calls * 2).await else {
        return Verdict::Failed("does not open at all".to_owned());
    };
    let short = needed.saturating_sub(1);
    let scattered = fail_from_threads(&shared, short);
    let more = shared.failures_until_refused(calls).await;
    Verdict::of(scattered == short && more == Some(1), format!("{} more after {scattered}", told(more)))
}

/// So many failures from four threads that begin together; gives back how many ended.
fn fail_from_threads(bench: &Bench, failures: u32) -> u32 {
    let runtime = tokio::runtime::Handle::current();
    let (begin, left, done) = (Barrier::new(4), AtomicU32::new(failures), AtomicU32::new(0));
    let fail = || {
        let _inside = runtime.enter();
        begin.wait();
        while left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1)).is_ok() {
            done.fetch_add(u32::from(ends_at_once(bench)), Ordering::Relaxed);
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(fail);
        }
    });
    done.into_inner()
}

fn ends_at_once(bench: &Bench) -> bool {
    let mut call = Running::new(bench.breaker.call(bench.backend.fails()));
    let mut going = std::pin::pin!(async move { call.go_on().await.is_some() });
    let mut context = Context::from_waker(Waker::noop());
    (0..1_000).any(|_| going.as_mut().poll(&mut context).is_ready())
}

fn told(failures: Option<u32>) -> String {
    failures.map_or_else(|| "never".to_owned(), |failures| failures.to_string())
}

/// For a subject whose cost grows with every call.
const FILLING_LIMIT: Duration = Duration::from_secs(20);
