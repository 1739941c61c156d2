//! seatbelt through `layered`, the cheaper of its two faces.

use std::{hint::black_box, sync::Arc, time::Duration};

use ::seatbelt::{RecoveryInfo, ResilienceContext, breaker::Breaker, retry::Retry, timeout::Timeout};
use layered::{Execute, Service, Stack};
use tick::Clock;

use super::{Case, Group, Refused, Whose, at_once, repeat, work};

type Run = Arc<dyn Fn(u64) + Send + Sync>;
type Answer = Result<u64, Refused>;

pub(super) fn cases() -> Vec<Case> {
    let case = |group, name, build| Case { group, name, whose: Whose::Rival, build };
    vec![
        case(Group::Breaker, "seatbelt, 30 s", breaker),
        case(Group::Retry, "seatbelt", retry),
        case(Group::Timeout, "seatbelt", timeout),
        case(Group::Stack, "seatbelt, 30 s", stack),
        case(Group::Rejection, "seatbelt", rejection),
    ]
}

fn context() -> ResilienceContext<u64, Answer> {
    ResilienceContext::new(Clock::new_tokio())
}

fn recovery(answer: &Answer) -> RecoveryInfo {
    if answer.is_err() { RecoveryInfo::retry() } else { RecoveryInfo::never() }
}

macro_rules! breaker {
    ($context:expr) => {
        Breaker::layer("breaker", $context)
            .recovery_with(|answer, _| recovery(answer))
            .rejected_input_error(|_, _| Refused)
            .failure_threshold(0.5)
            .min_throughput(20)
            .break_duration(Duration::from_secs(3_600))
            .sampling_duration(Duration::from_secs(30))
    };
}

macro_rules! retry {
    ($context:expr) => {
        Retry::layer("retry", $context).clone_input().recovery_with(|answer, _| recovery(answer))
    };
}

macro_rules! timeout {
    ($context:expr) => {
        Timeout::layer("timeout", $context).timeout(Duration::from_secs(20)).timeout_error(|_| Refused)
    };
}

fn breaker() -> Run {
    let service = (breaker!(&context()), Execute::new(work::<Refused>)).into_service();
    repeat(move || at_once(service.execute(black_box(7))))
}

fn retry() -> Run {
    let service = (retry!(&context()), Execute::new(work::<Refused>)).into_service();
    repeat(move || at_once(service.execute(black_box(7))))
}

fn timeout() -> Run {
    let service = (timeout!(&context()), Execute::new(work::<Refused>)).into_service();
    repeat(move || at_once(service.execute(black_box(7))))
}

fn stack() -> Run {
    let context = context();
    let layers = (retry!(&context), breaker!(&context), timeout!(&context), Execute::new(work::<Refused>));
    let service = layers.into_service();
    repeat(move || at_once(service.execute(black_box(7))))
}

fn rejection() -> Run {
    // Zero fails, so that the same service can be opened and then asked.
    let fails_for_zero = |number: u64| async move { if number == 0 { Err(Refused) } else { work(number).await } };
    let service = (breaker!(&context()), Execute::new(fails_for_zero)).into_service();
    for _ in 0..100 {
        let _ = at_once(service.execute(0));
    }
    repeat(move || at_once(service.execute(black_box(7))).is_err())
}
