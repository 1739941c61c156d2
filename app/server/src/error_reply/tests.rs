//! Every code there is, in both shapes, with its status and headers.

use std::time::Duration;

use axum::response::Response;
use http::{HeaderMap, StatusCode};
use http_body_util::BodyExt;
use serde_json::Value;
use steadfast::{CancelReason, Code, Detail, Error};

use super::{Refusal, Shape, reply, status};
use crate::edge::{self, RequestId};

fn written(error: Error, shape: Shape) -> Response {
    reply(&Refusal::from(error), shape, &RequestId::of(&HeaderMap::new()), Detail::Public)
}

async fn json(response: Response) -> Value {
    serde_json::from_slice(&response.into_body().collect().await.unwrap().to_bytes()).unwrap()
}

fn header<'a>(response: &'a Response, name: &str) -> Option<&'a str> {
    response.headers().get(name).map(|value| value.to_str().unwrap())
}

fn every_code() -> impl Iterator<Item = Code> {
    let readers = [steadfast_wire::question::UNSUPPORTED_PARAMETER];
    Code::ALL.iter().chain(steadfast_contract::code::ALL).chain(edge::code::ALL).copied().chain(readers)
}

#[test]
fn every_code_of_the_house_has_a_status() {
    for code in every_code().filter(|code| ![Code::CANCELLED, Code::RETRY_EXHAUSTED].contains(code)) {
        assert!(status::named(code.name()).is_some(), "{code} has no status");
    }
}

#[tokio::test]
async fn every_code_says_in_both_shapes_what_can_be_done() {
    for code in every_code() {
        let problem = written(Error::new(code), Shape::Problem);
        let status = problem.status();
        assert!(status.is_client_error() || status.is_server_error(), "{code}: {status}");
        let problem = json(problem).await;
        assert_eq!(problem["code"], code.name());
        assert_eq!(problem["status"], status.as_u16());
        assert!(
            problem["retryable"].is_boolean() && problem["suggestion"].as_str().is_some_and(|words| !words.is_empty()),
            "{code}"
        );

        let openai = json(written(Error::new(code), Shape::OpenAi)).await;
        assert_eq!(openai["error"]["steadfast"]["code"], code.name());
        assert!(openai["error"]["type"].is_string() && openai["error"]["message"].is_string(), "{code}");
    }
}

#[tokio::test]
async fn an_error_in_anthropics_shape_has_its_type_and_the_request() {
    for (error, kind) in [
        (Error::validation("no"), "invalid_request_error"),
        (Error::not_found("model", "x"), "not_found_error"),
        (Error::rate_limited("cloud-b", None), "rate_limit_error"),
        (Error::overloaded("cloud-b", None), "overloaded_error"),
        (Error::timeout("ask", Duration::from_secs(1)), "timeout_error"),
        (Error::internal("oh"), "api_error"),
    ] {
        let body = json(written(error, Shape::Anthropic)).await;
        assert_eq!((&body["type"], &body["error"]["type"]), (&"error".into(), &kind.into()));
        assert!(body["request_id"].as_str().unwrap().starts_with("req_"), "{body}");
    }
}

#[tokio::test]
async fn what_was_tried_is_told_as_it_was_noted() {
    let notes = r#"[{"target":"cloud-b/big","attempt":1,"code":"TIMEOUT","ms":5}]"#;
    let error = Error::unavailable("cloud-b").with_detail("attempts", notes);
    let body = json(written(error, Shape::OpenAi)).await;
    assert_eq!(body["error"]["steadfast"]["attempts"][0]["target"], "cloud-b/big");
}

#[test]
fn an_error_that_cannot_be_mended_by_trying_again_tells_the_client_so() {
    for code in every_code() {
        let error = Error::new(code);
        let is_final = !error.retryable() || code == Code::CIRCUIT_OPEN;
        assert_eq!(header(&written(error, Shape::OpenAi), "x-should-retry"), is_final.then_some("false"), "{code}");
    }
}

#[test]
fn a_wait_is_told_in_whole_seconds_and_exactly() {
    let short = written(Error::rate_limited("cloud-b", Some(Duration::from_millis(300))), Shape::OpenAi);
    assert_eq!((header(&short, "retry-after"), header(&short, "retry-after-ms")), (Some("1"), Some("300")));
    let middle = written(Error::rate_limited("cloud-b", Some(Duration::from_millis(59_900))), Shape::OpenAi);
    assert_eq!(header(&middle, "retry-after"), Some("59"));
}

#[test]
fn a_long_wait_is_told_honestly_and_with_a_do_not_retry() {
    let long = written(Error::rate_limited("cloud-b", Some(Duration::from_secs(90))), Shape::OpenAi);
    assert_eq!((header(&long, "retry-after"), header(&long, "x-should-retry")), (Some("90"), Some("false")));
}

#[test]
fn exhausted_retries_keep_the_status_of_the_last_failure() {
    let error = Error::retry_exhausted(3, Error::timeout("ask", Duration::from_secs(1)));
    assert_eq!(written(error, Shape::OpenAi).status(), StatusCode::GATEWAY_TIMEOUT);
}

#[test]
fn a_stop_and_a_deadline_are_told_apart() {
    let status = |reason| written(Error::cancelled(reason), Shape::OpenAi).status().as_u16();
    assert_eq!(status(CancelReason::ClientGone), 499);
    assert_eq!(status(CancelReason::Deadline), 504);
    assert_eq!(status(CancelReason::Shutdown), 503);
}

#[tokio::test]
async fn details_leave_in_debug_mode_only() {
    let refusal = Refusal::from(Error::internal("the cause"));
    let id = RequestId::of(&HeaderMap::new());
    let public = json(reply(&refusal, Shape::Problem, &id, Detail::Public)).await;
    let debug = json(reply(&refusal, Shape::Problem, &id, Detail::Debug)).await;
    assert!(public.get("details").is_none());
    assert_eq!(debug["details"]["cause"], "the cause");
}
