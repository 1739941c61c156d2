//! Every write, as it runs inside the writer's transaction. All of them are safe to repeat.

use sqlx::{
    Row as _,
    sqlite::{SqliteConnection, SqliteRow},
};
use steadfast::Error;
use steadfast_contract::{
    chat::Role,
    conversation::{Conversation, StoredMessage},
    run::{RunEvent, RunSpec, RunState, RunView},
    store::{NewMessage, Written},
};

use super::{
    failure::Fault,
    rows::{self, conversation_columns, signed, to_json},
};
use crate::rules;

pub(super) async fn create_conversation(
    db: &mut SqliteConnection,
    id: String,
    title: String,
    now_ms: u64,
) -> Result<Written<Conversation>, Fault> {
    let sql = "INSERT INTO conversation (id, title, created_ms, updated_ms, revision) VALUES (?1, ?2, ?3, ?3, 1) ON CONFLICT (id) DO NOTHING";
    let made = sqlx::query(sql).bind(&id).bind(&title).bind(signed(now_ms)).execute(&mut *db).await?;
    let stored = conversation(db, &id).await?;
    Ok(if made.rows_affected() == 1 { Written::New(stored) } else { Written::Already(stored) })
}

pub(super) async fn rename_conversation(
    db: &mut SqliteConnection,
    id: String,
    title: String,
    now_ms: u64,
) -> Result<Conversation, Fault> {
    must_live(db, &id).await?;
    sqlx::query("UPDATE conversation SET title = ? WHERE id = ?").bind(&title).bind(&id).execute(&mut *db).await?;
    touch(db, &id, now_ms).await?;
    conversation(db, &id).await
}

pub(super) async fn delete_conversation(db: &mut SqliteConnection, id: String, now_ms: u64) -> Result<(), Fault> {
    if !conversation(db, &id).await?.deleted {
        let sql = "UPDATE conversation SET deleted_ms = ? WHERE id = ?";
        sqlx::query(sql).bind(signed(now_ms)).bind(&id).execute(&mut *db).await?;
        touch(db, &id, now_ms).await?;
    }
    Ok(())
}

pub(super) async fn restore_conversation(
    db: &mut SqliteConnection,
    id: String,
    now_ms: u64,
) -> Result<Conversation, Fault> {
    if conversation(db, &id).await?.deleted {
        sqlx::query("UPDATE conversation SET deleted_ms = NULL WHERE id = ?").bind(&id).execute(&mut *db).await?;
        touch(db, &id, now_ms).await?;
    }
    conversation(db, &id).await
}

pub(super) async fn purge_deleted(db: &mut SqliteConnection, before_ms: u64) -> Result<u64, Fault> {
    let purged =
        sqlx::query("DELETE FROM conversation WHERE deleted_ms < ?").bind(signed(before_ms)).execute(db).await?;
    Ok(purged.rows_affected())
}

pub(super) async fn add_message(
    db: &mut SqliteConnection,
    new: NewMessage,
    run: RunSpec,
) -> Result<Written<(StoredMessage, RunView)>, Fault> {
    rules::belong_together(&new, &run)?;
    must_live(db, &new.conversation_id).await?;
    let row = sqlx::query("SELECT * FROM message WHERE id = ?").bind(&new.id).fetch_optional(&mut *db).await?;
    if let Some(row) = row {
        let stored = rows::message(&row)?;
        rules::same_message(&stored, &new)?;
        return Ok(Written::Already((stored, first_run(db, &new.id).await?)));
    }
    if let Some(taken) = find_run(db, &run.id).await? {
        rules::same_run(&taken.spec, &run)?;
    }
    let stored = insert_message(db, new).await?;
    let view = insert_run(db, run).await?;
    touch(db, &stored.conversation_id, stored.created_ms).await?;
    Ok(Written::New((stored, view)))
}

pub(super) async fn edit_message(
    db: &mut SqliteConnection,
    id: String,
    text: String,
    now_ms: u64,
) -> Result<StoredMessage, Fault> {
    let message = changeable_message(db, &id).await?;
    sqlx::query("UPDATE message SET text = ? WHERE id = ?").bind(&text).bind(&id).execute(&mut *db).await?;
    touch(db, &message.conversation_id, now_ms).await?;
    Ok(StoredMessage { text, ..message })
}

pub(super) async fn remove_message(db: &mut SqliteConnection, id: String, now_ms: u64) -> Result<StoredMessage, Fault> {
    let message = changeable_message(db, &id).await?;
    sqlx::query("DELETE FROM message WHERE id = ?").bind(&id).execute(&mut *db).await?;
    // In two steps, because a step of one would meet the next ordinal while that is still taken.
    for sql in [
        "UPDATE message SET ordinal = -ordinal WHERE conversation_id = ? AND ordinal > ?",
        "UPDATE message SET ordinal = -ordinal - 1 WHERE conversation_id = ? AND ordinal < -?",
    ] {
        sqlx::query(sql).bind(&message.conversation_id).bind(signed(message.ordinal)).execute(&mut *db).await?;
    }
    touch(db, &message.conversation_id, now_ms).await?;
    Ok(message)
}

pub(super) async fn add_run(db: &mut SqliteConnection, run: RunSpec) -> Result<Written<RunView>, Fault> {
    rules::same_conversation(&living_message(db, &run.message_id).await?, &run)?;
    if let Some(stored) = find_run(db, &run.id).await? {
        rules::same_run(&stored.spec, &run)?;
        return Ok(Written::Already(stored));
    }
    touch(db, &run.conversation_id, run.created_ms).await?;
    Ok(Written::New(insert_run(db, run).await?))
}

pub(super) async fn append(db: &mut SqliteConnection, run_id: String, events: Vec<RunEvent>) -> Result<(), Fault> {
    let row = sqlx::query("SELECT place, view FROM run WHERE id = ?").bind(&run_id).fetch_optional(&mut *db).await?;
    let row = row.ok_or_else(|| rules::no_run(&run_id))?;
    let place: i64 = row.try_get("place")?;
    let mut view: RunView = rows::json(&row, "view")?;
    let (known, fresh) = rules::split_at_stored(view.seq, &events)?;
    must_be_stored(db, place, view.seq, known).await?;
    let Some(last) = fresh.last() else { return Ok(()) };
    for event in fresh {
        let sql = "INSERT INTO run_event (run, seq, event) VALUES (?, ?, ?)";
        sqlx::query(sql).bind(place).bind(signed(event.seq)).bind(to_json(event)?).execute(&mut *db).await?;
        view.fold(event);
    }
    update_run(db, place, &view).await?;
    touch(db, &view.spec.conversation_id, last.at_ms).await
}

async fn must_be_stored(db: &mut SqliteConnection, place: i64, stored: u64, known: &[RunEvent]) -> Result<(), Fault> {
    for event in known {
        let sql = "SELECT event FROM run_event WHERE run = ? AND seq = ?";
        let text: Option<String> =
            sqlx::query_scalar(sql).bind(place).bind(signed(event.seq)).fetch_optional(&mut *db).await?;
        if text != Some(to_json(event)?) {
            return Err(rules::out_of_order(stored).into());
        }
    }
    Ok(())
}

async fn insert_message(db: &mut SqliteConnection, new: NewMessage) -> Result<StoredMessage, Fault> {
    let sql = "INSERT INTO message (id, conversation_id, ordinal, role, text, created_ms) \
               SELECT ?1, ?2, COUNT(*) + 1, 'user', ?3, ?4 FROM message WHERE conversation_id = ?2 RETURNING ordinal";
    let query = sqlx::query(sql).bind(&new.id).bind(&new.conversation_id).bind(&new.text).bind(signed(new.created_ms));
    let ordinal = rows::number(&query.fetch_one(db).await?, "ordinal")?;
    let NewMessage { id, conversation_id, text, created_ms } = new;
    Ok(StoredMessage { id, conversation_id, ordinal, role: Role::User, text, created_ms })
}

async fn insert_run(db: &mut SqliteConnection, run: RunSpec) -> Result<RunView, Fault> {
    let view = RunView::new(run);
    let sql = "INSERT INTO run (id, conversation_id, message_id, state, ended, seq, view) VALUES (?, ?, ?, ?, 0, 0, ?)";
    let query = sqlx::query(sql).bind(&view.spec.id).bind(&view.spec.conversation_id).bind(&view.spec.message_id);
    query.bind(view.state.as_str()).bind(to_json(&view)?).execute(db).await?;
    Ok(view)
}

async fn update_run(db: &mut SqliteConnection, place: i64, view: &RunView) -> Result<(), Fault> {
    let query = sqlx::query("UPDATE run SET state = ?, ended = ?, seq = ?, view = ? WHERE place = ?");
    let query = query.bind(view.state.as_str()).bind(view.state.is_end()).bind(signed(view.seq)).bind(to_json(view)?);
    query.bind(place).execute(db).await?;
    Ok(())
}

/// Every write that concerns a conversation raises its revision; its time never goes back.
async fn touch(db: &mut SqliteConnection, conversation_id: &str, at_ms: u64) -> Result<(), Fault> {
    let sql = "UPDATE conversation SET revision = revision + 1, updated_ms = max(updated_ms, ?) WHERE id = ?";
    sqlx::query(sql).bind(signed(at_ms)).bind(conversation_id).execute(db).await?;
    Ok(())
}

/// Deleted or not.
async fn conversation(db: &mut SqliteConnection, id: &str) -> Result<Conversation, Fault> {
    let sql = concat!("SELECT ", conversation_columns!(), " FROM conversation c WHERE id = ?");
    let row = sqlx::query(sql).bind(id).fetch_optional(db).await?;
    rows::conversation(&row.ok_or_else(|| rules::no_conversation(id))?)
}

async fn must_live(db: &mut SqliteConnection, id: &str) -> Result<(), Fault> {
    if conversation(db, id).await?.deleted { Err(rules::no_conversation(id).into()) } else { Ok(()) }
}

async fn living_message(db: &mut SqliteConnection, id: &str) -> Result<StoredMessage, Fault> {
    let sql = "SELECT m.* FROM message m JOIN conversation c ON c.id = m.conversation_id WHERE m.id = ? AND c.deleted_ms IS NULL";
    let row = sqlx::query(sql).bind(id).fetch_optional(db).await?;
    rows::message(&row.ok_or_else(|| rules::no_message(id))?)
}

async fn changeable_message(db: &mut SqliteConnection, id: &str) -> Result<StoredMessage, Fault> {
    let message = living_message(db, id).await?;
    let runs = sqlx::query("SELECT view FROM run WHERE message_id = ? ORDER BY place").bind(id).fetch_all(db).await?;
    let states: Result<Vec<RunState>, Fault> =
        runs.iter().map(|row: &SqliteRow| Ok(rows::json::<RunView>(row, "view")?.state)).collect();
    rules::not_begun(states?)?;
    Ok(message)
}

async fn find_run(db: &mut SqliteConnection, id: &str) -> Result<Option<RunView>, Fault> {
    let row = sqlx::query("SELECT view FROM run WHERE id = ?").bind(id).fetch_optional(db).await?;
    row.map(|row| rows::json(&row, "view")).transpose()
}

async fn first_run(db: &mut SqliteConnection, message_id: &str) -> Result<RunView, Fault> {
    let sql = "SELECT view FROM run WHERE message_id = ? ORDER BY place LIMIT 1";
    let row = sqlx::query(sql).bind(message_id).fetch_optional(db).await?;
    rows::json(&row.ok_or_else(|| Error::corrupt("A stored message has no run."))?, "view")
}
