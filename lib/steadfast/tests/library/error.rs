//! Errors: what each code says by default, what callers and operators get to see, and the classifier.

use std::{io, time::Duration};
use steadfast::{Blame, CancelReason, Classify, Code, Detail, Error, RetryAdvice};

#[test]
fn an_error_is_one_pointer_wide_and_can_cross_threads() {
    fn crosses<T: Send + Sync + 'static>() {}
    crosses::<Error>();
    assert_eq!(size_of::<Result<(), Error>>(), size_of::<usize>());
}

#[test]
fn every_code_keeps_its_advice() {
    let table: String = Code::ALL
        .iter()
        .map(|code| {
            let error = Error::new(*code);
            format!("{code}: {:?}, {:?}, {:?}\n", error.advice(), error.blame(), error.retry_after())
        })
        .collect();
    insta::assert_snapshot!(table);
}

#[test]
fn every_code_speaks_in_full_sentences() {
    for code in Code::ALL {
        for sentence in [code.spec().message, code.spec().suggestion] {
            assert!(sentence.ends_with('.') && sentence.starts_with(char::is_uppercase), "{code}: {sentence}");
        }
    }
}

#[test]
fn each_constructor_has_its_own_code_and_speaks_in_full_sentences() {
    let wait = Duration::from_secs(2);
    let errors = [
        Error::timeout("fetch", wait),
        Error::circuit_open("shop", wait),
        Error::connection_lost("shop"),
        Error::retry_exhausted(3, Error::unavailable("shop")),
        Error::cancelled(CancelReason::UserStop),
        Error::rate_limited("shop", None),
        Error::overloaded("shop", Some(wait)),
        Error::unavailable("shop"),
        Error::validation("The name is empty."),
        Error::not_found("book", "7"),
        Error::conflict("Somebody else changed the book first."),
        Error::unauthorized("shop"),
        Error::forbidden("shop"),
        Error::out_of_memory("the book"),
        Error::disk_full(5_000_001, 1_999_999),
        Error::corrupt("The book is damaged."),
        Error::storage_unavailable("locked"),
        Error::query_timeout(wait),
        Error::internal("index 7 of 3"),
    ];
    let codes: Vec<Code> = errors.iter().map(Error::code).collect();
    assert_eq!(codes, Code::ALL);
    let messages: Vec<&str> = errors.iter().map(Error::message).collect();
    assert!(messages.iter().all(|message| message.ends_with('.')), "{messages:?}");
    insta::assert_snapshot!(messages.join("\n"));
}

#[test]
fn a_wait_that_the_other_side_names_becomes_the_advice() {
    let wait = Duration::from_secs(9);
    assert_eq!(Error::rate_limited("shop", Some(wait)).advice(), RetryAdvice::RetryAfter(wait));
    assert_eq!(Error::rate_limited("shop", None).advice(), RetryAdvice::RetryNow);
    // An open breaker is not worth waiting for inside a call, but a person should know when to come back.
    let open = Error::circuit_open("shop", wait);
    assert_eq!((open.advice(), open.retry_after(), open.retryable()), (RetryAdvice::TryElsewhere, Some(wait), true));
}

#[test]
fn spent_retries_are_final_and_remember_the_last_failure() {
    let last = Error::overloaded("shop", Some(Duration::from_secs(3)));
    let error = Error::retry_exhausted(4, last);
    assert!(!error.retryable());
    assert_eq!((error.attempts(), error.retry_after(), error.blame()), (Some(4), None, Blame::Target));
    assert_eq!(error.last_attempt().code(), Code::OVERLOADED);
    assert_eq!(Error::unavailable("shop").last_attempt().code(), Code::UNAVAILABLE);
}

#[test]
fn only_a_time_limit_makes_a_cancelled_call_the_targets_fault() {
    for reason in CancelReason::ALL {
        let by_time = matches!(reason, CancelReason::Deadline | CancelReason::AttemptTimeout);
        let error = Error::cancelled(reason);
        assert_eq!(error.blame() == Blame::Target, by_time, "{reason}");
        assert_eq!((error.cancel_reason(), error.retryable()), (Some(reason), false));
    }
}

#[test]
fn internals_are_shown_to_operators_and_hidden_from_callers() {
    let error = Error::internal("index 7 of 3").with_source(io::Error::other("disk says 0x17")).in_operation("load");
    let shown = |detail| serde_json::to_string(&error.report(detail)).unwrap();
    insta::assert_snapshot!(shown(Detail::Public), @r#"{"code":"INTERNAL","message":"Something went wrong inside the program.","retryable":false,"suggestion":"Report it with the time at which it happened."}"#);
    insta::assert_snapshot!(shown(Detail::Debug), @r#"{"code":"INTERNAL","message":"Something went wrong inside the program.","retryable":false,"suggestion":"Report it with the time at which it happened.","details":{"cause":"index 7 of 3","operation":"load","sources":"disk says 0x17"}}"#);
    insta::assert_snapshot!(error, @"INTERNAL in load: Something went wrong inside the program. (cause: index 7 of 3)");
}

#[test]
fn a_report_gives_the_wait_in_seconds() {
    let report = Error::circuit_open("shop", Duration::from_millis(1500)).report(Detail::Public);
    assert_eq!(serde_json::to_value(report).unwrap()["retry_after"], 1.5);
}

#[test]
fn errors_of_the_machine_are_classified() {
    use io::ErrorKind as Kind;
    for (kind, code) in [
        (Kind::ConnectionRefused, Code::UNAVAILABLE),
        (Kind::ConnectionReset, Code::CONNECTION_LOST),
        (Kind::UnexpectedEof, Code::CONNECTION_LOST),
        (Kind::TimedOut, Code::TIMEOUT),
        (Kind::NotFound, Code::NOT_FOUND),
        (Kind::PermissionDenied, Code::FORBIDDEN),
        (Kind::StorageFull, Code::DISK_FULL),
        (Kind::OutOfMemory, Code::OUT_OF_MEMORY),
        (Kind::InvalidData, Code::CORRUPT),
        (Kind::Other, Code::INTERNAL),
    ] {
        let error = Error::from(io::Error::from(kind));
        assert_eq!(error.code(), code, "{kind}");
        assert_eq!(error.guidance(), io::Error::from(kind).guidance(), "{kind}");
    }
}
