//! The derive: every kind of guide, on named, tuple and unit variants.

use std::time::Duration;
use steadfast::{Blame, Classify, Code, Guidance, RetryAdvice};

#[derive(Debug, thiserror::Error, Classify)]
enum Fault<T: std::fmt::Debug> {
    #[error("limited")]
    #[guide(retry_after = hint, blame = quota)]
    Limited { hint: Option<Duration>, at: T },
    #[error("resting")]
    #[guide(retry_after = 0)]
    Resting(Duration),
    #[error("upstream {0}")]
    #[guide(retry, blame = target)]
    Upstream(u16),
    #[error("full")]
    #[guide(elsewhere, blame = local)]
    Full,
    #[error("bad request")]
    #[guide(never)]
    BadRequest,
}

fn guidance(fault: &Fault<u8>) -> (RetryAdvice, Blame) {
    let Guidance { advice, blame } = fault.guidance();
    (advice, blame)
}

#[test]
fn each_variant_gives_its_own_guidance() {
    let wait = Duration::from_secs(3);
    assert_eq!(guidance(&Fault::Limited { hint: Some(wait), at: 1 }), (RetryAdvice::RetryAfter(wait), Blame::Quota));
    assert_eq!(guidance(&Fault::Limited { hint: None, at: 1 }), (RetryAdvice::RetryNow, Blame::Quota));
    assert_eq!(guidance(&Fault::Resting(wait)), (RetryAdvice::RetryAfter(wait), Blame::Target));
    assert_eq!(guidance(&Fault::Upstream(500)), (RetryAdvice::RetryNow, Blame::Target));
    assert_eq!(guidance(&Fault::Full), (RetryAdvice::TryElsewhere, Blame::Local));
    assert_eq!(guidance(&Fault::BadRequest), (RetryAdvice::Never, Blame::Caller));
}

#[test]
fn a_classified_error_becomes_the_houses_error_with_its_guidance() {
    let error = Fault::<u8>::Resting(Duration::from_secs(3)).into_error(Code::OVERLOADED);
    assert_eq!(error.retry_after(), Some(Duration::from_secs(3)));
    assert_eq!(std::error::Error::source(&error).unwrap().to_string(), "resting");
}
