//! A file that is locked, damaged, too new or not to be had: every trouble has its code, and a way forward.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "everything here is a test")]

use std::{path::Path, sync::Arc, time::Duration};

use sqlx::{
    Connection as _,
    sqlite::{SqliteConnectOptions, SqliteConnection},
};
use steadfast::{CancelReason, CancelToken, Clock, Code, Error, Events};
use steadfast_contract::store::Store;
use steadfast_store::{StoreSettings, open};

/// Holds SQLite's own write lock, as a person with a database tool might.
async fn stranger_writes(path: &Path) -> SqliteConnection {
    let mut stranger = connect(path).await;
    sqlx::raw_sql("BEGIN IMMEDIATE").execute(&mut stranger).await.unwrap();
    stranger
}

async fn connect(path: &Path) -> SqliteConnection {
    SqliteConnection::connect_with(&SqliteConnectOptions::new().filename(path).create_if_missing(true)).await.unwrap()
}

async fn open_at(path: &Path, clock: Clock) -> Result<Arc<dyn Store>, Error> {
    open(StoreSettings::Sqlite { path: path.to_owned() }, &CancelToken::root("store"), clock, Events::none()).await
}

#[tokio::test]
async fn a_write_that_waits_is_ended_by_its_token_and_reads_go_on() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    let store = open_at(&path, Clock::real()).await.unwrap();
    let stranger = stranger_writes(&path).await;

    let (token, reader) = (CancelToken::root("caller"), CancelToken::root("reader"));
    let (outcome, ()) = tokio::join!(store.create_conversation(&token, "c", "", 1), async {
        store.conversations(&reader).await.unwrap();
        token.cancel(CancelReason::RouteChange);
    });
    let error = outcome.unwrap_err();
    assert_eq!((error.code(), error.cancel_reason()), (Code::CANCELLED, Some(CancelReason::RouteChange)));

    stranger.close().await.unwrap();
    store.create_conversation(&reader, "d", "", 1).await.unwrap();
}

#[tokio::test]
async fn a_write_that_waits_too_long_is_a_query_time_out() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    let clock = Clock::manual();
    let store = open_at(&path, clock.clone()).await.unwrap();
    let stranger = stranger_writes(&path).await;

    let (token, reader) = (CancelToken::root("caller"), CancelToken::root("reader"));
    let (outcome, ()) = tokio::join!(store.create_conversation(&token, "c", "", 1), async {
        store.conversations(&reader).await.unwrap();
        clock.advance(Duration::from_secs(5));
    });
    let error = outcome.unwrap_err();
    assert_eq!((error.code(), error.retryable()), (Code::QUERY_TIMEOUT, true));

    stranger.close().await.unwrap();
    store.create_conversation(&reader, "d", "", 1).await.unwrap();
}

#[tokio::test]
async fn a_file_from_a_newer_program_is_not_touched() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    sqlx::raw_sql("PRAGMA user_version = 99").execute(&mut connect(&path).await).await.unwrap();
    let error = open_at(&path, Clock::real()).await.unwrap_err();
    assert_eq!((error.code(), error.retryable()), (Code::STORAGE_UNAVAILABLE, false));
    assert!(error.message().contains("newer Steadfast"), "{error:?}");
    let tables: i64 =
        sqlx::query_scalar("SELECT count(*) FROM sqlite_schema").fetch_one(&mut connect(&path).await).await.unwrap();
    assert_eq!(tables, 0);
}

#[tokio::test]
async fn a_file_that_is_no_database_is_said_to_be_damaged() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    std::fs::write(&path, "this is not a database ".repeat(1000)).unwrap();
    let error = open_at(&path, Clock::real()).await.unwrap_err();
    assert_eq!((error.code(), error.message()), (Code::CORRUPT, "The store's file is damaged."));
}

#[tokio::test]
async fn a_folder_that_cannot_be_made_is_said_with_its_name() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    std::fs::write(&file, "").unwrap();
    let error = open_at(&file.join("store.db"), Clock::real()).await.unwrap_err();
    assert_eq!(error.code(), Code::STORAGE_UNAVAILABLE);
    assert!(error.message().contains(file.to_str().unwrap()), "{error:?}");
}

#[tokio::test]
async fn the_store_opens_again_with_everything_in_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    let token = CancelToken::root("store");
    let store =
        open(StoreSettings::Sqlite { path: path.clone() }, &token, Clock::real(), Events::none()).await.unwrap();
    store.create_conversation(&token, "c", "kept", 1).await.unwrap();
    token.cancel(CancelReason::Shutdown);
    token.join().await;
    drop(store);
    let store = open_at(&path, Clock::real()).await.unwrap();
    let reader = CancelToken::root("reader");
    assert_eq!(store.conversation(&reader, "c").await.unwrap().conversation.title, "kept");
    store.check(&reader).await.unwrap();
    assert_eq!(store.backend(), "sqlite");
}
