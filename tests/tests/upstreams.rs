//! A remote server in every mood, with the real program in between.

#![expect(clippy::unwrap_used, reason = "clippy knows test functions only, and the words they share are test code too")]

use std::time::Duration;

use serde_json::{Value, json};
use steadfast_house_tests::{Event, Events, House, Setup, Upstream, conversation, new_id, question, until};
use tempfile::TempDir;

const FAST: &str = "[gateway]\nwait_first = \"20ms\"\nwait_max = \"50ms\"";

async fn house() -> (House, Upstream, TempDir) {
    let dir = tempfile::tempdir().unwrap();
    let upstream = Upstream::start(dir.path()).await;
    (House::asking(&upstream, FAST).await, upstream, dir)
}

async fn asked(house: &House, text: &str) -> reqwest::Response {
    house.post("/v1/chat/completions", question("cloud-b/big-model", text)).await
}

#[tokio::test]
async fn two_refusals_cost_three_calls_and_nobody_sees_them() {
    let (house, upstream, _dir) = house().await;
    let answer = asked(&house, "SCN-503x2#a").await;
    assert_eq!(answer.status(), 200);
    assert_eq!(upstream.calls().await.len(), 3);
}

#[tokio::test]
async fn a_client_that_leaves_ends_the_upstream_call() {
    let (house, upstream, _dir) = house().await;
    let mut body = question("cloud-b/big-model", "SCN-slow#leaver");
    body["stream"] = json!(true);
    let mut events = Events::of(house.post("/v1/chat/completions", body).await);
    events.data().await.unwrap();
    drop(events);
    // How soon is measured by `cargo xtask faults`; a busy machine may take its time here.
    until("the upstream seeing its client leave", Duration::from_secs(2), async || {
        upstream.calls().await.iter().any(|call| call["closed_by_client"] == true).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_wrong_key_is_told_at_once_and_never_shown() {
    let (house, upstream, _dir) = house().await;
    let refused = asked(&house, "SCN-401#key").await;
    assert_eq!(refused.status(), 401);
    assert_eq!(refused.headers()["x-should-retry"], "false");
    let body = refused.text().await.unwrap();
    assert!(!body.contains("sk-of-the-tests"), "{body}");
    assert_eq!(upstream.calls().await.len(), 1);
}

#[tokio::test]
async fn an_html_page_in_place_of_an_answer_becomes_a_plain_sentence() {
    let (house, _upstream, _dir) = house().await;
    let refused = asked(&house, "SCN-502html#page").await;
    assert!(refused.status().is_server_error());
    assert_eq!(refused.headers()["content-type"], "application/json");
    let body: Value = refused.json().await.unwrap();
    assert!(!body["error"]["message"].as_str().unwrap().contains('<'), "{body}");
}

#[tokio::test]
async fn a_stream_that_is_cut_never_looks_like_a_whole_answer() {
    let (house, _upstream, _dir) = house().await;
    let mut body = question("cloud-b/big-model", "SCN-cut#stream");
    body["stream"] = json!(true);
    let events = Events::of(house.post("/v1/chat/completions", body).await).rest().await;
    assert!(!events.contains(&Event::Done));
    let Some(Event::Data { json, .. }) = events.last() else { panic!("the last event is {:?}", events.last()) };
    assert!(json["error"]["steadfast"]["code"].is_string(), "{json}");
}

#[tokio::test]
async fn the_same_message_twice_is_one_message_and_one_call() {
    let (house, upstream, _dir) = house().await;
    let ask = conversation(&new_id(), "cloud-b/big-model", "SCN-ok#twice");
    let (first, second) = (ask.send(&house).await, ask.send(&house).await);
    assert_eq!(first["run"]["spec"]["id"], second["run"]["spec"]["id"]);
    let run = first["run"]["spec"]["id"].as_str().unwrap();
    assert_eq!(house.run_is(run, &["done", "failed"]).await["state"], "done");
    ask.send(&house).await;
    assert_eq!(upstream.calls().await.len(), 1);
    let view = house.json(&format!("/api/conversations/{}", ask.conversation)).await;
    assert_eq!(view["turns"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn stop_keeps_what_was_written_and_ends_the_call() {
    let (house, upstream, _dir) = house().await;
    let run = conversation(&new_id(), "cloud-b/big-model", "SCN-slow#stopped").run(&house).await;
    house.run_has_written(&run, 10).await;
    let stopped: Value =
        house.post(&format!("/api/runs/{run}/stop"), json!({"reason": "user_stop"})).await.json().await.unwrap();
    assert_eq!((&stopped["state"], &stopped["stop_reason"]), (&json!("stopped"), &json!("user_stop")));
    assert!(stopped["text"].as_str().unwrap().len() >= 10);
    until("the upstream seeing the stop", Duration::from_secs(2), async || {
        upstream.calls().await.iter().any(|call| call["closed_by_client"] == true).then_some(())
    })
    .await;
}

#[tokio::test]
async fn two_clients_follow_one_run_and_read_the_same() {
    let (house, _upstream, _dir) = house().await;
    let run = conversation(&new_id(), "cloud-b/big-model", "SCN-slow#two").run(&house).await;
    let (left, right) = tokio::join!(house.follow(&run, 0), house.follow(&run, 0));
    let data = |events: Vec<Event>| -> Vec<Event> {
        events.into_iter().filter(|event| matches!(event, Event::Data { .. })).collect()
    };
    let (left, right) = tokio::join!(left.rest(), right.rest());
    assert_eq!(data(left), data(right));
    assert_eq!(house.run(&run).await["state"], "done");
}

#[tokio::test]
async fn an_upstream_says_itself_which_models_it_has() {
    let dir = tempfile::tempdir().unwrap();
    let upstream = Upstream::start(dir.path()).await;
    let settings = format!("[[upstreams]]\nname = \"cloud-c\"\nurl = \"{}\"\ndiscover = true\n", upstream.base_url());
    let house = House::start(Setup { settings, ..Setup::default() }).await;
    let id = until("a model that was found", Duration::from_secs(10), async || {
        let list = house.json("/v1/models").await;
        let ids = list["data"].as_array().unwrap().iter().filter_map(|model| model["id"].as_str());
        ids.filter(|id| id.contains("cloud-c")).map(str::to_owned).next()
    })
    .await;
    let answer = house.post("/v1/chat/completions", question(&id, "SCN-ok#found")).await;
    assert_eq!(answer.status(), 200);
}
