//! The crates that have one policy: recloser and failsafe break, backon retries, tokio limits. Put together they
//! are what a program without a library of policies would use.

use std::{hint::black_box, sync::Arc, time::Duration};

use ::backon::{ExponentialBuilder, Retryable};
use ::failsafe::{Config, backoff, failure_policy::consecutive_failures, futures::CircuitBreaker};
use ::recloser::{AsyncRecloser, Recloser};

use super::{Case, Group, Refused, Whose, at_once, repeat, work};

type Run = Arc<dyn Fn(u64) + Send + Sync>;

pub(super) fn cases() -> Vec<Case> {
    let case = |group, name, build| Case { group, name, whose: Whose::Rival, build };
    vec![
        case(Group::Breaker, "recloser, 100 calls", with_recloser),
        case(Group::Breaker, "failsafe, 5 in a row", with_failsafe),
        case(Group::Retry, "backon", with_backon),
        case(Group::Timeout, "tokio", with_tokio),
        case(Group::Stack, "backon + recloser + tokio", recloser_stack),
        case(Group::Stack, "backon + failsafe + tokio", failsafe_stack),
        case(Group::Rejection, "recloser", recloser_refuses),
        case(Group::Rejection, "failsafe", failsafe_refuses),
    ]
}

fn ring(calls: usize) -> AsyncRecloser {
    Recloser::custom().error_rate(0.5).closed_len(calls).open_wait(Duration::from_secs(3_600)).build().into()
}

fn with_recloser() -> Run {
    let breaker = ring(100);
    repeat(move || at_once(breaker.call(work::<Refused>(black_box(7)))))
}

fn with_failsafe() -> Run {
    let breaker = five_in_a_row();
    repeat(move || at_once(breaker.call(work::<Refused>(black_box(7)))))
}

fn five_in_a_row() -> impl CircuitBreaker + Send + Sync + 'static {
    let policy = consecutive_failures(5, backoff::constant(Duration::from_secs(3_600)));
    Config::new().failure_policy(policy).build()
}

fn with_backon() -> Run {
    repeat(move || at_once((|| work::<Refused>(black_box(7))).retry(ExponentialBuilder::default())))
}

fn with_tokio() -> Run {
    repeat(move || at_once(tokio::time::timeout(Duration::from_secs(20), work::<Refused>(black_box(7)))))
}

fn recloser_stack() -> Run {
    let breaker = ring(100);
    repeat(move || {
        let attempt = || breaker.call(limited());
        at_once(attempt.retry(ExponentialBuilder::default()))
    })
}

fn failsafe_stack() -> Run {
    let breaker = five_in_a_row();
    repeat(move || {
        let attempt = || breaker.call(limited());
        at_once(attempt.retry(ExponentialBuilder::default()))
    })
}

async fn limited() -> Result<u64, Refused> {
    tokio::time::timeout(Duration::from_secs(20), work(black_box(7))).await.unwrap_or(Err(Refused))
}

fn recloser_refuses() -> Run {
    let breaker = ring(1);
    for _ in 0..3 {
        let _ = at_once(breaker.call(async { Err::<u64, _>(Refused) }));
    }
    repeat(move || at_once(breaker.call(work::<Refused>(black_box(7)))).is_err())
}

fn failsafe_refuses() -> Run {
    let breaker = five_in_a_row();
    for _ in 0..6 {
        let _ = at_once(breaker.call(async { Err::<u64, _>(Refused) }));
    }
    repeat(move || at_once(breaker.call(work::<Refused>(black_box(7)))).is_err())
}
