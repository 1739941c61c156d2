//! The child dies or hangs in every way it can, and nobody loses a word.

use std::time::Duration;

use rustix::process::Signal;
use steadfast_contract::{chat::ChatRequest, chunk::Status, code::MODEL_CRASHED};
use steadfast_engine::worker::{WorkerEvent, WorkerSettings};

use super::stage::*;

fn story(temperature: f32) -> ChatRequest {
    let mut request = question("Write a story about a keeper, a lighthouse and a storm.");
    request.sampling.temperature = Some(temperature);
    request.sampling.seed = Some(42);
    request.sampling.max_tokens = Some(160);
    request
}

/// Asks twice, once in peace and once with `signal` sent after each of these numbers of bytes; the texts must be equal.
async fn same_text_in_spite_of(
    signal: Signal,
    settings: WorkerSettings,
    request: ChatRequest,
    after: &[usize],
) -> Stage {
    let stage = stage_with(settings).await;
    let undisturbed = listen(stage.ask(&request)).await.unwrap();
    let mut left = after.iter().peekable();
    let disturbed = listen_and(stage.ask(&request), |heard| {
        if left.next_if(|bytes| heard.text.len() > **bytes).is_some() {
            stage.signal(signal);
        }
    })
    .await
    .unwrap();
    assert_eq!(disturbed.text, undisturbed.text);
    assert_eq!(disturbed.finish, undisturbed.finish);
    assert_eq!(disturbed.usage.completion_tokens, undisturbed.usage.completion_tokens);
    assert_eq!(disturbed.resumed(), after.len(), "{disturbed:?}");
    assert_eq!(stage.told.restarts(), after.len());
    stage
}

#[tokio::test]
async fn a_killed_worker_goes_on_exactly_where_it_stopped() {
    same_text_in_spite_of(Signal::KILL, settings(), story(0.0), &[40, 200]).await.end().await;
}

#[tokio::test]
async fn so_it_does_when_chance_chooses_the_words() {
    same_text_in_spite_of(Signal::KILL, settings(), story(0.7), &[40, 200]).await.end().await;
}

#[tokio::test]
async fn a_crash_is_told_from_a_kill() {
    let stage = same_text_in_spite_of(Signal::ABORT, settings(), story(0.7), &[100]).await;
    assert!(
        stage
            .told
            .events()
            .iter()
            .any(|event| matches!(event, WorkerEvent::Restarting { cause, .. } if cause.contains("signal 6")))
    );
    stage.end().await;
}

#[tokio::test]
async fn a_worker_that_hangs_is_noticed_and_replaced() {
    let impatient =
        WorkerSettings { hang_after: Duration::from_secs(2), heartbeat: Duration::from_millis(100), ..settings() };
    let stage = same_text_in_spite_of(Signal::STOP, impatient, story(0.0), &[100]).await;
    assert!(
        stage
            .told
            .events()
            .iter()
            .any(|event| matches!(event, WorkerEvent::Restarting { cause, .. } if cause.contains("no sign of life")))
    );
    stage.end().await;
}

#[tokio::test]
async fn an_illegal_instruction_leads_to_the_next_slower_kernels() {
    let stage = stage().await;
    let best = stage.worker.facts().unwrap().variant;
    let mut killed = false;
    let heard = listen_and(stage.ask(&story(0.0)), |heard| {
        if !killed && heard.text.len() > 40 {
            killed = true;
            stage.signal(Signal::ILL);
        }
    })
    .await
    .unwrap();
    let slower = stage.worker.facts().unwrap().variant;
    assert_ne!(slower, best);
    assert!(
        heard
            .statuses
            .iter()
            .any(|status| matches!(status, Status::Resumed { cause, .. } if cause.contains("instruction"))),
        "{heard:?}"
    );
    assert!(heard.finish.is_some());
    stage.end().await;
}

#[tokio::test]
async fn both_answers_of_a_lost_worker_are_resumed() {
    let stage = stage().await;
    let expected =
        [listen(stage.ask(&story(0.0))).await.unwrap().text, listen(stage.ask(&endless(200))).await.unwrap().text];
    let mut killed = false;
    let (one, other) = tokio::join!(
        listen_and(stage.ask(&story(0.0)), |heard| {
            if !killed && heard.text.len() > 100 {
                killed = true;
                stage.signal(Signal::KILL);
            }
        }),
        listen(stage.ask(&endless(200)))
    );
    assert_eq!([one.unwrap().text, other.unwrap().text], expected);
    stage.end().await;
}

#[tokio::test]
async fn an_idle_worker_that_dies_is_replaced_before_it_is_asked() {
    let stage = stage().await;
    let before = stage.pid();
    stage.signal(Signal::KILL);
    until("another child is ready", PATIENCE, || {
        stage.worker.facts().is_some()
            && stage.worker.pid().is_some_and(|pid| pid != before.as_raw_nonzero().get().unsigned_abs())
    })
    .await;
    assert!(listen(stage.ask(&question("Hi"))).await.unwrap().finish.is_some());
    stage.end().await;
}

#[tokio::test]
async fn too_many_deaths_end_it_with_an_honest_error() {
    let stage = stage_with(WorkerSettings { most_restarts: 2, ..settings() }).await;
    let mut at = 20;
    let error = listen_and(stage.ask(&endless(2_000)), |heard| {
        if heard.text.len() > at && stage.worker.pid().is_some() {
            at = heard.text.len() + 20;
            stage.signal(Signal::KILL);
        }
    })
    .await
    .unwrap_err();
    assert_eq!(error.code(), MODEL_CRASHED);
    assert!(error.retry_after().is_some_and(|wait| wait > Duration::from_secs(30)), "{error:?}");
    assert_eq!(stage.told.restarts(), 2);
    assert_eq!(stage.worker.ended().await.code(), MODEL_CRASHED);
    assert_eq!(stage.worker.generate(&question("Hi"), &stage.token).err().unwrap().code(), MODEL_CRASHED);
}
