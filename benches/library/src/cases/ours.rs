//! steadfast, by the plain entries `run` with its own error, and as a pipeline with somebody else's.

use std::{hint::black_box, sync::Arc, time::Duration};

use steadfast::{
    Blame, Breaker, Budget, Call, CancelToken, Classify, Clock, Error, Guidance, Pipeline, Retry, RetryAdvice, Timeout,
};

use super::{Case, Group, Refused, Whose, at_once, repeat, work};

type Run = Arc<dyn Fn(u64) + Send + Sync>;

pub(super) fn cases() -> Vec<Case> {
    let case = |group, name, build| Case { group, name, whose: Whose::Ours, build };
    vec![
        case(Group::Breaker, "steadfast, 5 in a row", || breaker(in_a_row())),
        case(Group::Breaker, "steadfast, 100 calls", || breaker(by_count())),
        case(Group::Breaker, "steadfast, 30 s", || breaker(by_time())),
        case(Group::Breaker, "steadfast, 30 s, coarse clock", || breaker(by_coarse_time())),
        case(Group::Retry, "steadfast", || retry(exponential())),
        case(Group::Retry, "steadfast, with a budget", || retry(exponential().budget(Budget::default()))),
        case(Group::Timeout, "steadfast", timeout),
        case(Group::Stack, "steadfast, 5 in a row", || stack(in_a_row())),
        case(Group::Stack, "steadfast, 100 calls", || stack(by_count())),
        case(Group::Stack, "steadfast, 30 s", || stack(by_time())),
        case(Group::Stack, "steadfast's pipeline, 5 in a row", || pipeline(in_a_row())),
        case(Group::Stack, "steadfast's pipeline, 100 calls", || pipeline(by_count())),
        case(Group::Stack, "steadfast's pipeline, 30 s", || pipeline(by_time())),
        case(Group::Stack, "steadfast's pipeline, 30 s, coarse clock", || pipeline(by_coarse_time())),
        case(Group::Rejection, "steadfast, own error type", pipeline_refuses),
        case(Group::Rejection, "steadfast, permit", permit_is_refused),
        case(Group::Rejection, "steadfast, house error", rejection),
    ]
}

/// The three policies in their named places, with an error type of one's own.
fn pipeline(breaker: Breaker) -> Run {
    let pipeline = Pipeline::for_error::<Refused>("measured")
        .retry(exponential().budget(Budget::default()))
        .breaker(breaker)
        .attempt_timeout(Duration::from_secs(20));
    let call = call();
    repeat(move || at_once(pipeline.run(&call, |_| work::<Refused>(black_box(7)))))
}

fn pipeline_refuses() -> Run {
    let breaker = in_a_row();
    breaker.force_open();
    let (pipeline, call) = (Pipeline::for_error::<Refused>("measured").breaker(breaker), call());
    repeat(move || at_once(pipeline.run(&call, |_| work::<Refused>(black_box(7)))).is_err())
}

fn permit_is_refused() -> Run {
    let breaker = in_a_row();
    breaker.force_open();
    repeat(move || breaker.try_enter().is_err())
}

impl Classify for Refused {
    fn guidance(&self) -> Guidance {
        Guidance { advice: RetryAdvice::RetryNow, blame: Blame::Target }
    }
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

fn by_coarse_time() -> Breaker {
    by_time().with_clock(Clock::coarse())
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

fn retry(retry: Retry) -> Run {
    let call = call();
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
