//! What only a second process can show: acknowledged writes survive a kill, and nobody else gets in meanwhile.
//! The other process is this test program itself, started with a role.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "everything here is a test")]

use std::{
    io::{BufRead as _, BufReader, Write as _},
    path::Path,
    process::{Child, Command, Stdio},
    sync::Arc,
};

use steadfast::{CancelToken, Clock, Code, Error, Events};
use steadfast_contract::{
    chat::Sampling,
    run::{RunChange, RunEvent, RunSpec},
    store::{ConversationStore, NewMessage, Store},
};
use steadfast_store::{StoreSettings, open};

#[tokio::test]
async fn what_was_acknowledged_survives_a_kill() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    for round in 0..4 {
        let mut child = start("writer", &path);
        let mut lines = acknowledgements(&mut child);
        let mut acknowledged: Vec<String> = lines.by_ref().take(60 + 40 * round).collect();
        child.kill().unwrap();
        acknowledged.extend(lines); // what was said before the end
        child.wait().unwrap();
        assert_whole(&path, &acknowledged).await;
    }
}

/// Every acknowledged message is there with its text and its run's words, and the ordinals have no gap.
async fn assert_whole(path: &Path, acknowledged: &[String]) {
    let token = CancelToken::root("reader");
    let store = open_at(path, &token).await.unwrap();
    for id in acknowledged {
        assert_eq!(store.message(&token, id).await.unwrap().text, words(id), "{id} was acknowledged");
        assert_eq!(
            store.run(&token, &format!("{id}-1")).await.unwrap().text,
            words(id),
            "{id}'s answer was acknowledged"
        );
    }
    let turns = store.conversation(&token, "c").await.unwrap().turns;
    let ordinals: Vec<u64> = turns.iter().map(|turn| turn.message.ordinal).collect();
    assert_eq!(ordinals, (1..=turns.len() as u64).collect::<Vec<_>>());
    assert!(turns.len() >= acknowledged.len());
    close(token, store).await;
}

#[tokio::test]
async fn a_second_process_is_refused_and_the_kill_of_the_first_lets_it_in() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    let mut child = start("writer", &path);
    let mut lines = acknowledgements(&mut child); // kept, because the child ends when nobody listens
    lines.next().unwrap();

    let token = CancelToken::root("second");
    let error = open_at(&path, &token).await.unwrap_err();
    assert_eq!((error.code(), error.retryable()), (Code::STORAGE_UNAVAILABLE, false));
    assert!(error.message().starts_with(&format!("Another Steadfast (process {}) is using", child.id())), "{error:?}");

    child.kill().unwrap();
    child.wait().unwrap();
    let store = open_at(&path, &token).await.unwrap();
    close(token, store).await;
}

#[tokio::test]
async fn a_second_store_in_the_same_process_is_refused_too() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    let token = CancelToken::root("store");
    let store = open_at(&path, &token).await.unwrap();
    assert_eq!(open_at(&path, &token).await.unwrap_err().code(), Code::STORAGE_UNAVAILABLE);
    close(token, store).await;
    let token = CancelToken::root("again");
    let store = open_at(&path, &token).await.unwrap();
    close(token, store).await;
}

#[tokio::test]
async fn a_store_that_is_ending_writes_what_was_queued_and_refuses_the_rest() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    let token = CancelToken::root("store");
    let caller = CancelToken::root("caller");
    let store = open_at(&path, &token).await.unwrap();
    let queued: Vec<_> = (0..20)
        .map(|number| {
            let (store, caller) = (Arc::clone(&store), caller.clone());
            async move { store.create_conversation(&caller.clone(), &format!("c{number}"), "", 1).await }
        })
        .map(|write| caller.spawn("write", write))
        .collect();
    store.create_conversation(&caller, "last", "", 1).await.unwrap();
    token.cancel(steadfast::CancelReason::Shutdown);
    token.join().await;
    let mut made = 1;
    for write in queued {
        match write.await.unwrap() {
            Ok(_) => made += 1,
            Err(error) => assert_eq!(error.code(), Code::STORAGE_UNAVAILABLE),
        }
    }
    assert_eq!(store.create_conversation(&caller, "late", "", 1).await.unwrap_err().code(), Code::STORAGE_UNAVAILABLE);
    assert_eq!(store.conversations(&caller).await.unwrap().len(), made, "no more and no less than was acknowledged");
}

/// Not a test: what the other process does, when it is started as one.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn role_writer() {
    let Some(path) = std::env::var_os("STORE_PATH") else { return };
    let token = CancelToken::root("writer");
    let store = open_at(Path::new(&path), &token).await.unwrap();
    store.create_conversation(&token, "c", "title", 1).await.unwrap();
    let writers: Vec<_> = (0..4)
        .map(|writer| {
            let (store, token) = (Arc::clone(&store), token.clone());
            token.clone().spawn("writer", async move {
                for number in 0.. {
                    let id = format!("m{}-{writer}-{number}", std::process::id());
                    write_one(store.as_ref(), &token, &id).await;
                    // One write of one whole line, so that a kill cannot leave half of one that counts.
                    std::io::stdout().write_all(format!("\nwrote {id}.\n").as_bytes()).unwrap();
                }
            })
        })
        .collect();
    for writer in writers {
        writer.await.unwrap();
    }
}

async fn write_one(store: &dyn ConversationStore, token: &CancelToken, id: &str) {
    let message = NewMessage { id: id.into(), conversation_id: "c".into(), text: words(id), created_ms: 1 };
    let run = RunSpec {
        id: format!("{id}-1"),
        conversation_id: "c".into(),
        message_id: id.into(),
        version: 1,
        model: "quick".into(),
        sampling: Sampling::default(),
        continues: None,
        created_ms: 1,
    };
    store.add_message(token, message, run).await.unwrap();
    let event = RunEvent { seq: 1, at_ms: 2, what: RunChange::Text { text: words(id) } };
    store.append(token, &format!("{id}-1"), &[event]).await.unwrap();
}

fn words(id: &str) -> String {
    format!("{id} ").repeat(50)
}

/// The ids that the other process reports as written. The test runner's own lines, and a line that the kill cut
/// short, have no full stop.
fn acknowledgements(child: &mut Child) -> impl Iterator<Item = String> + use<> {
    let lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
    lines.filter_map(|line| Some(line.strip_prefix("wrote ")?.strip_suffix('.')?.to_owned()))
}

fn start(role: &str, path: &Path) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args([&format!("role_{role}"), "--exact", "--nocapture", "--quiet"])
        .env("STORE_PATH", path)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

async fn open_at(path: &Path, token: &CancelToken) -> Result<Arc<dyn Store>, Error> {
    open(StoreSettings::Sqlite { path: path.to_owned() }, token, Clock::real(), Events::none()).await
}

async fn close(token: CancelToken, store: Arc<dyn Store>) {
    token.cancel(steadfast::CancelReason::Shutdown);
    token.join().await;
    drop(store);
}
