//! Every read. Four connections that cannot write; readers never wait for the writer (WAL).

use std::{collections::HashMap, path::Path};

use sqlx::{
    SqlitePool,
    sqlite::{SqlitePoolOptions, SqliteRow},
};
use steadfast::Error;
use steadfast_contract::{
    conversation::{Conversation, ConversationView, StoredMessage, Turn},
    run::{RunEvent, RunView},
};

use super::{
    failure::{Fault, explain},
    rows::{self, conversation_columns, signed},
    schema,
};
use crate::rules;

#[derive(Debug)]
pub(super) struct Reader {
    pool: SqlitePool,
}

impl Reader {
    pub(super) async fn open(path: &Path) -> Result<Self, Error> {
        let options = SqlitePoolOptions::new().max_connections(CONNECTIONS).test_before_acquire(false);
        let pool = options.connect_with(schema::reading_options(path)).await.map_err(|error| explain(&error))?;
        Ok(Self { pool })
    }

    pub(super) fn pool(&self) -> &SqlitePool {
        &self.pool
    }

    pub(super) async fn conversations(&self) -> Result<Vec<Conversation>, Fault> {
        let sql = concat!(
            "SELECT ",
            conversation_columns!(),
            " FROM conversation c WHERE deleted_ms IS NULL ORDER BY updated_ms DESC, created_ms DESC, id DESC"
        );
        sqlx::query(sql).fetch_all(&self.pool).await?.iter().map(rows::conversation).collect()
    }

    /// One transaction, so that messages and runs are of one moment.
    pub(super) async fn conversation(&self, id: &str) -> Result<ConversationView, Fault> {
        let mut snapshot = self.pool.begin().await?;
        let sql =
            concat!("SELECT ", conversation_columns!(), " FROM conversation c WHERE id = ? AND deleted_ms IS NULL");
        let row = sqlx::query(sql).bind(id).fetch_optional(&mut *snapshot).await?;
        let conversation = rows::conversation(&row.ok_or_else(|| rules::no_conversation(id))?)?;
        let messages = sqlx::query("SELECT * FROM message WHERE conversation_id = ? ORDER BY ordinal");
        let messages = messages.bind(id).fetch_all(&mut *snapshot).await?;
        let runs = sqlx::query("SELECT view FROM run WHERE conversation_id = ? ORDER BY place");
        let runs = runs.bind(id).fetch_all(&mut *snapshot).await?;
        Ok(ConversationView { conversation, turns: turns(&messages, &runs)? })
    }

    /// Deleted or not.
    pub(super) async fn summary(&self, id: &str) -> Result<Conversation, Fault> {
        let sql = concat!("SELECT ", conversation_columns!(), " FROM conversation c WHERE id = ?");
        let row = sqlx::query(sql).bind(id).fetch_optional(&self.pool).await?;
        rows::conversation(&row.ok_or_else(|| rules::no_conversation(id))?)
    }

    pub(super) async fn message(&self, id: &str) -> Result<StoredMessage, Fault> {
        let sql = "SELECT m.* FROM message m JOIN conversation c ON c.id = m.conversation_id WHERE m.id = ? AND c.deleted_ms IS NULL";
        let row = sqlx::query(sql).bind(id).fetch_optional(&self.pool).await?;
        rows::message(&row.ok_or_else(|| rules::no_message(id))?)
    }

    pub(super) async fn run(&self, id: &str) -> Result<RunView, Fault> {
        let row = sqlx::query("SELECT view FROM run WHERE id = ?").bind(id).fetch_optional(&self.pool).await?;
        rows::json(&row.ok_or_else(|| rules::no_run(id))?, "view")
    }

    pub(super) async fn open_runs(&self) -> Result<Vec<RunView>, Fault> {
        let rows = sqlx::query("SELECT view FROM run WHERE ended = 0 ORDER BY place").fetch_all(&self.pool).await?;
        rows.iter().map(|row| rows::json(row, "view")).collect()
    }

    pub(super) async fn events(&self, run_id: &str, after: u64, limit: usize) -> Result<Vec<RunEvent>, Fault> {
        let place: Option<i64> =
            sqlx::query_scalar("SELECT place FROM run WHERE id = ?").bind(run_id).fetch_optional(&self.pool).await?;
        let place = place.ok_or_else(|| rules::no_run(run_id))?;
        let query = sqlx::query("SELECT event FROM run_event WHERE run = ? AND seq > ? ORDER BY seq LIMIT ?");
        let query = query.bind(place).bind(signed(after)).bind(signed(limit as u64));
        query.fetch_all(&self.pool).await?.iter().map(|row| rows::json(row, "event")).collect()
    }

    pub(super) async fn check(&self) -> Result<(), Error> {
        let commits: Result<i64, _> = sqlx::query_scalar("SELECT commits FROM ledger").fetch_one(&self.pool).await;
        commits.map(drop).map_err(|error| explain(&error))
    }
}

fn turns(messages: &[SqliteRow], runs: &[SqliteRow]) -> Result<Vec<Turn>, Fault> {
    let mut runs_of: HashMap<String, Vec<RunView>> = HashMap::new();
    for row in runs {
        let view: RunView = rows::json(row, "view")?;
        runs_of.entry(view.spec.message_id.clone()).or_default().push(view);
    }
    let turn = |row| {
        let message = rows::message(row)?;
        Ok(Turn { runs: runs_of.remove(&message.id).unwrap_or_default(), message })
    };
    messages.iter().map(turn).collect()
}

/// More than a handful would only wait for the same two or four cores.
const CONNECTIONS: u32 = 4;
