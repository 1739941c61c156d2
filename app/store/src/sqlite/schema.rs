//! How the file is opened: SQLite's version, its settings, and the tables brought up to date.
//!
//! Every migration is one transaction with its number in `user_version`; none is ever edited after a release.

use std::{path::Path, time::Duration};

use sqlx::{
    Connection as _,
    sqlite::{SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqliteSynchronous},
};
use steadfast::{Code, Error, RetryAdvice};

use super::failure::{Fault, explain};

/// The one connection that writes.
pub(super) async fn open_for_writing(path: &Path) -> Result<SqliteConnection, Error> {
    let options = shared_options(path)
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .pragma("wal_autocheckpoint", "1000")
        .pragma("journal_size_limit", "67108864");
    let mut connection = SqliteConnection::connect_with(&options).await.map_err(|error| explain(&error))?;
    refuse_old_sqlite(&mut connection).await?;
    migrate(&mut connection).await?;
    Ok(connection)
}

/// A connection that cannot write. The file must exist.
pub(super) fn reading_options(path: &Path) -> SqliteConnectOptions {
    shared_options(path).read_only(true).pragma("query_only", "ON")
}

fn shared_options(path: &Path) -> SqliteConnectOptions {
    use sqlx::ConnectOptions as _;
    SqliteConnectOptions::new()
        .filename(path)
        .foreign_keys(true)
        .busy_timeout(Duration::from_secs(5))
        .pragma("temp_store", "MEMORY")
        .pragma("trusted_schema", "OFF")
        .pragma("cell_size_check", "ON")
        .disable_statement_logging()
}

async fn refuse_old_sqlite(connection: &mut SqliteConnection) -> Result<(), Error> {
    let version: String =
        sqlx::query_scalar("SELECT sqlite_version()").fetch_one(connection).await.map_err(|error| explain(&error))?;
    if is_recent_enough(&version) {
        return Ok(());
    }
    let (major, minor, patch) = OLDEST_SQLITE;
    Err(unusable(format!("This program was built with SQLite {version}, which can damage a busy database."))
        .with_suggestion(format!("Build it with SQLite {major}.{minor}.{patch} or newer.")))
}

fn is_recent_enough(version: &str) -> bool {
    let mut numbers = version.split('.').map(|part| part.parse::<u32>().unwrap_or(0));
    let mut next = || numbers.next().unwrap_or(0);
    (next(), next(), next()) >= OLDEST_SQLITE
}

async fn migrate(connection: &mut SqliteConnection) -> Result<(), Error> {
    let version = user_version(connection).await.map_err(|error| explain(&error))?;
    let known = MIGRATIONS.len();
    let Some(missing) = MIGRATIONS.get(version..) else {
        return Err(unusable(format!(
            "The store was written by a newer Steadfast (format {version}; this one knows {known})."
        ))
        .with_suggestion("Use the newer program, or another data folder."));
    };
    for (migration, number) in missing.iter().zip(version + 1..) {
        apply(connection, migration, number)
            .await
            .map_err(|fault| Error::from(fault).with_detail("migration", number))?;
    }
    Ok(())
}

async fn apply(connection: &mut SqliteConnection, migration: &'static str, number: usize) -> Result<(), Fault> {
    let mut transaction = connection.begin_with("BEGIN IMMEDIATE").await?;
    sqlx::raw_sql(migration).execute(&mut *transaction).await?;
    // PRAGMA takes no parameters; `number` is ours.
    sqlx::raw_sql(sqlx::AssertSqlSafe(format!("PRAGMA user_version = {number}"))).execute(&mut *transaction).await?;
    Ok(transaction.commit().await?)
}

/// Nothing that waiting would help.
fn unusable(message: String) -> Error {
    Error::new(Code::STORAGE_UNAVAILABLE).with_message(message).with_advice(RetryAdvice::Never)
}

async fn user_version(connection: &mut SqliteConnection) -> Result<usize, sqlx::Error> {
    let version: i64 = sqlx::query_scalar("PRAGMA user_version").fetch_one(connection).await?;
    // A negative number is nobody's: let it count as newer than everything.
    Ok(usize::try_from(version).unwrap_or(usize::MAX))
}

/// In order; the place in the list is the version.
const MIGRATIONS: &[&str] =
    &[include_str!("../migrations/0001_conversations.sql"), include_str!("../migrations/0002_streams.sql")];

/// The first release without the WAL-reset bug (<https://www.sqlite.org/releaselog/3_51_3.html>).
const OLDEST_SQLITE: (u32, u32, u32) = (3, 51, 3);

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn every_connection_has_the_safe_settings() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("store.db");
        let mut writing = open_for_writing(&path).await.unwrap();
        let mut reading = SqliteConnection::connect_with(&reading_options(&path)).await.unwrap();
        let both = [
            ("foreign_keys", 1),
            ("busy_timeout", 5000),
            ("trusted_schema", 0),
            ("cell_size_check", 1),
            ("temp_store", 2),
            ("mmap_size", 0),
        ];
        for (pragma, value) in both {
            assert_eq!((ask(&mut writing, pragma).await, ask(&mut reading, pragma).await), (value, value), "{pragma}");
        }
        for (pragma, value) in [("synchronous", 2), ("wal_autocheckpoint", 1000), ("journal_size_limit", 67_108_864)] {
            assert_eq!(ask(&mut writing, pragma).await, value, "{pragma}");
        }
        let mode: String = sqlx::query_scalar("PRAGMA journal_mode").fetch_one(&mut writing).await.unwrap();
        assert_eq!(mode, "wal");
        assert_eq!(ask(&mut reading, "query_only").await, 1);
        sqlx::raw_sql("DELETE FROM ledger").execute(&mut reading).await.unwrap_err();
    }

    async fn ask(connection: &mut SqliteConnection, pragma: &str) -> i64 {
        sqlx::query_scalar(sqlx::AssertSqlSafe(format!("PRAGMA {pragma}")))
            .fetch_one(connection)
            .await
            .unwrap_or_default()
    }

    #[test]
    fn sqlite_before_3_51_3_is_refused() {
        for good in ["3.51.3", "3.52.0", "4.0.0"] {
            assert!(is_recent_enough(good), "{good}");
        }
        for bad in ["3.51.2", "3.50.9", "2.99.99", ""] {
            assert!(!is_recent_enough(bad), "{bad}");
        }
    }
}
