//! The server itself is killed (`kill -9`), and started again on the same data.

use serde_json::{Value, json};
use steadfast_house_tests::{House, Upstream, conversation, new_id};

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
