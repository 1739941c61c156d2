//! Messages: once and only once, in order, byte for byte, and changed only before an answer began.

use std::sync::Arc;

use steadfast::Code;
use steadfast_contract::run::{RunChange, RunView};

use crate::stage::{Stage, connecting, event, message, refused, run};

pub(crate) async fn a_message_and_its_run_are_stored_together(stage: Stage) {
    stage.conversation("c").await;
    let (stored, view) = stage.send("m", "hello").await.unwrap().into_inner();
    assert_eq!((stored.ordinal, stored.text.as_str()), (1, "hello"));
    assert_eq!(view, RunView::new(run("c", "m", 1)));
    assert_eq!(stage.store.message(&stage.token, "m").await.unwrap(), stored);
    let turns = stage.view("c").await.turns;
    assert_eq!((turns.len(), &turns[0].message, &turns[0].runs[0]), (1, &stored, &view));
}

pub(crate) async fn a_message_sent_twice_is_one_message_and_one_run(stage: Stage) {
    stage.conversation("c").await;
    let first = stage.send("m", "hello").await.unwrap();
    stage.append("m-1", &[connecting(1)]).await.unwrap();
    let again = stage.store.add_message(&stage.token, message("c", "m", "hello"), run("c", "m", 7)).await.unwrap();
    assert!(first.is_new() && !again.is_new());
    assert_eq!(again.into_inner().1, stage.run("m-1").await, "the first run, as it stands now");
    assert_eq!(stage.view("c").await.turns[0].runs.len(), 1);
}

pub(crate) async fn an_id_that_is_taken_by_another_text_is_a_conflict(stage: Stage) {
    stage.conversation("c").await;
    stage.send("m", "hello").await.unwrap();
    refused(stage.send("m", "hello ").await, Code::CONFLICT);
}

pub(crate) async fn an_id_that_is_taken_in_another_conversation_is_a_conflict(stage: Stage) {
    stage.conversation("c").await;
    stage.conversation("d").await;
    stage.send("m", "hello").await.unwrap();
    refused(stage.send_to("d", "m", "hello").await, Code::CONFLICT);
    assert!(stage.view("d").await.turns.is_empty());
}

pub(crate) async fn a_run_id_that_is_taken_leaves_no_message_behind(stage: Stage) {
    stage.conversation("c").await;
    stage.send("m", "hello").await.unwrap();
    let mut taken = run("c", "n", 1);
    taken.id = "m-1".into();
    refused(stage.store.add_message(&stage.token, message("c", "n", "more"), taken).await, Code::CONFLICT);
    assert_eq!(stage.view("c").await.turns.len(), 1);
}

pub(crate) async fn a_message_with_a_foreign_run_is_refused(stage: Stage) {
    stage.conversation("c").await;
    refused(stage.store.add_message(&stage.token, message("c", "m", "x"), run("c", "n", 1)).await, Code::VALIDATION);
    refused(stage.store.add_message(&stage.token, message("c", "m", "x"), run("d", "m", 1)).await, Code::VALIDATION);
    stage.send("m", "x").await.unwrap();
    refused(stage.store.add_run(&stage.token, run("d", "m", 2)).await, Code::VALIDATION);
}

pub(crate) async fn ordinals_count_from_one_and_close_up(stage: Stage) {
    stage.conversation("c").await;
    for id in ["a", "b", "d", "e", "f"] {
        stage.send(id, id).await.unwrap();
    }
    assert_eq!(stage.store.remove_message(&stage.token, "b", 20).await.unwrap().ordinal, 2);
    assert_eq!(order(&stage).await, [("a".into(), 1), ("d".into(), 2), ("e".into(), 3), ("f".into(), 4)]);
    stage.store.remove_message(&stage.token, "f", 21).await.unwrap();
    stage.send("g", "g").await.unwrap();
    assert_eq!(order(&stage).await, [("a".into(), 1), ("d".into(), 2), ("e".into(), 3), ("g".into(), 4)]);
}

pub(crate) async fn a_message_can_be_edited_until_its_run_begins(stage: Stage) {
    stage.conversation("c").await;
    stage.send("m", "helo").await.unwrap();
    let edited = stage.store.edit_message(&stage.token, "m", "hello", 20).await.unwrap();
    assert_eq!((edited.text.as_str(), edited.ordinal), ("hello", 1));
    assert_eq!(stage.store.message(&stage.token, "m").await.unwrap(), edited);
    stage.append("m-1", &[connecting(1)]).await.unwrap();
    refused(stage.store.edit_message(&stage.token, "m", "hi", 30).await, Code::CONFLICT);
    assert_eq!(stage.store.message(&stage.token, "m").await.unwrap(), edited);
}

pub(crate) async fn a_message_can_be_removed_until_its_run_begins(stage: Stage) {
    stage.conversation("c").await;
    stage.send("m", "hello").await.unwrap();
    stage.send("n", "more").await.unwrap();
    stage.append("n-1", &[connecting(1)]).await.unwrap();
    refused(stage.store.remove_message(&stage.token, "n", 20).await, Code::CONFLICT);
    stage.store.remove_message(&stage.token, "m", 20).await.unwrap();
    refused(stage.store.run(&stage.token, "m-1").await, Code::NOT_FOUND);
    refused(stage.store.remove_message(&stage.token, "m", 21).await, Code::NOT_FOUND);
    assert_eq!(order(&stage).await, [("n".into(), 1)]);
}

pub(crate) async fn a_withdrawn_run_does_not_hold_its_message(stage: Stage) {
    stage.conversation("c").await;
    stage.send("m", "hello").await.unwrap();
    stage.append("m-1", &[event(1, RunChange::Withdrawn)]).await.unwrap();
    stage.store.edit_message(&stage.token, "m", "hi", 20).await.unwrap();
    stage.store.remove_message(&stage.token, "m", 21).await.unwrap();
}

pub(crate) async fn text_comes_back_byte_for_byte(stage: Stage) {
    stage.conversation("c").await;
    let texts = [
        "",
        " \t\r\n trailing \r",
        "quote ' double \" back \\ percent % semicolon ; -- comment",
        "👩‍👩‍👧‍👦 e\u{301} é \u{202e}rtl \u{feff}bom \u{fffd}",
        "controls \u{1}\u{7f}\u{85} and a zero \0 inside",
        "\u{10ffff}",
    ];
    for (number, text) in texts.iter().enumerate() {
        let id = format!("m{number}");
        stage.send(&id, text).await.unwrap();
        assert_eq!(stage.store.message(&stage.token, &id).await.unwrap().text, *text);
        assert!(!stage.send(&id, text).await.unwrap().is_new(), "{text:?} is the same text when it is sent again");
    }
    let shown = stage.view("c").await.turns.into_iter().map(|turn| turn.message.text);
    assert_eq!(shown.collect::<Vec<_>>(), texts);
}

pub(crate) async fn four_megabytes_come_back(stage: Stage) {
    stage.conversation("c").await;
    let text = "é0123456789\n".repeat(4 * 1024 * 1024 / 13);
    stage.send("m", &text).await.unwrap();
    assert!(stage.store.message(&stage.token, "m").await.unwrap().text == text);
}

pub(crate) async fn many_senders_at_once_lose_nothing(stage: Stage) {
    stage.conversation("c").await;
    let stage = Arc::new(stage);
    let senders: Vec<_> = (0..100)
        .map(|number| {
            let sender = Arc::clone(&stage);
            // Each message is sent twice, and every tenth a third time with another text.
            stage.token.spawn("sender", async move {
                let id = format!("m{}", number % 50);
                sender.send(&id, &id).await.unwrap();
                if number % 10 == 0 {
                    refused(sender.send(&id, "other").await, Code::CONFLICT);
                }
            })
        })
        .collect();
    for sender in senders {
        sender.await.unwrap();
    }
    let ordinals: Vec<_> = order(&stage).await.into_iter().map(|(_, ordinal)| ordinal).collect();
    assert_eq!(ordinals, (1..=50).collect::<Vec<_>>());
    assert_eq!(stage.revision("c").await, 51);
}

async fn order(stage: &Stage) -> Vec<(String, u64)> {
    stage.view("c").await.turns.into_iter().map(|turn| (turn.message.id, turn.message.ordinal)).collect()
}
