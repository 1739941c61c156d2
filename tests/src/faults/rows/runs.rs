//! Runs and repeated questions: reload, sleep, the same POST twice, stop, a killed server.

use std::time::Duration;

use futures_util::FutureExt as _;
use serde_json::{Value, json};

use super::{Row, row};
use crate::{
    Event, conversation,
    faults::{
        outcome::{Outcome, Promise, seconds},
        stage::{Chain, Delivery, MODEL, Stage, Way, key},
    },
    new_id,
};

pub(super) const ROWS: &[Row] = &[
    row("28", "the tab is reloaded during an answer", || follows_again(Duration::ZERO).boxed_local()),
    row("29", "the client sleeps through the rest of an answer", || {
        follows_again(Duration::from_secs(14)).boxed_local()
    }),
    row("31", "the same POST twice (Idempotency-Key)", || twice().boxed_local()),
    row("31 (message)", "the same message of a conversation twice", || same_message().boxed_local()),
    row("32", "stop while the target is silent; fallback", || stopped().boxed_local()),
    row("33", "kill -9 in the middle of an answer", || killed().boxed_local()),
    row("34", "kill -9 between the commit and its acknowledgement (5 times)", || {
        killed_before_the_receipt().boxed_local()
    }),
];

/// Reads a little, is away, and reads on after what it had: no gap, nothing twice.
async fn follows_again(away: Duration) -> Outcome {
    let stage = Stage::set(Chain::Alone, Way::Straight).await;
    let run = conversation(&new_id(), MODEL, &key("SCN-slow")).run(&stage.house).await;
    let mut first = stage.house.follow(&run, 0).await;
    let (mut last, mut seen) = (0, vec![]);
    while seen.len() < 5 {
        let Some((id, json)) = first.data().await else { break };
        last = id.unwrap_or(last);
        seen.push(json);
    }
    drop(first);
    tokio::time::sleep(away).await;
    let rest = stage.house.follow(&run, last).await.rest().await;
    let mut numbers: Vec<u64> = vec![];
    for event in rest {
        if let Event::Data { id, json } = event {
            numbers.extend(id);
            seen.push(json);
        }
    }
    let end = stage.house.run(&run).await;
    let sent =
        stage.calls().await.a.iter().map(|call| call["text_sent"].as_str().unwrap_or_default().to_owned()).next();
    let mut outcome = Outcome {
        received: format!("{} events, state {}", seen.len(), end["state"].as_str().unwrap_or("?")),
        calls: stage.calls().await.told(),
        time: "-".to_owned(),
        ..Outcome::default()
    };
    outcome.check(end["state"] == "done", || "the run is not done".to_owned());
    outcome.check(end["text"].as_str().map(str::to_owned) == sent, || "the text is not what was sent".to_owned());
    let in_order =
        numbers.windows(2).all(|pair| pair[1] > pair[0]) && numbers.first().is_none_or(|first| *first > last);
    outcome.check(in_order, || "events came twice or out of order".to_owned());
    outcome
}

async fn twice() -> Outcome {
    let stage = Stage::set(Chain::Alone, Way::Straight).await;
    let mut question = stage.question(&key("SCN-ok"), Delivery::Json);
    question.headers += &format!("idempotency-key: {}\r\n", new_id());
    let (first, second) = tokio::join!(question.ask(stage.house.address), question.ask(stage.house.address));
    let third = question.ask(stage.house.address).await;
    let calls = stage.calls().await;
    let mut outcome = Outcome::of(&first, &calls, Promise::Whole);
    outcome.check(first.text == second.text && second.text == third.text, || "the answers differ".to_owned());
    outcome.at_most(&calls, 1)
}

async fn same_message() -> Outcome {
    let stage = Stage::set(Chain::Alone, Way::Straight).await;
    let ask = conversation(&new_id(), MODEL, &key("SCN-ok"));
    let (first, second) = (ask.send(&stage.house).await, ask.send(&stage.house).await);
    let run = first["run"]["spec"]["id"].as_str().unwrap_or_default().to_owned();
    let end = stage.house.run_is(&run, &["done", "failed"]).await;
    let calls = stage.calls().await;
    let mut outcome = Outcome {
        received: format!("state {}", end["state"].as_str().unwrap_or("?")),
        calls: calls.told(),
        time: "-".to_owned(),
        ..Outcome::default()
    };
    outcome.check(first["run"]["spec"]["id"] == second["run"]["spec"]["id"], || "two runs".to_owned());
    outcome.check(end["state"] == "done", || "the run is not done".to_owned());
    outcome.at_most(&calls, 1)
}

async fn stopped() -> Outcome {
    let stage = Stage::set(Chain::Verified, Way::Straight).await;
    let run = conversation(&new_id(), MODEL, &key("SCN-hang")).run(&stage.house).await;
    crate::until("the call to A", Duration::from_secs(10), async || (!stage.a.calls().await.is_empty()).then_some(()))
        .await;
    let clock = steadfast::Clock::real();
    let begun = clock.now();
    let stop = stage.house.post(&format!("/api/runs/{run}/stop"), json!({ "reason": "user_stop" })).await;
    let took = clock.now() - begun;
    let stop: Value = stop.json().await.unwrap_or_default();
    // Longer than the timers that would have gone on to B.
    tokio::time::sleep(Duration::from_secs(4)).await;
    let calls = stage.calls().await;
    let mut outcome = Outcome {
        received: format!("state {}", stop["state"].as_str().unwrap_or("?")),
        calls: calls.told(),
        time: seconds(took),
        ..Outcome::default()
    };
    outcome.check(stop["state"] == "stopped" && took < Duration::from_secs(1), || "not stopped within 1 s".to_owned());
    outcome.check(calls.b.is_empty(), || "B was asked after the stop".to_owned());
    outcome.check(stage.house.run(&run).await["state"] == "stopped", || "it went on".to_owned());
    outcome
}

async fn killed() -> Outcome {
    let mut stage = Stage::set(Chain::Alone, Way::Straight).await;
    let run = conversation(&new_id(), MODEL, &key("SCN-slow")).run(&stage.house).await;
    let shown = stage.house.run_has_written(&run, 40).await;
    // What is shown is on disk a quarter of a second later at the latest.
    tokio::time::sleep(Duration::from_millis(400)).await;
    let clock = steadfast::Clock::real();
    stage.house.kill().await;
    let begun = clock.now();
    stage.house.begin().await;
    let serving = clock.now() - begun;
    let end = stage.house.run_is(&run, &["interrupted", "failed", "stopped", "done"]).await;
    let mut outcome = Outcome {
        received: format!("state {}", end["state"].as_str().unwrap_or("?")),
        calls: format!("A={}", stage.a.calls().await.len()),
        time: format!("serving again after {}", seconds(serving)),
        ..Outcome::default()
    };
    let kept = end["text"].as_str().unwrap_or_default();
    outcome.check(kept.starts_with(shown.as_str()), || "text that was shown is lost".to_owned());
    if end["state"] == "done" {
        outcome.lies.push("a cut answer counts as done".to_owned());
    }
    outcome.check(serving < Duration::from_secs(3), || "not serving within 3 s".to_owned());
    outcome
}

/// The plug is pulled while the receipt is on its way: whoever asks again gets the one message, not two.
async fn killed_before_the_receipt() -> Outcome {
    let mut stage = Stage::set(Chain::Alone, Way::Straight).await;
    let mut outcome = Outcome { time: "-".to_owned(), ..Outcome::default() };
    let mut committed = 0;
    for round in 0..5_u64 {
        let ask = conversation(&new_id(), MODEL, &key("SCN-ok"));
        let sending = tokio::time::timeout(Duration::from_millis(1 + 4 * round), async {
            let body = json!({ "id": ask.id, "text": ask.text, "model": ask.model, "sampling": ask.sampling });
            let path = format!("/api/conversations/{}/messages", ask.conversation);
            stage.house.http.post(stage.house.url(&path)).json(&body).send().await
        });
        drop(sending.await);
        stage.house.kill().await;
        stage.house.begin().await;
        let before = stage.house.get(&format!("/api/conversations/{}", ask.conversation)).await;
        committed += usize::from(before.status().is_success());
        ask.send(&stage.house).await;
        let view = stage.house.json(&format!("/api/conversations/{}", ask.conversation)).await;
        let turns = view["turns"].as_array().map_or(0, Vec::len);
        outcome.check(turns == 1, || format!("{turns} messages instead of one"));
    }
    outcome.received = format!("one message each time; {committed} of 5 were on disk before the kill");
    outcome.calls = "-".to_owned();
    outcome
}
