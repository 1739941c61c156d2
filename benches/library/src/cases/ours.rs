//! steadfast, by its plain entry `run` and its own error.

use std::{hint::black_box, sync::Arc, time::Duration};

use steadfast::{Breaker, Call, CancelToken, Error, Retry, Timeout};

use super::{Case, Group, Whose, at_once, repeat, work};

type Run = Arc<dyn Fn(u64) + Send + Sync>;

pub(super) fn cases() -> Vec<Case> {
    let case = |group, name, build| Case { group, name, whose: Whose::Ours, build };
    vec![
        case(Group::Breaker, "steadfast, 5 in a row", || breaker(in_a_row())),
        case(Group::Breaker, "steadfast, 100 calls", || breaker(by_count())),
        case(Group::Breaker, "steadfast, 30 s", || breaker(by_time())),
        case(Group::Retry, "steadfast", retry),
        case(Group::Timeout, "steadfast", timeout),
        case(Group::Stack, "steadfast, 5 in a row", || stack(in_a_row())),
        case(Group::Stack, "steadfast, 100 calls", || stack(by_count())),
        case(Group::Stack, "steadfast, 30 s", || stack(by_time())),
        case(Group::Rejection, "steadfast", rejection),
    ]
}

fn in_a_row() -> Breaker {
    Breaker::consecutive(5)
}

fn by_count() -> Breaker {
    Breaker::failure_rate(0.5).window_calls(100)
}

fn by_time() -> Breaker {
    Breaker::failure_rate(0.5).window(Duration::from_secs(30))
}

fn call() -> Call {
    Call::new("measured", &CancelToken::root("bench"))
}

fn breaker(breaker: Breaker) -> Run {
    let call = call();
    repeat(move || at_once(breaker.run(&call, work::<Error>(black_box(7)))))
}

fn exponential() -> Retry {
    Retry::exponential(Duration::from_millis(100))
}

fn retry() -> Run {
    let (retry, call) = (exponential(), call());
    repeat(move || at_once(retry.run(&call, |_| work::<Error>(black_box(7)))))
}

fn timeout() -> Run {
    let (timeout, call) = (Timeout::after(Duration::from_secs(20)), call());
    repeat(move || at_once(timeout.run(&call, work::<Error>(black_box(7)))))
}

fn stack(breaker: Breaker) -> Run {
    let (retry, timeout, call) = (exponential(), Timeout::after(Duration::from_secs(20)), call());
    repeat(move || at_once(retry.run(&call, |_| breaker.run(&call, timeout.run(&call, work::<Error>(black_box(7)))))))
}

/// An error is made, with a box for what it carries, and dropped.
fn rejection() -> Run {
    let (breaker, call) = (in_a_row(), call());
    breaker.force_open();
    repeat(move || at_once(breaker.run(&call, work::<Error>(black_box(7)))).is_err())
}
