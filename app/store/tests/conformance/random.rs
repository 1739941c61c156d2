//! Any order of operations: SQLite must answer every one of them as the memory store does.

use proptest::prelude::*;
use steadfast::Code;
use steadfast_contract::{
    chunk::FinishReason,
    conversation::{Conversation, ConversationView, StoredMessage},
    run::{RunChange, RunEvent, RunView},
    store::Written,
};

use crate::stage::{Stage, event, message, run};

#[derive(Debug, Clone)]
enum Step {
    Create(u8, u64),
    Rename(u8, String, u64),
    Delete(u8, u64),
    Restore(u8, u64),
    Purge(u64),
    Send { conversation: u8, message: u8, text: String },
    Edit(u8, String, u64),
    Remove(u8, u64),
    Again { conversation: u8, message: u8, version: u32 },
    Append { message: u8, version: u32, events: Vec<RunEvent> },
    Look(u8),
}

/// Whatever a step answered.
#[derive(Debug, PartialEq)]
enum Answer {
    Refused(Code),
    Nothing,
    Count(u64),
    Conversation(Conversation),
    Created(Written<Conversation>),
    Message(StoredMessage),
    Sent(Written<(StoredMessage, RunView)>),
    Run(Written<RunView>),
    Seen(Vec<Conversation>, Option<ConversationView>, Vec<RunView>, Vec<RunEvent>),
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn every_backend_answers_alike(steps in prop::collection::vec(step(), 1..60)) {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        runtime.block_on(async {
            let (memory, sqlite) = (Stage::memory().await, Stage::sqlite().await);
            for step in steps {
                let expected = take(&memory, &step).await;
                prop_assert_eq!(take(&sqlite, &step).await, expected, "{:?}", step);
            }
            Ok(())
        })?;
    }
}

fn step() -> impl Strategy<Value = Step> {
    let (conversation, message, version, time) = (0..3_u8, 0..5_u8, 1..3_u32, 0..100_u64);
    prop_oneof![
        4 => (conversation.clone(), time.clone()).prop_map(|(id, at)| Step::Create(id, at)),
        1 => (conversation.clone(), ".{0,8}", time.clone()).prop_map(|(id, title, at)| Step::Rename(id, title, at)),
        1 => (conversation.clone(), time.clone()).prop_map(|(id, at)| Step::Delete(id, at)),
        1 => (conversation.clone(), time.clone()).prop_map(|(id, at)| Step::Restore(id, at)),
        1 => time.clone().prop_map(Step::Purge),
        6 => (conversation.clone(), message.clone(), "[ab]").prop_map(|(conversation, message, text)| Step::Send { conversation, message, text }),
        1 => (message.clone(), "[ab]", time.clone()).prop_map(|(id, text, at)| Step::Edit(id, text, at)),
        2 => (message.clone(), time).prop_map(|(id, at)| Step::Remove(id, at)),
        2 => (conversation.clone(), message.clone(), version.clone())
            .prop_map(|(conversation, message, version)| Step::Again { conversation, message, version }),
        6 => (message, version, events()).prop_map(|(message, version, events)| Step::Append { message, version, events }),
        3 => conversation.prop_map(Step::Look),
    ]
}

/// Mostly a piece of a good log, sometimes with a step left out.
fn events() -> impl Strategy<Value = Vec<RunEvent>> {
    (1..5_u64, prop::collection::vec((change(), 0..20_u8), 0..4)).prop_map(|(first, changes)| {
        let mut seq = first;
        let numbered = changes.into_iter().map(|(what, slip)| {
            let event = event(seq, what);
            seq += if slip == 0 { 2 } else { 1 };
            event
        });
        numbered.collect()
    })
}

fn change() -> impl Strategy<Value = RunChange> {
    prop_oneof![
        4 => "[xyz]".prop_map(|text| RunChange::Text { text }),
        2 => Just(RunChange::Connecting { attempt: 1, of: 3, target: "b".into(), wait_ms: 0, cause: None }),
        1 => Just(RunChange::Done { finish: FinishReason::Stop, usage: None }),
        1 => Just(RunChange::Withdrawn),
        1 => Just(RunChange::Dismissed),
    ]
}

async fn take(stage: &Stage, step: &Step) -> Answer {
    let (store, token) = (&stage.store, &stage.token);
    let answer = match step.clone() {
        Step::Create(id, at) => store.create_conversation(token, &c(id), "title", at).await.map(Answer::Created),
        Step::Rename(id, title, at) => {
            store.rename_conversation(token, &c(id), &title, at).await.map(Answer::Conversation)
        }
        Step::Delete(id, at) => store.delete_conversation(token, &c(id), at).await.map(|()| Answer::Nothing),
        Step::Restore(id, at) => store.restore_conversation(token, &c(id), at).await.map(Answer::Conversation),
        Step::Purge(before) => store.purge_deleted(token, before).await.map(Answer::Count),
        Step::Send { conversation, message: id, text } => {
            let sent = message(&c(conversation), &m(id), &text);
            store.add_message(token, sent, run(&c(conversation), &m(id), 1)).await.map(Answer::Sent)
        }
        Step::Edit(id, text, at) => store.edit_message(token, &m(id), &text, at).await.map(Answer::Message),
        Step::Remove(id, at) => store.remove_message(token, &m(id), at).await.map(Answer::Message),
        Step::Again { conversation, message, version } => {
            store.add_run(token, run(&c(conversation), &m(message), version)).await.map(Answer::Run)
        }
        Step::Append { message, version, events } => {
            store.append(token, &format!("{}-{version}", m(message)), &events).await.map(|()| Answer::Nothing)
        }
        Step::Look(id) => Ok(look(stage, &c(id)).await),
    };
    answer.unwrap_or_else(|error| Answer::Refused(error.code()))
}

async fn look(stage: &Stage, conversation: &str) -> Answer {
    let (store, token) = (&stage.store, &stage.token);
    let open = store.open_runs(token).await.unwrap();
    let mut events = Vec::new();
    for run in &open {
        events.extend(store.events(token, &run.spec.id, 1, 2).await.unwrap());
    }
    Answer::Seen(
        store.conversations(token).await.unwrap(),
        store.conversation(token, conversation).await.ok(),
        open,
        events,
    )
}

fn c(id: u8) -> String {
    format!("c{id}")
}

fn m(id: u8) -> String {
    format!("m{id}")
}
