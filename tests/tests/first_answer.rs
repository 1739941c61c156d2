//! A real model answers: over the OpenAI protocol, in a conversation, and on the command line.

use std::time::Duration;

use serde_json::{Value, json};
use steadfast_house_tests::{Event, Events, House, Models, Setup, conversation, new_id, question, steadfast, within};

#[tokio::test]
async fn a_question_is_answered_whole_and_as_a_stream_with_the_same_words() {
    let house = House::with_quick().await;
    let mut body = question("quick", "Say hello.");
    body["max_tokens"] = json!(24);
    let whole: Value = house.post("/v1/chat/completions", body.clone()).await.json().await.unwrap();
    let text = whole["choices"][0]["message"]["content"].as_str().unwrap();
    assert!(!text.trim().is_empty());
    assert!(whole["usage"]["completion_tokens"].as_u64().unwrap() <= 24);

    body["stream"] = json!(true);
    body["stream_options"] = json!({"include_usage": true});
    let events = Events::of(house.post("/v1/chat/completions", body).await).rest().await;
    assert_eq!(events.last(), Some(&Event::Done));
    let chunks: Vec<Value> = events
        .into_iter()
        .filter_map(|event| if let Event::Data { json, .. } = event { Some(json) } else { None })
        .collect();
    let streamed: String = chunks.iter().filter_map(|chunk| chunk["choices"][0]["delta"]["content"].as_str()).collect();
    assert_eq!(streamed, text);
    assert!(chunks.iter().any(|chunk| chunk["choices"][0]["finish_reason"].is_string()));
    assert_eq!(chunks.last().unwrap()["usage"]["completion_tokens"], whole["usage"]["completion_tokens"]);
}

#[tokio::test]
async fn a_message_is_answered_in_its_conversation_and_can_be_read_from_any_place() {
    let house = House::with_quick().await;
    let run = conversation(&new_id(), "quick", "Count to five.").at_most(32).run(&house).await;
    let mut events = house.follow(&run, 0).await;
    let (mut text, mut seqs) = (String::new(), vec![]);
    while let Some((seq, event)) = events.data().await {
        seqs.push(seq.unwrap());
        text.push_str(event["text"].as_str().unwrap_or_default());
    }
    let view = house.run(&run).await;
    assert_eq!(view["state"], "done");
    assert_eq!(view["text"], text.as_str());
    assert_eq!(seqs, (1..=seqs.len() as u64).collect::<Vec<_>>(), "the log has no gap");

    let middle = seqs.len() as u64 / 2;
    let (first, _) = house.follow(&run, middle).await.data().await.unwrap();
    assert_eq!(first, Some(middle + 1));
    assert_eq!(house.get(&format!("/api/runs/{run}/events?after={}", seqs.len())).await.status(), 204);
}

#[tokio::test]
async fn a_message_that_is_sent_while_the_model_is_not_there_waits_and_is_answered_when_it_is() {
    let house = House::start(Setup { models: Models::QuickWhenAsked, ..Setup::default() }).await;
    let run = conversation(&new_id(), "quick", "Say hello.").at_most(8).run(&house).await;
    let done = house.run_is(&run, &["done", "failed"]).await;
    assert_eq!(done["state"], "done", "{done}");
}

#[tokio::test]
async fn the_command_line_asks_the_server_that_runs() {
    let house = House::with_quick().await;
    let mut command = steadfast();
    command
        .args(["chat", "Say hello.", "--json", "--data-dir"])
        .arg(house.data_dir())
        .arg("--config")
        .arg(house.settings_file());
    let output = within("an answer on the command line", Duration::from_secs(60), command.output()).await.unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert!(!answer["text"].as_str().unwrap().trim().is_empty());
}
