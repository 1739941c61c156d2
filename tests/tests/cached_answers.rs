//! Answers that are given again: the real program, and an upstream that counts how often it is asked.

#![expect(clippy::unwrap_used, reason = "clippy knows test functions only, and the words they share are test code too")]

use serde_json::{Value, json};
use steadfast_house_tests::{Event, Events, House, Upstream, question};
use tempfile::TempDir;

const KEEPS: &str = "[gateway]\nattempts = 1\n[gateway.cache]\nenabled = true";
/// Kept as a last resort only.
const LAST_RESORT: &str = "[gateway]\nattempts = 1\n[gateway.cache]\nenabled = true\nfresh_for = \"0s\"";

async fn house(settings: &str) -> (House, Upstream, TempDir) {
    let dir = tempfile::tempdir().unwrap();
    let upstream = Upstream::start(dir.path()).await;
    (House::asking(&upstream, settings).await, upstream, dir)
}

async fn asked(house: &House, text: &str, streams: bool) -> reqwest::Response {
    let mut body = question("cloud-b/big-model", text);
    body["stream"] = json!(streams);
    house.post("/v1/chat/completions", body).await
}

fn header<'a>(response: &'a reqwest::Response, name: &str) -> &'a str {
    response.headers().get(name).map_or("", |value| value.to_str().unwrap())
}

fn data(events: Vec<Event>) -> Vec<Value> {
    events
        .into_iter()
        .filter_map(|event| match event {
            Event::Data { json, .. } => Some(json),
            _ => None,
        })
        .collect()
}

#[tokio::test]
async fn two_equal_questions_at_once_are_one_call_and_both_read_all_of_it() {
    let (house, upstream, _dir) = house(KEEPS).await;
    let stream = async || Events::of(asked(&house, "SCN-slow#twins", true).await).rest().await;
    let (first, second) = tokio::join!(stream(), stream());
    assert!(first.contains(&Event::Done) && second.contains(&Event::Done));
    assert_eq!(data(first), data(second));
    assert_eq!(upstream.calls().await.len(), 1);

    let again = asked(&house, "SCN-slow#twins", false).await;
    assert_eq!(header(&again, "x-steadfast-cache"), "hit");
    let whole: Value = again.json().await.unwrap();
    let sent = upstream.calls().await[0]["text_sent"].as_str().unwrap().to_owned();
    assert_eq!(whole["choices"][0]["message"]["content"], sent);
    assert_eq!(upstream.calls().await.len(), 1);
}

#[tokio::test]
async fn when_the_upstream_is_away_the_old_answer_comes_with_its_age() {
    let (house, upstream, _dir) = house(LAST_RESORT).await;
    let first: Value = asked(&house, "SCN-ok#kept", false).await.json().await.unwrap();
    upstream.set_mood("SCN-503").await;
    for streams in [false, true] {
        let stale = asked(&house, "SCN-ok#kept", streams).await;
        assert_eq!((stale.status().as_u16(), header(&stale, "x-steadfast-cache")), (200, "stale"));
        assert!(header(&stale, "age").parse::<u64>().is_ok());
        assert_eq!(header(&stale, "x-steadfast-cache-reason"), "OVERLOADED");
        if streams {
            let events = data(Events::of(stale).rest().await);
            assert_eq!(events[0]["steadfast"]["cached"]["freshness"], "stale", "{events:?}");
        } else {
            let whole: Value = stale.json().await.unwrap();
            assert_eq!(whole["steadfast"]["cached"]["code"], "OVERLOADED");
            assert_eq!(whole["choices"], first["choices"]);
        }
    }
    let never_asked = asked(&house, "SCN-ok#other", false).await;
    assert_eq!(never_asked.status(), 503);
}

#[tokio::test]
async fn a_cut_stream_is_never_kept() {
    let (house, upstream, _dir) = house(KEEPS).await;
    for calls in [1, 2] {
        let response = asked(&house, "SCN-cut#never", true).await;
        assert_eq!(header(&response, "x-steadfast-cache"), "miss");
        let events = Events::of(response).rest().await;
        assert!(!events.contains(&Event::Done));
        assert_eq!(upstream.calls().await.len(), calls);
    }
}
