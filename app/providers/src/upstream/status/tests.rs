//! What real servers answer when they refuse, and what we make of it.

use steadfast::{Blame, Code, RetryAdvice};
use steadfast_contract::code;

use super::*;
use crate::secret::Secret;

fn refusal(status: u16, headers: &[(&'static str, &str)], body: &str) -> Error {
    let headers =
        headers.iter().map(|(name, value)| (http::HeaderName::from_static(name), value.parse().unwrap())).collect();
    let speaker = Speaker::new("cloud-b", "big-model", Some(Secret::new("topsecret")));
    let status = StatusCode::from_u16(status).unwrap();
    Refusal { status, headers: &headers, body: body.as_bytes(), now_ms: 0 }.explain(&speaker)
}

/// Code and whether another attempt at the same upstream may help.
fn seen(status: u16, body: &str) -> (Code, bool) {
    let error = refusal(status, &[], body);
    (error.code(), error.retryable())
}

fn detail(error: &Error, key: &str) -> String {
    error.details().iter().find(|(name, _)| *name == key).map(|(_, value)| value.clone()).unwrap_or_default()
}

#[test]
fn every_status_has_its_code() {
    let table = [
        (400, Code::VALIDATION),
        (401, Code::UNAUTHORIZED),
        (402, code::QUOTA_EXHAUSTED),
        (403, Code::FORBIDDEN),
        (404, Code::NOT_FOUND),
        (405, Code::VALIDATION),
        (408, Code::TIMEOUT),
        (409, Code::UNAVAILABLE),
        (413, Code::VALIDATION),
        (415, Code::VALIDATION),
        (422, Code::VALIDATION),
        (429, Code::RATE_LIMITED),
        (500, Code::UNAVAILABLE),
        (501, Code::UNAVAILABLE),
        (502, Code::UNAVAILABLE),
        (503, Code::OVERLOADED),
        (504, Code::TIMEOUT),
        (529, Code::OVERLOADED),
        (301, Code::UNAVAILABLE),
        (204, Code::UNAVAILABLE),
        (498, Code::OVERLOADED),
        (521, Code::UNAVAILABLE),
        (524, Code::TIMEOUT),
    ];
    for (status, code) in table {
        assert_eq!(refusal(status, &[], "").code(), code, "{status}");
    }
}

#[test]
fn only_what_may_pass_is_retried_at_the_same_upstream() {
    for status in [408, 409, 429, 498, 502, 503, 504, 520, 521, 522, 523, 524, 529, 530] {
        assert!(may_retry(&refusal(status, &[], "")), "{status}");
    }
    for status in [204, 301, 307, 400, 401, 402, 403, 404, 413, 422, 500, 501] {
        assert!(!may_retry(&refusal(status, &[], "")), "{status}");
    }
}

fn may_retry(error: &Error) -> bool {
    matches!(error.advice(), RetryAdvice::RetryNow | RetryAdvice::RetryAfter(_))
}

#[test]
fn a_conversation_that_is_too_long_is_told_apart() {
    for (status, body) in [
        (400, r#"{"error":{"message":"x","type":"invalid_request_error","code":"context_length_exceeded"}}"#),
        (400, r#"{"object":"error","message":"This model's maximum context length is 4096 tokens.","code":400}"#),
        (
            400,
            r#"{"error":{"code":400,"message":"the request exceeds the available context size","type":"exceed_context_size_error"}}"#,
        ),
        (413, r#"{"error":"prompt is too long: 210000 tokens > 200000 maximum"}"#),
        (422, r#"{"error":"Input length exceeds the maximum context length"}"#),
    ] {
        assert_eq!(seen(status, body), (code::CONTEXT_TOO_LONG, false), "{body}");
    }
    let llama = r#"{"error":{"code":400,"message":"too long","type":"exceed_context_size_error","n_prompt_tokens":9001,"n_ctx":8192}}"#;
    assert!(refusal(400, &[], llama).message().contains("9001 of 8192"));
}

#[test]
fn a_loading_model_is_waited_for() {
    let error = refusal(
        503,
        &[("retry-after", "3")],
        r#"{"error":{"message":"Loading model","type":"unavailable_error","code":503}}"#,
    );
    assert_eq!((error.code(), error.retry_after()), (code::MODEL_LOADING, Some(std::time::Duration::from_secs(3))));
    assert!(may_retry(&error));
}

#[test]
fn a_proxy_that_cannot_reach_the_server_is_not_a_busy_server() {
    assert_eq!(refusal(503, &[], "no healthy upstream").code(), Code::UNAVAILABLE);
}

#[test]
fn a_used_up_account_is_no_matter_of_waiting() {
    let body = r#"{"error":{"message":"You exceeded your current quota","type":"insufficient_quota","code":"insufficient_quota"}}"#;
    let error = refusal(429, &[("retry-after", "1")], body);
    assert_eq!(
        (error.code(), error.advice(), error.blame()),
        (code::QUOTA_EXHAUSTED, RetryAdvice::TryElsewhere, Blame::Quota)
    );
    assert_eq!(error.retry_after(), None, "no wait helps");
    for (status, body) in [
        (
            400,
            r#"{"type":"error","error":{"type":"invalid_request_error","message":"Your credit balance is too low to access the API."}}"#,
        ),
        (402, r#"{"error":{"message":"This request requires more credits, or fewer max_tokens.","code":402}}"#),
        (403, r#"{"error":{"message":"billing is not active"}}"#),
    ] {
        assert_eq!(refusal(status, &[], body).code(), code::QUOTA_EXHAUSTED, "{body}");
    }
}

#[test]
fn a_wait_is_passed_on_only_where_waiting_helps() {
    let busy = refusal(429, &[("retry-after", "7")], "");
    assert_eq!(busy.advice(), RetryAdvice::RetryAfter(std::time::Duration::from_secs(7)));
    assert_eq!(refusal(400, &[("retry-after", "7")], "").retry_after(), None);
}

#[test]
fn a_429_has_three_meanings() {
    let often = r#"{"error":{"message":"Rate limit reached for m. Please try again in 1.5s.","type":"tokens","code":"rate_limit_exceeded"}}"#;
    let error = refusal(429, &[], often);
    assert_eq!((error.code(), error.retry_after()), (Code::RATE_LIMITED, Some(std::time::Duration::from_millis(1500))));
    let full = r#"{"error":{"message":"The engine is currently overloaded, please try again later"}}"#;
    assert_eq!(refusal(429, &[("retry-after", "4")], full).code(), Code::OVERLOADED);
    let spent = r#"{"error":{"message":"x","type":"insufficient_quota"}}"#;
    assert_eq!(refusal(429, &[], spent).code(), code::QUOTA_EXHAUSTED);
}

#[test]
fn a_beginning_that_is_refused_is_told_apart() {
    for body in [
        r#"{"type":"error","error":{"type":"invalid_request_error","message":"This model does not support assistant message prefill. The conversation must end with a user message."}}"#,
        r#"{"error":{"message":"Unrecognized request argument supplied: continue_final_message"}}"#,
    ] {
        let error = refusal(400, &[], body);
        assert_eq!((error.code(), error.advice()), (code::UNSUPPORTED_INPUT, RetryAdvice::TryElsewhere), "{body}");
    }
}

#[test]
fn missing_memory_is_said_as_such_and_is_the_upstreams() {
    let error = refusal(500, &[], r#"{"error":{"message":"CUDA out of memory. Tried to allocate 2.00 GiB"}}"#);
    assert_eq!((error.code(), error.blame()), (Code::OUT_OF_MEMORY, Blame::Target));
}

#[test]
fn no_page_no_secret_and_no_foreign_word_gets_into_a_message() {
    for (status, body) in [
        (502, "<html><head><title>502 Bad Gateway</title></head><body>nginx/1.24.0 &lt;script&gt;</body></html>"),
        (401, r#"{"error":{"message":"Incorrect API key provided: topsecret sk-mock****1234."}}"#),
        (400, r#"{"error":{"message":"<b>evil</b> topsecret"}}"#),
        (503, "no healthy upstream"),
        (500, "\u{1b}[31mTraceback (most recent call last)"),
    ] {
        let error = refusal(status, &[], body);
        let shown = format!("{} {}", error.message(), error.suggestion());
        for foreign in ["<", "html", "nginx", "topsecret", "sk-", "evil", "upstream ", "Traceback", "\u{1b}"] {
            assert!(!shown.contains(foreign), "{shown:?} shows {foreign:?}");
        }
        let whole = format!("{error:?} {error}");
        assert!(!whole.contains("topsecret") && !whole.contains("sk-mock") && !whole.contains("<html"), "{whole}");
    }
}

#[test]
fn operators_find_the_upstreams_words_in_the_details() {
    let error = refusal(
        400,
        &[("request-id", "req_011 C")],
        r#"{"error":{"message":"Unknown parameter: 'top_k'.","type":"invalid_request_error","code":"unknown_parameter"}}"#,
    );
    assert_eq!(detail(&error, "upstream_said"), "Unknown parameter: 'top_k'.");
    assert_eq!(detail(&error, "upstream_code"), "unknown_parameter");
    assert_eq!(detail(&error, "status"), "400");
    assert_eq!(detail(&error, "upstream_request_id"), "req_011C");
}

#[test]
fn in_a_stream_the_words_stand_for_the_status() {
    let cause = |body: &str| cause_in_stream(&Words::of(body.as_bytes()));
    assert_eq!(cause(r#"{"error":{"message":"CUDA out of memory","code":null}}"#), Cause::OutOfMemory);
    assert_eq!(cause(r#"{"error":{"message":"slow down","code":429}}"#), Cause::TooOften);
    assert_eq!(cause(r#"{"error":{"message":"x","type":"rate_limit_error"}}"#), Cause::TooOften);
    assert_eq!(cause(r#"{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}"#), Cause::Busy);
    assert_eq!(cause(r#"{"type":"error","error":{"type":"authentication_error","message":"x"}}"#), Cause::KeyRefused);
    assert_eq!(cause(r#"{"error":{"message":"x","code":"insufficient_quota"}}"#), Cause::NoCredit);
    assert_eq!(cause(r#"{"error":{"message":"x","code":"context_length_exceeded"}}"#), Cause::TooLong);
    assert_eq!(cause(r#"{"error":{"message":"The server had an error","type":"server_error"}}"#), Cause::Broken);
    assert_eq!(cause("x"), Cause::Broken);
}
