//! Answers that are given again, as a client of each protocol meets them.

use std::time::Duration;

use steadfast_gateway::CacheSettings;

use super::*;

type Said = &'static [(&'static str, &'static str)];

const PATHS: [&str; 3] = ["/v1/chat/completions", "/v1/messages", "/v1/responses"];

async fn stage(acts: impl IntoIterator<Item = Act>) -> Stage {
    let cache = CacheSettings { fresh_for: Duration::from_secs(60), ..CacheSettings::default() };
    Stage::with_settings(GatewaySettings { cache: Some(cache), attempts: 1, ..GatewaySettings::default() }, acts).await
}

fn greedy(path: &str, streams: bool) -> Value {
    let messages = json!([{ "role": "user", "content": "hello" }]);
    let mut body = json!({ "model": "cloud-b/big-model", "temperature": 0, "stream": streams });
    match path {
        "/v1/responses" => body["input"] = messages,
        "/v1/messages" => {
            body["max_tokens"] = 9.into();
            body["messages"] = messages;
        }
        _ => body["messages"] = messages,
    }
    body
}

async fn ask(stage: &Stage, path: &str, streams: bool, headers: &[(&str, &str)]) -> (Response, String) {
    let response = stage.send_with(headers, "POST", path, Some(greedy(path, streams))).await;
    let (head, body) = response.into_parts();
    (Response::from_parts(head.clone(), Body::empty()), text_of(Response::from_parts(head, body)).await)
}

fn header<'a>(response: &'a Response, name: &str) -> Option<&'a str> {
    response.headers().get(name).map(|value| value.to_str().unwrap())
}

fn first_event(text: &str) -> Value {
    serde_json::from_str(
        text.lines().find_map(|line| line.strip_prefix("data: {")).map(|rest| format!("{{{rest}")).unwrap().as_str(),
    )
    .unwrap()
}

/// The member `steadfast.cached` of the first event that has one.
fn mark(text: &str) -> Option<Value> {
    let events =
        text.lines().filter_map(|line| serde_json::from_str::<Value>(line.strip_prefix("data: ").unwrap_or(line)).ok());
    events.map(|event| event["steadfast"]["cached"].clone()).find(|mark| !mark.is_null())
}

#[tokio::test(start_paused = true)]
async fn in_every_protocol_and_manner_the_second_answer_is_the_first_one() {
    for path in PATHS {
        for streams in [false, true] {
            let stage = stage([Act::says(&["hel", "lo"])]).await;
            let (first, said) = ask(&stage, path, streams, &[]).await;
            assert_eq!(header(&first, "x-steadfast-cache"), Some("miss"), "{path}");
            tokio::time::advance(Duration::from_secs(7)).await;
            let (second, again) = ask(&stage, path, streams, &[]).await;
            assert_eq!((header(&second, "x-steadfast-cache"), header(&second, "age")), (Some("hit"), Some("7")));
            assert_eq!(header(&second, "x-steadfast-model"), Some("big-model"));
            assert!(said.contains("lo") && again.contains("lo") && mark(&again).is_none(), "{path}: {again}");
            assert_eq!(stage.upstream.asked().len(), 1);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_kept_answer_in_one_piece_is_a_whole_stream_in_the_same_protocol() {
    let ends = ["data: [DONE]\n\n", "event: message_stop\n", "event: response.completed\n"];
    for (path, end) in PATHS.into_iter().zip(ends) {
        let stage = stage([Act::says(&["hello"])]).await;
        ask(&stage, path, false, &[]).await;
        let (hit, text) = ask(&stage, path, true, &[]).await;
        assert_eq!(header(&hit, "x-steadfast-cache"), Some("hit"));
        assert!(text.contains(end) && text.contains("hello"), "{text}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_old_answer_says_so_in_its_headers_and_in_its_body() {
    for path in PATHS {
        for streams in [false, true] {
            let stage = stage([Act::says(&["old"]), Act::Refuse(Error::unavailable("cloud-b"))]).await;
            ask(&stage, path, streams, &[]).await;
            tokio::time::advance(Duration::from_secs(300)).await;
            let (stale, text) = ask(&stage, path, streams, &[]).await;
            assert_eq!(stale.status(), StatusCode::OK, "{path}: {text}");
            assert_eq!((header(&stale, "x-steadfast-cache"), header(&stale, "age")), (Some("stale"), Some("300")));
            assert_eq!(header(&stale, "x-steadfast-cache-reason"), Some("UNAVAILABLE"));
            let expected = json!({ "freshness": "stale", "age_seconds": 300, "code": "UNAVAILABLE" });
            assert_eq!(mark(&text), Some(expected), "{path}: {text}");
            assert!(text.contains("old"));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn the_mark_is_there_too_when_the_headers_had_to_go_out_before() {
    let late = Act::Speak(vec![Line::Pause(Duration::from_secs(20)), Line::Break(Error::connection_lost("cloud-b"))]);
    let stage = stage([Act::says(&["old"]), late]).await;
    ask(&stage, PATHS[0], true, &[]).await;
    tokio::time::advance(Duration::from_secs(300)).await;
    let (head, text) = ask(&stage, PATHS[0], true, &[]).await;
    assert_eq!(header(&head, "x-steadfast-cache"), None, "they went out after 10 s");
    assert_eq!(mark(&text).unwrap()["code"], "CONNECTION_LOST");
    assert_eq!(first_event(&text)["object"], "chat.completion.chunk");
    assert!(text.ends_with("data: [DONE]\n\n"), "{text}");
}

#[tokio::test(start_paused = true)]
async fn a_caller_chooses_and_a_strange_word_is_refused() {
    let stage = stage([Act::says(&["one"]), Act::says(&["two"]), Act::says(&["three"]), Act::says(&["four"])]).await;
    ask(&stage, PATHS[0], false, &[]).await;
    let rows: [(Said, Option<&str>, &str); 5] = [
        (&[("x-steadfast-cache", "off")], None, "two"),
        (&[("cache-control", "no-cache")], Some("miss"), "three"),
        (&[("x-steadfast-cache", "use")], Some("hit"), "three"),
        (&[("x-steadfast-resumable", "1")], None, "four"),
        (&[], Some("hit"), "three"),
    ];
    for (headers, cache, said) in rows {
        let (response, text) =
            ask(&stage, PATHS[0], headers.iter().any(|(name, _)| name.ends_with("resumable")), headers).await;
        assert_eq!(header(&response, "x-steadfast-cache"), cache, "{headers:?}");
        assert!(text.contains(said), "{headers:?}: {text}");
    }
    let (refused, text) = ask(&stage, PATHS[0], false, &[("x-steadfast-cache", "yes")]).await;
    assert_eq!(refused.status(), StatusCode::BAD_REQUEST);
    assert!(text.contains("x-steadfast-cache"), "{text}");
}

#[tokio::test(start_paused = true)]
async fn a_broken_stream_is_nobodys_answer() {
    let stage = stage([Act::Speak(vec![Line::Say("hel")]), Act::says(&["hello"])]).await;
    let (_, text) = ask(&stage, PATHS[0], true, &[]).await;
    assert!(text.contains("STREAM_CUT") && !text.contains("[DONE]"), "{text}");
    let (second, text) = ask(&stage, PATHS[0], true, &[]).await;
    assert_eq!(header(&second, "x-steadfast-cache"), Some("miss"));
    assert!(text.contains("hello"), "{text}");
}
