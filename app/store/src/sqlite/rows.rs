//! Rows as the contract's types, and back.

use serde::{Serialize, de::DeserializeOwned};
use sqlx::{Row as _, sqlite::SqliteRow};
use steadfast::Error;
use steadfast_contract::{
    chat::Role,
    conversation::{Conversation, StoredMessage},
    run::RunState,
};

use super::failure::Fault;

/// What every query for a conversation selects, in the form that [`conversation`] reads.
macro_rules! conversation_columns {
    () => {
        "c.id, c.title, c.created_ms, c.updated_ms, c.revision, c.deleted_ms, \
         (SELECT state FROM run WHERE conversation_id = c.id ORDER BY place DESC LIMIT 1) AS activity"
    };
}
pub(super) use conversation_columns;

pub(super) fn conversation(row: &SqliteRow) -> Result<Conversation, Fault> {
    Ok(Conversation {
        id: row.try_get("id")?,
        title: row.try_get("title")?,
        created_ms: number(row, "created_ms")?,
        updated_ms: number(row, "updated_ms")?,
        revision: number(row, "revision")?,
        deleted: row.try_get::<Option<i64>, _>("deleted_ms")?.is_some(),
        activity: row.try_get::<Option<String>, _>("activity")?.map(word::<RunState>).transpose()?,
    })
}

pub(super) fn message(row: &SqliteRow) -> Result<StoredMessage, Fault> {
    Ok(StoredMessage {
        id: row.try_get("id")?,
        conversation_id: row.try_get("conversation_id")?,
        ordinal: number(row, "ordinal")?,
        role: word::<Role>(row.try_get("role")?)?,
        text: row.try_get("text")?,
        created_ms: number(row, "created_ms")?,
    })
}

/// A column that holds JSON.
pub(super) fn json<T: DeserializeOwned>(row: &SqliteRow, column: &str) -> Result<T, Fault> {
    from_json(row.try_get(column)?)
}

pub(super) fn from_json<T: DeserializeOwned>(text: &str) -> Result<T, Fault> {
    serde_json::from_str(text)
        .map_err(|error| Error::corrupt("A stored entry cannot be read.").with_source(error).into())
}

pub(super) fn to_json(value: &impl Serialize) -> Result<String, Fault> {
    serde_json::to_string(value)
        .map_err(|error| Error::internal("An entry could not be written as JSON.").with_source(error).into())
}

/// SQLite's numbers are signed; no clock and no counter of ours gets that far.
pub(super) fn signed(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

pub(super) fn number(row: &SqliteRow, column: &str) -> Result<u64, Fault> {
    let value: i64 = row.try_get(column)?;
    u64::try_from(value).map_err(|error| Error::corrupt("A stored number is negative.").with_source(error).into())
}

/// An enum that is stored as its word on the wire.
fn word<T: DeserializeOwned>(text: String) -> Result<T, Fault> {
    serde_json::from_value(text.into())
        .map_err(|error| Error::corrupt("A stored entry cannot be read.").with_source(error).into())
}
