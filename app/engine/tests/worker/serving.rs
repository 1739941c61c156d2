//! Several answers at once, cancelling, and the end.

use std::time::Duration;

use steadfast::{CancelReason, CancelToken, Code};
use steadfast_contract::chunk::{Chunk, Status};
use steadfast_engine::worker::{WorkerEvent, WorkerSettings};

use super::stage::*;

/// Far less than what the cancelled work would have taken.
const SOON: Duration = Duration::from_secs(3);

fn one_slot() -> WorkerSettings {
    WorkerSettings { slots: 1, ..settings() }
}

#[tokio::test]
async fn loading_is_told_from_zero_to_one_without_a_step_back() {
    let stage = stage().await;
    let fractions: Vec<f32> = stage
        .told
        .events()
        .iter()
        .filter_map(|event| if let WorkerEvent::Loading { fraction } = event { Some(*fraction) } else { None })
        .collect();
    assert!(fractions.len() > 2 && fractions.is_sorted(), "{fractions:?}");
    assert_eq!(fractions.last(), Some(&1.0));
    assert!(
        matches!(stage.told.events().last(), Some(WorkerEvent::Ready(facts)) if facts.context == 2048 || facts.context == 4096)
    );
    stage.end().await;
}

#[tokio::test]
async fn two_answers_are_written_at_once() {
    let stage = stage().await;
    let mut first = stage.ask(&endless(400));
    first_text(&mut first).await;
    let second = listen(stage.ask(&endless(30))).await.unwrap();
    assert_eq!(second.usage.completion_tokens, 30);
    assert_eq!(stage.worker.answers(), 1, "the long one is still being written");
    assert_eq!(listen(first).await.unwrap().usage.completion_tokens, 400);
    stage.end().await;
}

#[tokio::test]
async fn the_text_does_not_depend_on_the_neighbour() {
    let stage = stage().await;
    let alone = listen(stage.ask(&question("Why is the sky blue?"))).await.unwrap();
    let (beside, _) =
        tokio::join!(listen(stage.ask(&question("Why is the sky blue?"))), listen(stage.ask(&long_question(600))));
    assert_eq!(beside.unwrap().text, alone.text);
    stage.end().await;
}

#[tokio::test]
async fn who_must_wait_sees_the_place_in_line() {
    let stage = stage_with(one_slot()).await;
    let mut writing = stage.ask(&endless(2_000));
    first_text(&mut writing).await;
    let mut second = stage.ask(&question("Hi"));
    let mut third = stage.ask(&question("Hello"));
    assert_eq!(next(&mut second).await.unwrap().unwrap(), Chunk::Status(Status::Waiting { place: 1 }));
    assert_eq!(next(&mut third).await.unwrap().unwrap(), Chunk::Status(Status::Waiting { place: 2 }));
    drop(writing);
    assert!(listen(second).await.unwrap().finish.is_some());
    assert!(listen(third).await.unwrap().statuses.contains(&Status::Waiting { place: 1 }));
    stage.end().await;
}

#[tokio::test]
async fn more_than_may_wait_are_refused() {
    let stage = stage_with(WorkerSettings { most_waiting: 2, ..one_slot() }).await;
    let kept = [stage.ask(&endless(2_000)), stage.ask(&endless(2_000))];
    assert_eq!(stage.worker.generate(&question("Hi"), &stage.token).err().unwrap().code(), Code::OVERLOADED);
    drop(kept);
    stage.end().await;
}

#[tokio::test]
async fn dropping_an_answer_frees_its_slot_at_once() {
    let stage = stage_with(one_slot()).await;
    let mut writing = stage.ask(&endless(2_000));
    first_text(&mut writing).await;
    drop(writing);
    tokio::time::timeout(SOON, first_text(&mut stage.ask(&question("Hi")))).await.expect("the slot is free");
    until("the answers are gone", SOON, || stage.worker.answers() == 0).await;
    stage.end().await;
}

#[tokio::test]
async fn cancelling_tells_the_reason_and_frees_the_slot_even_if_nobody_reads() {
    let stage = stage_with(one_slot()).await;
    let token = CancelToken::root("request");
    let mut writing = stage.worker.generate(&endless(2_000), &token).unwrap();
    first_text(&mut writing).await;
    token.cancel(CancelReason::UserStop);
    tokio::time::timeout(SOON, first_text(&mut stage.ask(&question("Hi")))).await.expect("the slot is free");
    let error = listen(writing).await.unwrap_err();
    assert_eq!(error.cancel_reason(), Some(CancelReason::UserStop));
    stage.end().await;
}

#[tokio::test]
async fn a_long_prompt_can_be_stopped_while_it_is_read() {
    let stage = stage_with(WorkerSettings { context: 8_192, ..one_slot() }).await;
    let mut reading = stage.ask(&long_question(1_700));
    while !matches!(next(&mut reading).await, Some(Ok(Chunk::Status(Status::Reading { .. })))) {}
    drop(reading);
    tokio::time::timeout(SOON, first_text(&mut stage.ask(&question("Hi")))).await.expect("the slot is free");
    stage.end().await;
}

#[tokio::test]
async fn the_child_is_gone_within_a_second_of_the_end() {
    let stage = stage().await;
    let pid = stage.pid();
    let mut writing = stage.ask(&endless(2_000));
    first_text(&mut writing).await;
    stage.token.cancel(CancelReason::Shutdown);
    tokio::time::timeout(Duration::from_secs(1), stage.token.join()).await.expect("everything of the worker has ended");
    assert!(!is_alive(pid));
    assert_eq!(stage.token.running(), Vec::<String>::new());
    assert_eq!(listen(writing).await.unwrap_err().cancel_reason(), Some(CancelReason::Shutdown));
}

#[tokio::test]
async fn the_child_ends_when_the_last_handle_is_dropped() {
    let stage = stage().await;
    let pid = stage.pid();
    drop(stage.worker);
    until("the child is gone", SOON, || !is_alive(pid)).await;
}

#[tokio::test]
async fn a_start_that_nobody_waits_for_leaves_no_child() {
    let token = CancelToken::root("test");
    {
        let start =
            steadfast_engine::worker::Worker::start(settings(), "quick", model(), &token, std::sync::Arc::new(|_| {}));
        assert!(tokio::time::timeout(Duration::from_millis(20), start).await.is_err(), "nothing loads that fast");
    }
    tokio::time::timeout(SOON, token.join()).await.expect("everything of the worker has ended");
}
