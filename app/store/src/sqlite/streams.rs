//! Kept streams: each a row that is written whole, and never by an older version of itself.

use sqlx::{Row as _, SqlitePool, sqlite::SqliteConnection};
use steadfast::{CancelToken, Error};
use steadfast_contract::{
    BoxFuture,
    kept_stream::{KeptStream, Outdated, StreamStore},
};

use super::{
    SqliteStore,
    failure::Fault,
    rows::{self, signed, to_json},
};

impl StreamStore for SqliteStore {
    fn count_start<'a>(&'a self, token: &'a CancelToken) -> BoxFuture<'a, Result<u64, Error>> {
        self.write("count start", token, |connection| Box::pin(count_start(connection)))
    }

    fn keep_stream<'a>(&'a self, token: &'a CancelToken, stream: KeptStream) -> BoxFuture<'a, Result<(), Error>> {
        self.write("keep stream", token, move |connection| Box::pin(keep(connection, stream)))
    }

    fn kept_streams<'a>(&'a self, token: &'a CancelToken) -> BoxFuture<'a, Result<Vec<KeptStream>, Error>> {
        self.read("list kept streams", token, all(self.reader.pool()))
    }

    fn let_streams_go<'a>(&'a self, token: &'a CancelToken, outdated: Outdated) -> BoxFuture<'a, Result<(), Error>> {
        self.write("let streams go", token, move |connection| Box::pin(let_go(connection, outdated)))
    }
}

async fn count_start(db: &mut SqliteConnection) -> Result<u64, Fault> {
    let counted = sqlx::query("UPDATE starts SET count = count + 1 RETURNING count").fetch_one(db).await?;
    rows::number(&counted, "count")
}

async fn keep(db: &mut SqliteConnection, stream: KeptStream) -> Result<(), Fault> {
    let sql = "INSERT INTO kept_stream (id, created_ms, ended_ms, revision, head, memo) VALUES (?, ?, ?, ?, ?, ?) \
               ON CONFLICT (id) DO UPDATE SET ended_ms = excluded.ended_ms, revision = excluded.revision, \
               head = excluded.head, memo = excluded.memo WHERE excluded.revision > kept_stream.revision";
    let ended_ms = stream.end.as_ref().map(|end| signed(end.at_ms));
    let memo = stream.memo.as_ref().map(to_json).transpose()?;
    let query = sqlx::query(sql).bind(&stream.id).bind(signed(stream.created_ms)).bind(ended_ms);
    query.bind(signed(stream.revision)).bind(to_json(&stream)?).bind(memo).execute(db).await?;
    Ok(())
}

async fn all(pool: &SqlitePool) -> Result<Vec<KeptStream>, Fault> {
    let rows = sqlx::query("SELECT head, memo FROM kept_stream ORDER BY created_ms, id").fetch_all(pool).await?;
    let stream = |row| {
        let head: KeptStream = rows::json(row, "head")?;
        let memo: Option<String> = row.try_get("memo")?;
        Ok(KeptStream { memo: memo.map(|memo| rows::from_json(&memo)).transpose()?, ..head })
    };
    rows.iter().map(stream).collect()
}

async fn let_go(db: &mut SqliteConnection, outdated: Outdated) -> Result<(), Fault> {
    sqlx::query("DELETE FROM kept_stream WHERE ended_ms IS NOT NULL AND created_ms < ?")
        .bind(signed(outdated.created_before_ms))
        .execute(&mut *db)
        .await?;
    let sql = "DELETE FROM kept_stream WHERE ended_ms IS NOT NULL AND id NOT IN \
               (SELECT id FROM kept_stream ORDER BY created_ms DESC, id DESC LIMIT ?)";
    sqlx::query(sql).bind(signed(outdated.rows_max)).execute(&mut *db).await?;
    sqlx::query("UPDATE kept_stream SET memo = NULL WHERE ended_ms < ? AND memo IS NOT NULL")
        .bind(signed(outdated.ended_before_ms))
        .execute(&mut *db)
        .await?;
    let sql = "UPDATE kept_stream SET memo = NULL WHERE id IN (SELECT id FROM \
               (SELECT id, SUM(length(CAST(memo AS BLOB))) OVER (ORDER BY ended_ms DESC, id DESC) AS bytes \
                FROM kept_stream WHERE ended_ms IS NOT NULL AND memo IS NOT NULL) WHERE bytes > ?)";
    sqlx::query(sql).bind(signed(outdated.bytes_max)).execute(db).await?;
    Ok(())
}
