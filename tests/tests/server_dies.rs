//! The server itself is killed (`kill -9`), and started again on the same data.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "clippy knows test functions only, and the words they share are test code too"
)]

use std::time::Duration;

use serde_json::{Value, json};
use steadfast_house_tests::{Event, Events, House, Upstream, conversation, new_id, question, until};

#[tokio::test]
async fn a_half_written_answer_is_kept_marked_and_can_be_continued() {
    let mut house = House::with_quick().await;
    let ask = conversation(&new_id(), "quick", "Write a long story about a lighthouse keeper.").at_most(200);
    let run = ask.run(&house).await;
    house.run_has_written(&run, 60).await;
    // What a reader has seen for longer than the flush interval must be there afterwards.
    let seen = house.run_has_written(&run, 160).await;
    house.kill().await;

    house.begin().await;
    let view = house.json(&format!("/api/conversations/{}", ask.conversation)).await;
    let turn = &view["turns"][0];
    assert_eq!(turn["message"]["text"], ask.text.as_str());
    let kept = &turn["runs"][0];
    assert_eq!((&kept["state"], &kept["cause"]["code"]), (&json!("interrupted"), &json!("INTERRUPTED")));
    let text = kept["text"].as_str().unwrap();
    assert!(text.len() >= 60, "only `{text}` was kept of `{seen}`");
    assert!(seen.starts_with(text) || text.starts_with(&seen));

    house.quick_is_ready().await;
    let again = json!({ "id": new_id(), "continues": run });
    let continued = house.post(&format!("/api/messages/{}/runs", ask.id), again).await;
    assert_eq!(continued.status(), 202);
    let continued: Value = continued.json().await.unwrap();
    let done = house.run_is(continued["spec"]["id"].as_str().unwrap(), &["done", "failed", "interrupted"]).await;
    assert_eq!(done["state"], "done", "{}", done["cause"]);
    assert!(done["text"].as_str().unwrap().starts_with(text), "a continuation begins with what was there");
}

#[tokio::test]
async fn messages_in_line_survive_and_are_answered_without_being_asked_again() {
    let upstream_dir = tempfile::tempdir().unwrap();
    let upstream = Upstream::start(upstream_dir.path()).await;
    let mut house = House::asking(&upstream, "").await;
    let chat = new_id();
    let first = conversation(&chat, "cloud-b/big-model", "SCN-slow#first").run(&house).await;
    house.run_has_written(&first, 1).await;
    let second = conversation(&chat, "cloud-b/big-model", "SCN-ok#second").run(&house).await;
    assert_eq!(house.run(&second).await["state"], "queued");
    house.kill().await;

    house.begin().await;
    assert_eq!(house.run_is(&second, &["done", "failed"]).await["state"], "done");
    assert_eq!(house.run(&first).await["state"], "interrupted");
}

#[tokio::test]
async fn a_message_with_a_receipt_is_there_after_the_plug_was_pulled() {
    let mut house = House::empty().await;
    let asks: Vec<_> = (0..20).map(|n| conversation(&new_id(), "quick", &format!("message {n}"))).collect();
    for ask in &asks {
        ask.send(&house).await;
    }
    house.kill().await;
    house.begin().await;
    for ask in &asks {
        let view = house.json(&format!("/api/conversations/{}", ask.conversation)).await;
        assert_eq!(view["turns"][0]["message"]["text"], ask.text.as_str());
    }
}

/// What a reader of a kept stream got: the text of the snapshot, the frames behind it.
async fn read_again(house: &House, path: &str, after: Option<&str>) -> (Option<Value>, Vec<Event>) {
    let mut request = house.http.get(house.url(path));
    if let Some(after) = after {
        request = request.header("last-event-id", after);
    }
    let mut events = Events::of(request.send().await.unwrap()).rest().await;
    events.retain(|event| !matches!(event, Event::Comment(_)));
    let is_snapshot = matches!(events.first(), Some(Event::Data { json, .. }) if json["through"].is_string());
    let snapshot = is_snapshot.then(|| events.remove(0)).map(|event| match event {
        Event::Data { json, .. } => json,
        other => panic!("{other:?}"),
    });
    (snapshot, events)
}

#[tokio::test]
async fn a_resumable_stream_is_there_again_with_what_was_kept_and_an_honest_end() {
    let upstream_dir = tempfile::tempdir().unwrap();
    let upstream = Upstream::start(upstream_dir.path()).await;
    let mut house = House::asking(&upstream, "").await;
    let mut body = question("cloud-b/big-model", "SCN-slow#kept");
    body["stream"] = json!(true);
    let ask = |house: &House, body: &Value| {
        let request = house.http.post(house.url("/v1/chat/completions")).json(body);
        request.header("x-steadfast-resumable", "1").header("idempotency-key", "k-1").send()
    };
    let reply = ask(&house, &body).await.unwrap();
    assert_eq!(reply.headers()["x-steadfast-kept"], "yes");
    let stream = reply.headers()["x-steadfast-stream-id"].to_str().unwrap().to_owned();
    let mut events = Events::of(reply);
    let (mut seen, mut last) = (String::new(), 0);
    for _ in 0..20 {
        let (id, chunk) = events.data().await.unwrap();
        seen.push_str(chunk["choices"][0]["delta"]["content"].as_str().unwrap_or_default());
        last = id.unwrap();
    }
    house.kill().await;
    drop(events);

    house.begin().await;
    let path = format!("/v1/streams/{stream}");
    for after in [None, Some(format!("1-{last}"))] {
        let (snapshot, rest) = read_again(&house, &path, after.as_deref()).await;
        let snapshot = snapshot.unwrap();
        let text = snapshot["choices"][0]["content"].as_str().unwrap();
        assert!(seen.starts_with(text) && text.len() * 2 > seen.len(), "`{text}` was kept of `{seen}`");
        let [Event::Data { json, .. }] = &rest[..] else { panic!("one end and no good one: {rest:?}") };
        assert_eq!(
            (&json["choices"][0]["finish_reason"], &json["error"]["steadfast"]["code"]),
            (&json!("error"), &json!("INTERRUPTED"))
        );
        assert_eq!(json["error"]["steadfast"]["delivered_chars"], text.chars().count());
    }
    let listed = house.json("/v1/streams").await;
    assert_eq!((&listed["data"][0]["status"], &listed["data"][0]["kept"]), (&json!("incomplete"), &json!(true)));
    body["messages"][0]["content"] = json!("another");
    assert_eq!(ask(&house, &body).await.unwrap().status(), 422);
    assert_eq!(house.get("/v1/streams/rsp_never").await.status(), 404);
}

#[tokio::test]
async fn a_whole_stream_is_there_again_and_its_key_finds_it() {
    let upstream_dir = tempfile::tempdir().unwrap();
    let upstream = Upstream::start(upstream_dir.path()).await;
    let mut house = House::asking(&upstream, "").await;
    let mut body = question("cloud-b/big-model", "SCN-ok#whole");
    body["stream"] = json!(true);
    let ask = async |house: &House| {
        let request = house.http.post(house.url("/v1/chat/completions")).json(&body);
        request.header("x-steadfast-resumable", "1").header("idempotency-key", "k-2").send().await.unwrap()
    };
    let reply = ask(&house).await;
    let stream = reply.headers()["x-steadfast-stream-id"].to_str().unwrap().to_owned();
    let first = Events::of(reply).rest().await;
    assert_eq!(first.last(), Some(&Event::Done));
    let text = told(&first);
    house.kill().await; // the moment the end was seen

    house.begin().await;
    let (snapshot, rest) = read_again(&house, &format!("/v1/streams/{stream}"), Some("1-3")).await;
    assert_eq!(snapshot.unwrap()["choices"][0]["content"], text.as_str());
    assert_eq!(rest.last(), Some(&Event::Done));
    let again = ask(&house).await;
    assert_eq!(again.headers()["idempotency-replayed"], "true");
    let again = Events::of(again).rest().await;
    assert_eq!((told(&again), again.last()), (text, Some(&Event::Done)));
    assert_eq!(upstream.calls().await.len(), 1);
}

#[tokio::test]
async fn a_response_in_the_background_says_how_far_it_came() {
    let upstream_dir = tempfile::tempdir().unwrap();
    let upstream = Upstream::start(upstream_dir.path()).await;
    let mut house = House::asking(&upstream, "").await;
    let mut ids = vec![];
    for scenario in ["SCN-slow#bg", "SCN-ok#bg"] {
        let body = json!({ "model": "cloud-b/big-model", "input": scenario, "background": true });
        let queued: Value = house.post("/v1/responses", body).await.json().await.unwrap();
        ids.push(queued["id"].as_str().unwrap().to_owned());
    }
    let text_of =
        |response: &Value| response["output"][0]["content"][0]["text"].as_str().unwrap_or_default().to_owned();
    let half = until("half a text, and a whole one", Duration::from_secs(20), async || {
        let whole = house.json(&format!("/v1/responses/{}", ids[1])).await;
        let half = house.json(&format!("/v1/responses/{}", ids[0])).await;
        (whole["status"] == "completed" && text_of(&half).len() > 60).then(|| text_of(&half))
    })
    .await;
    // What was seen for longer than a second is kept: twelve words take the upstream that long.
    until("a second of words more", Duration::from_secs(20), async || {
        let now = house.json(&format!("/v1/responses/{}", ids[0])).await;
        (text_of(&now).split(' ').count() >= half.split(' ').count() + 12).then_some(())
    })
    .await;
    house.kill().await;

    house.begin().await;
    let response = house.json(&format!("/v1/responses/{}", ids[0])).await;
    assert_eq!((&response["status"], &response["id"]), (&json!("incomplete"), &json!(ids[0])));
    assert!(text_of(&response).starts_with(&half), "{response}");
    let whole = house.json(&format!("/v1/responses/{}", ids[1])).await;
    assert_eq!(whole["status"], "completed");
    assert!(text_of(&whole).starts_with("amber1 birch2 "), "{whole}");
    let (_, rest) = read_again(&house, &format!("/v1/responses/{}?stream=true&starting_after=3", ids[0]), None).await;
    let [Event::Data { json, .. }] = &rest[..] else { panic!("the end alone: {rest:?}") };
    assert_eq!((&json["type"], text_of(&json["response"])), (&json!("response.incomplete"), text_of(&response)));
}

fn told(events: &[Event]) -> String {
    let content = |event: &Event| match event {
        Event::Data { json, .. } => json["choices"][0]["delta"]["content"].as_str().map(str::to_owned),
        _ => None,
    };
    events.iter().filter_map(content).collect()
}
