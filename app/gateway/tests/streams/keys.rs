//! The same request twice: one answer.

use steadfast::Code;
use steadfast_contract::{code, stream_log::StreamState};
use steadfast_gateway::{Arrival, IdempotencyKey, Keep, ReadFrom};

use crate::{
    client::Client,
    speaker::{Act, Step, says},
    stage::{SECOND, Stage},
};

fn key(body: &str) -> Option<IdempotencyKey> {
    Some(IdempotencyKey::new("k-1", body.as_bytes()).unwrap())
}

#[tokio::test(start_paused = true)]
async fn sending_again_joins_the_answer_that_is_under_way_and_then_replays_it() {
    let acts = vec![Act::Play(vec![
        Step::Words(1),
        Step::Pause(SECOND),
        Step::Words(1),
        Step::Finish(steadfast_contract::chunk::FinishReason::Stop),
    ])];
    let (stage, speaker) = Stage::of(acts).await;
    let mut first = stage.start_with("ann", Keep::Background, key("{}")).unwrap();
    first.opened().await.unwrap();
    let second = stage.start_with("ann", Keep::WhileRead, key("{}")).unwrap();
    assert_eq!((second.arrival(), second.id()), (Arrival::Attached, first.id()));
    let mut client = Client::over(&stage.gateway, &stage.checker, "ann", second.into_reader(), ReadFrom::Start);
    assert_eq!(client.rest().await, StreamState::Completed);
    let mut third = stage.start_with("ann", Keep::WhileRead, key("{}")).unwrap();
    assert_eq!(third.arrival(), Arrival::Replayed);
    assert_eq!(third.opened().await.unwrap().model, "big");
    let mut client = Client::over(&stage.gateway, &stage.checker, "ann", third.into_reader(), ReadFrom::Start);
    assert_eq!(client.rest().await, StreamState::Completed);
    assert_eq!((client.text.as_str(), speaker.asked()), ("a/0:1 a/0:2 ", 1));
    stage.check();
}

#[tokio::test(start_paused = true)]
async fn the_same_key_with_another_body_is_a_mistake_and_another_principals_is_another_key() {
    let (stage, speaker) = Stage::of(vec![says(1), says(1)]).await;
    let _first = stage.start_with("ann", Keep::Background, key("{}")).unwrap();
    let error = stage.start_with("ann", Keep::Background, key("[]")).unwrap_err();
    assert_eq!(error.code(), code::KEY_REUSED);
    let other = stage.start_with("bob", Keep::Background, key("[]")).unwrap();
    assert_eq!(other.arrival(), Arrival::New);
    tokio::time::sleep(SECOND).await;
    assert_eq!(speaker.asked(), 2);
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_broke_or_was_left_is_tried_anew() {
    let cut = Act::Play(vec![Step::Words(1), Step::Cut]);
    let stall = Act::Play(vec![Step::Words(1), Step::Stall]);
    let (stage, _) = Stage::of(vec![cut, stall, says(1)]).await;
    let mut broken = stage.start_with("ann", Keep::WhileRead, key("{}")).unwrap().into_reader();
    while broken.next().await.is_some() {}
    let mut left = stage.start_with("ann", Keep::WhileRead, key("{}")).unwrap();
    assert_eq!(left.arrival(), Arrival::New);
    left.opened().await.unwrap();
    let id = left.id().to_owned();
    drop(left);
    stage.gateway.cancel_stream(&id, "ann").await.unwrap();
    let third = stage.start_with("ann", Keep::WhileRead, key("{}")).unwrap();
    assert_eq!(third.arrival(), Arrival::New);
    let mut reader = third.into_reader();
    while reader.next().await.is_some() {}
    assert_eq!(reader.state(), StreamState::Completed);
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_is_no_longer_kept_is_not_silently_given_twice() {
    let (stage, speaker) = Stage::of(vec![says(1), says(1)]).await;
    let mut reader = stage.start_with("ann", Keep::WhileRead, key("{}")).unwrap().into_reader();
    while reader.next().await.is_some() {}
    drop(reader);
    tokio::time::sleep(20 * 60 * SECOND).await;
    let error = stage.start_with("ann", Keep::WhileRead, key("{}")).unwrap_err();
    assert_eq!((error.code(), speaker.asked()), (code::STREAM_EXPIRED, 1));
    tokio::time::sleep(24 * 60 * 60 * SECOND).await;
    assert_eq!(stage.start_with("ann", Keep::WhileRead, key("{}")).unwrap().arrival(), Arrival::New);
}

#[tokio::test(start_paused = true)]
async fn a_key_that_is_none_is_refused() {
    for bad in [String::new(), "k".repeat(10_240), "a\r\nx-evil: 1".to_owned()] {
        assert_eq!(IdempotencyKey::new(&bad, b"{}").unwrap_err().code(), Code::VALIDATION);
    }
}
