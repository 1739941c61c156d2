//! Runs and their logs: gapless, written once, folded as the contract folds them.

use steadfast::Code;
use steadfast_contract::{
    chunk::FinishReason,
    model::Failure,
    run::{RunChange, RunState, RunView},
    usage::Usage,
};

use crate::stage::{Stage, connecting, done, event, refused, run, text};

pub(crate) async fn a_log_is_folded_into_the_run(stage: Stage) {
    asked(&stage).await;
    let usage = Some(Usage { prompt_tokens: 5, completion_tokens: 2, cached_tokens: 1 });
    let events = [
        connecting(1),
        text(2, "Hel"),
        text(3, "lo 🎉"),
        event(4, RunChange::Done { finish: FinishReason::Length, usage }),
    ];
    for event in &events {
        stage.append("m-1", std::slice::from_ref(event)).await.unwrap();
    }
    let mut expected = RunView::new(run("c", "m", 1));
    events.iter().for_each(|event| expected.fold(event));
    assert_eq!(stage.run("m-1").await, expected);
    assert_eq!(stage.view("c").await.turns[0].runs, [expected]);
    assert_eq!(stage.store.events(&stage.token, "m-1", 0, 100).await.unwrap(), events);
}

pub(crate) async fn a_gap_in_the_log_is_a_conflict(stage: Stage) {
    asked(&stage).await;
    refused(stage.append("m-1", &[text(2, "b")]).await, Code::CONFLICT);
    refused(stage.append("m-1", &[text(1, "a"), text(3, "c")]).await, Code::CONFLICT);
    refused(stage.append("m-1", &[text(0, "zero")]).await, Code::CONFLICT);
    assert_eq!(stage.run("m-1").await.seq, 0, "a refused batch leaves nothing behind");
    stage.append("m-1", &[text(1, "a")]).await.unwrap();
    let error = stage.append("m-1", &[text(3, "c")]).await.unwrap_err();
    assert!(error.details().iter().any(|(key, value)| *key == "stored_seq" && value == "1"), "{error:?}");
}

pub(crate) async fn events_sent_again_are_skipped(stage: Stage) {
    asked(&stage).await;
    let events = [connecting(1), text(2, "a"), done(3)];
    for _ in 0..3 {
        stage.append("m-1", &events).await.unwrap();
    }
    stage.append("m-1", &events[1..2]).await.unwrap();
    assert_eq!(stage.run("m-1").await.text, "a");
    assert_eq!(stage.store.events(&stage.token, "m-1", 0, 100).await.unwrap(), events);
}

pub(crate) async fn other_events_under_a_stored_number_are_a_conflict(stage: Stage) {
    asked(&stage).await;
    stage.append("m-1", &[connecting(1), text(2, "a")]).await.unwrap();
    refused(stage.append("m-1", &[text(2, "b"), text(3, "c")]).await, Code::CONFLICT);
    assert_eq!(stage.run("m-1").await.text, "a");
    assert_eq!(stage.run("m-1").await.seq, 2);
}

pub(crate) async fn a_batch_that_overlaps_adds_only_its_new_part(stage: Stage) {
    asked(&stage).await;
    stage.append("m-1", &[connecting(1), text(2, "a")]).await.unwrap();
    stage.append("m-1", &[text(2, "a"), text(3, "b"), text(4, "c")]).await.unwrap();
    assert_eq!(stage.run("m-1").await.text, "abc");
}

pub(crate) async fn the_log_is_read_in_pages(stage: Stage) {
    asked(&stage).await;
    let events: Vec<_> = (1..=10).map(|seq| text(seq, &seq.to_string())).collect();
    stage.append("m-1", &events).await.unwrap();
    let page = |after, limit| stage.store.events(&stage.token, "m-1", after, limit);
    assert_eq!(page(0, 4).await.unwrap(), events[..4]);
    assert_eq!(page(4, 4).await.unwrap(), events[4..8]);
    assert_eq!(page(8, 4).await.unwrap(), events[8..]);
    assert_eq!(page(10, 4).await.unwrap(), []);
    assert_eq!(page(u64::MAX, usize::MAX).await.unwrap(), []);
    assert_eq!(page(0, usize::MAX).await.unwrap(), events);
}

pub(crate) async fn open_runs_are_those_that_have_not_ended_in_their_order(stage: Stage) {
    stage.conversation("c").await;
    for id in ["z", "m", "a", "b", "x", "y"] {
        stage.send(id, id).await.unwrap();
    }
    let failure = Failure::from(&steadfast::Error::connection_lost("cloud-b"));
    stage.append("m-1", &[connecting(1), done(2)]).await.unwrap();
    stage.append("b-1", &[connecting(1), text(2, "part")]).await.unwrap();
    stage.append("x-1", &[event(1, RunChange::Failed { cause: failure })]).await.unwrap();
    let open = stage.store.open_runs(&stage.token).await.unwrap();
    let open: Vec<_> = open.iter().map(|run| (run.spec.id.as_str(), run.state)).collect();
    assert_eq!(
        open,
        [("z-1", RunState::Queued), ("a-1", RunState::Queued), ("b-1", RunState::Streaming), ("y-1", RunState::Queued)]
    );
}

pub(crate) async fn a_run_made_twice_is_one_run(stage: Stage) {
    asked(&stage).await;
    assert!(stage.store.add_run(&stage.token, run("c", "m", 2)).await.unwrap().is_new());
    stage.append("m-2", &[text(1, "a")]).await.unwrap();
    let again = stage.store.add_run(&stage.token, run("c", "m", 2)).await.unwrap();
    assert!(!again.is_new());
    assert_eq!(again.into_inner(), stage.run("m-2").await);
    stage.send("n", "more").await.unwrap();
    let mut taken = run("c", "n", 2);
    taken.id = "m-2".into();
    refused(stage.store.add_run(&stage.token, taken).await, Code::CONFLICT);
}

pub(crate) async fn a_run_of_a_deleted_conversation_can_still_end(stage: Stage) {
    asked(&stage).await;
    stage.append("m-1", &[connecting(1), text(2, "a")]).await.unwrap();
    stage.store.delete_conversation(&stage.token, "c", 500).await.unwrap();
    assert_eq!(stage.store.open_runs(&stage.token).await.unwrap().len(), 1);
    stage.append("m-1", &[done(3)]).await.unwrap();
    assert_eq!(stage.run("m-1").await.state, RunState::Done);
    assert!(stage.store.open_runs(&stage.token).await.unwrap().is_empty());
}

pub(crate) async fn versions_of_an_answer_are_listed_oldest_first(stage: Stage) {
    asked(&stage).await;
    for version in [3, 2] {
        stage.store.add_run(&stage.token, run("c", "m", version)).await.unwrap();
    }
    let runs = &stage.view("c").await.turns[0].runs;
    assert_eq!(runs.iter().map(|run| run.spec.version).collect::<Vec<_>>(), [1, 3, 2]);
}

pub(crate) async fn numbers_in_events_come_back_exactly(stage: Stage) {
    asked(&stage).await;
    let mut cause = Failure::from(&steadfast::Error::connection_lost("cloud-b"));
    cause.retry_after = Some(0.1 + 0.2);
    let recovering = RunChange::Recovering { attempt: 2, of: 3, target: "b".into(), wait_ms: 1 << 50, cause };
    let events = [connecting(1), event(2, recovering)];
    stage.append("m-1", &events).await.unwrap();
    assert_eq!(stage.store.events(&stage.token, "m-1", 0, 9).await.unwrap(), events);
    stage.append("m-1", &events).await.unwrap();
}

async fn asked(stage: &Stage) {
    stage.conversation("c").await;
    stage.send("m", "hello").await.unwrap();
}
