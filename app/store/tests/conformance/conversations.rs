//! Conversations: made, listed, renamed, deleted, brought back.

use steadfast::{CancelReason, CancelToken, Code};
use steadfast_contract::run::{RunChange, RunState};

use crate::stage::{Stage, connecting, done, event, refused, run, text};

pub(crate) async fn a_conversation_that_is_made_twice_is_one(stage: Stage) {
    let first = stage.store.create_conversation(&stage.token, "c", "one", 5).await.unwrap();
    assert!(first.is_new());
    let second = stage.store.create_conversation(&stage.token, "c", "two", 9).await.unwrap();
    assert!(!second.is_new());
    assert_eq!(first.into_inner(), second.into_inner());
    assert_eq!(stage.store.conversations(&stage.token).await.unwrap().len(), 1);
}

pub(crate) async fn the_list_has_the_newest_first(stage: Stage) {
    for (id, at) in [("a", 1), ("b", 3), ("c", 2)] {
        stage.store.create_conversation(&stage.token, id, id, at).await.unwrap();
    }
    assert_eq!(ids(&stage).await, ["b", "c", "a"]);
    stage.send_to("a", "m", "hello").await.unwrap();
    assert_eq!(ids(&stage).await, ["a", "b", "c"]);
}

pub(crate) async fn a_rename_is_seen_and_counted(stage: Stage) {
    stage.conversation("c").await;
    let renamed = stage.store.rename_conversation(&stage.token, "c", "Über 日本 🎉", 50).await.unwrap();
    assert_eq!((renamed.title.as_str(), renamed.revision, renamed.updated_ms), ("Über 日本 🎉", 2, 50));
    assert_eq!(stage.view("c").await.conversation, renamed);
}

pub(crate) async fn a_deleted_conversation_is_gone_until_it_is_restored(stage: Stage) {
    stage.conversation("c").await;
    stage.send("m", "hello").await.unwrap();
    stage.store.delete_conversation(&stage.token, "c", 20).await.unwrap();

    assert_eq!(ids(&stage).await, [""; 0]);
    refused(stage.store.conversation(&stage.token, "c").await, Code::NOT_FOUND);
    assert!(stage.store.summary(&stage.token, "c").await.unwrap().deleted);
    refused(stage.store.rename_conversation(&stage.token, "c", "x", 21).await, Code::NOT_FOUND);
    refused(stage.store.message(&stage.token, "m").await, Code::NOT_FOUND);
    refused(stage.store.edit_message(&stage.token, "m", "x", 21).await, Code::NOT_FOUND);
    refused(stage.store.remove_message(&stage.token, "m", 21).await, Code::NOT_FOUND);
    refused(stage.store.add_run(&stage.token, run("c", "m", 2)).await, Code::NOT_FOUND);
    refused(stage.send("n", "more").await, Code::NOT_FOUND);
    assert!(stage.store.create_conversation(&stage.token, "c", "again", 22).await.unwrap().into_inner().deleted);

    let restored = stage.store.restore_conversation(&stage.token, "c", 30).await.unwrap();
    assert!(!restored.deleted);
    assert_eq!(stage.view("c").await.turns.len(), 1);
}

pub(crate) async fn deleting_twice_is_harmless(stage: Stage) {
    stage.conversation("c").await;
    stage.store.delete_conversation(&stage.token, "c", 20).await.unwrap();
    stage.store.delete_conversation(&stage.token, "c", 90).await.unwrap();
    assert_eq!(stage.store.purge_deleted(&stage.token, 21).await.unwrap(), 1, "the first deletion counts");
}

pub(crate) async fn purging_removes_only_what_was_deleted_before(stage: Stage) {
    for id in ["kept", "old", "young"] {
        stage.conversation(id).await;
        stage.send_to(id, &format!("m-{id}"), "hello").await.unwrap();
        stage.append(&format!("m-{id}-1"), &[text(1, "hi")]).await.unwrap();
    }
    stage.store.delete_conversation(&stage.token, "old", 500).await.unwrap();
    stage.store.delete_conversation(&stage.token, "young", 600).await.unwrap();

    assert_eq!(stage.store.purge_deleted(&stage.token, 600).await.unwrap(), 1);
    refused(stage.store.restore_conversation(&stage.token, "old", 700).await, Code::NOT_FOUND);
    refused(stage.store.run(&stage.token, "m-old-1").await, Code::NOT_FOUND);
    refused(stage.store.events(&stage.token, "m-old-1", 0, 10).await, Code::NOT_FOUND);
    stage.store.restore_conversation(&stage.token, "young", 700).await.unwrap();
    assert_eq!(ids(&stage).await, ["young", "kept"]);
    assert_eq!(stage.run("m-young-1").await.text, "hi");
}

pub(crate) async fn every_change_raises_the_revision_and_a_repetition_does_not(stage: Stage) {
    stage.conversation("c").await;
    assert_eq!(stage.revision("c").await, 1);
    for _ in 0..2 {
        stage.send("m", "hello").await.unwrap();
        assert_eq!(stage.revision("c").await, 2);
    }
    stage.store.edit_message(&stage.token, "m", "hello!", 11).await.unwrap();
    assert_eq!(stage.revision("c").await, 3);
    for _ in 0..2 {
        stage.store.add_run(&stage.token, run("c", "m", 2)).await.unwrap();
        assert_eq!(stage.revision("c").await, 4);
    }
    for _ in 0..2 {
        stage.append("m-1", &[connecting(1), text(2, "a")]).await.unwrap();
        assert_eq!(stage.revision("c").await, 5);
    }
    stage.append("m-1", &[]).await.unwrap();
    refused(stage.append("m-1", &[text(9, "gap")]).await, Code::CONFLICT);
    refused(stage.store.remove_message(&stage.token, "m", 12).await, Code::CONFLICT);
    assert_eq!(stage.revision("c").await, 5);
}

pub(crate) async fn the_time_of_a_change_never_goes_back(stage: Stage) {
    stage.store.create_conversation(&stage.token, "c", "t", 1000).await.unwrap();
    let renamed = stage.store.rename_conversation(&stage.token, "c", "t2", 900).await.unwrap();
    assert_eq!(renamed.updated_ms, 1000);
}

pub(crate) async fn what_does_not_exist_is_not_found(stage: Stage) {
    let (store, token) = (&stage.store, &stage.token);
    refused(store.conversation(token, "?").await, Code::NOT_FOUND);
    refused(store.summary(token, "?").await, Code::NOT_FOUND);
    refused(store.rename_conversation(token, "?", "t", 1).await, Code::NOT_FOUND);
    refused(store.delete_conversation(token, "?", 1).await, Code::NOT_FOUND);
    refused(store.restore_conversation(token, "?", 1).await, Code::NOT_FOUND);
    refused(stage.send_to("?", "m", "x").await, Code::NOT_FOUND);
    refused(store.message(token, "?").await, Code::NOT_FOUND);
    refused(store.edit_message(token, "?", "x", 1).await, Code::NOT_FOUND);
    refused(store.remove_message(token, "?", 1).await, Code::NOT_FOUND);
    refused(store.add_run(token, run("c", "?", 1)).await, Code::NOT_FOUND);
    refused(store.run(token, "?").await, Code::NOT_FOUND);
    refused(store.append(token, "?", &[text(1, "x")]).await, Code::NOT_FOUND);
    refused(store.events(token, "?", 0, 1).await, Code::NOT_FOUND);
}

pub(crate) async fn a_cancelled_call_changes_nothing(stage: Stage) {
    stage.conversation("c").await;
    let token = CancelToken::root("caller");
    token.cancel(CancelReason::UserStop);
    let error = stage.store.rename_conversation(&token, "c", "new", 50).await.unwrap_err();
    assert_eq!((error.code(), error.cancel_reason()), (Code::CANCELLED, Some(CancelReason::UserStop)));
    refused(stage.store.conversations(&token).await, Code::CANCELLED);
    assert_eq!(stage.view("c").await.conversation.title, "title");
}

pub(crate) async fn the_activity_is_the_state_of_the_newest_run(stage: Stage) {
    stage.conversation("c").await;
    assert_eq!(activity(&stage).await, None);
    stage.send("m", "hello").await.unwrap();
    assert_eq!(activity(&stage).await, Some(RunState::Queued));
    stage.append("m-1", &[connecting(1), text(2, "hi"), done(3)]).await.unwrap();
    assert_eq!(activity(&stage).await, Some(RunState::Done));
    stage.send("n", "more").await.unwrap();
    assert_eq!(activity(&stage).await, Some(RunState::Queued));
    stage.append("n-1", &[event(1, RunChange::Withdrawn)]).await.unwrap();
    assert_eq!(activity(&stage).await, Some(RunState::Withdrawn));
    stage.store.remove_message(&stage.token, "n", 300).await.unwrap();
    assert_eq!(activity(&stage).await, Some(RunState::Done));
}

async fn activity(stage: &Stage) -> Option<RunState> {
    let listed = stage.store.conversations(&stage.token).await.unwrap().remove(0);
    assert_eq!(listed, stage.view("c").await.conversation, "the list and the page must agree");
    listed.activity
}

async fn ids(stage: &Stage) -> Vec<String> {
    stage.store.conversations(&stage.token).await.unwrap().into_iter().map(|conversation| conversation.id).collect()
}
