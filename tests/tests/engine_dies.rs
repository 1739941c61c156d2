//! The engine's process is killed in the middle of an answer.

use serde_json::json;
use steadfast_house_tests::{House, conversation, new_id, question};

const STORY: &str = "Write a long story about a lighthouse keeper and the sea.";

#[tokio::test]
async fn the_answer_goes_on_word_for_word_as_if_nothing_had_happened() {
    let house = House::with_quick().await;
    let undisturbed = conversation(&new_id(), "quick", STORY).at_most(160).run(&house).await;
    let undisturbed = house.run_is(&undisturbed, &["done"]).await;

    let run = conversation(&new_id(), "quick", STORY).at_most(160).run(&house).await;
    house.run_has_written(&run, 40).await;
    house.kill_worker();
    let done = house.run_is(&run, &["done", "interrupted", "failed"]).await;

    assert_eq!(done["state"], "done", "{}", done["cause"]);
    assert_eq!(done["text"], undisturbed["text"]);
    assert!(done["recoveries"].as_u64().unwrap() >= 1, "nothing was recovered, so nothing was tested");
}

#[tokio::test]
async fn a_plain_question_survives_it_too_and_the_server_stays_well() {
    let house = House::with_quick().await;
    let mut body = question("quick", STORY);
    body["max_tokens"] = json!(120);
    let ask =
        async || -> serde_json::Value { house.post("/v1/chat/completions", body.clone()).await.json().await.unwrap() };
    let undisturbed = ask().await;
    let (disturbed, ()) = tokio::join!(ask(), async {
        steadfast_house_tests::until("an answer under way", std::time::Duration::from_secs(30), async || {
            let busy = house.worker().is_some_and(is_computing);
            busy.then_some(())
        })
        .await;
        house.kill_worker();
    });
    assert_eq!(disturbed["choices"][0]["message"]["content"], undisturbed["choices"][0]["message"]["content"]);
    assert_eq!(house.get("/livez").await.status(), 200);
}

/// Has the process used the processor since we last looked a moment ago?
fn is_computing(pid: u32) -> bool {
    let ticks = || -> Option<u64> {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        stat.rsplit_once(')')?.1.split_whitespace().nth(11)?.parse().ok()
    };
    let before = ticks();
    (0..200_000).any(|_| ticks() > before)
}
