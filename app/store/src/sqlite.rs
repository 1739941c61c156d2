//! The embedded store: one SQLite file, one writer, a few readers.
//!
//! When a call answers `Ok`, the write was committed and flushed. An error on commit means "unknown", not "undone":
//! the caller asks again, and every write is safe to repeat. Surprise: SQLite works on real threads, so under a
//! paused tokio clock the time limit of a call fires at once; tests that pause time use the memory store.

mod failure;
mod lock;
mod reader;
mod rows;
mod schema;
mod streams;
mod writer;
mod writes;

use std::{path::PathBuf, time::Duration};

use sqlx::sqlite::SqliteConnection;
use steadfast::{Call, CancelToken, Clock, Code, Error, Events, Timeout};
use steadfast_contract::{
    BoxFuture,
    conversation::{Conversation, ConversationView, StoredMessage},
    run::{RunEvent, RunSpec, RunView},
    store::{ConversationStore, NewMessage, Written},
};

use self::{failure::Fault, lock::Lock, reader::Reader, writer::Writer};

#[derive(Debug)]
pub(crate) struct SqliteStore {
    writer: Writer,
    reader: Reader,
    clock: Clock,
    events: Events,
}

impl SqliteStore {
    pub(crate) async fn open(path: PathBuf, token: &CancelToken, clock: Clock, events: Events) -> Result<Self, Error> {
        let lock = Lock::take(&path)?;
        let connection = schema::open_for_writing(&path).await?;
        let reader = Reader::open(&path).await?;
        let writer = Writer::start(token, path, lock, connection).await?;
        Ok(Self { writer, reader, clock, events })
    }

    /// `work`, until it ends, the token is cancelled or the time limit is over.
    fn limited<'a, T: Send + 'a>(
        &'a self,
        operation: &'static str,
        token: &'a CancelToken,
        work: impl Future<Output = Result<T, Error>> + Send + 'a,
    ) -> BoxFuture<'a, Result<T, Error>> {
        Box::pin(async move {
            token.check()?;
            let call = Call::new(operation, token).with_clock(self.clock.clone()).with_events(self.events.clone());
            Timeout::after(TIME_LIMIT).run(&call, work).await.map_err(as_query_timeout)
        })
    }

    fn read<'a, T: Send + 'a>(
        &'a self,
        operation: &'static str,
        token: &'a CancelToken,
        work: impl Future<Output = Result<T, Fault>> + Send + 'a,
    ) -> BoxFuture<'a, Result<T, Error>> {
        self.limited(operation, token, async { work.await.map_err(Error::from) })
    }

    fn write<'a, T: Send + 'static>(
        &'a self,
        operation: &'static str,
        token: &'a CancelToken,
        work: impl for<'c> FnOnce(&'c mut SqliteConnection) -> BoxFuture<'c, Result<T, Fault>> + Send + 'static,
    ) -> BoxFuture<'a, Result<T, Error>> {
        self.limited(operation, token, self.writer.write(token, work))
    }
}

impl ConversationStore for SqliteStore {
    fn conversations<'a>(&'a self, token: &'a CancelToken) -> BoxFuture<'a, Result<Vec<Conversation>, Error>> {
        self.read("list conversations", token, self.reader.conversations())
    }

    fn conversation<'a>(
        &'a self,
        token: &'a CancelToken,
        id: &'a str,
    ) -> BoxFuture<'a, Result<ConversationView, Error>> {
        self.read("read conversation", token, self.reader.conversation(id))
    }

    fn summary<'a>(&'a self, token: &'a CancelToken, id: &'a str) -> BoxFuture<'a, Result<Conversation, Error>> {
        self.read("read conversation", token, self.reader.summary(id))
    }

    fn create_conversation<'a>(
        &'a self,
        token: &'a CancelToken,
        id: &'a str,
        title: &'a str,
        now_ms: u64,
    ) -> BoxFuture<'a, Result<Written<Conversation>, Error>> {
        let (id, title) = (id.to_owned(), title.to_owned());
        self.write("create conversation", token, move |connection| {
            Box::pin(writes::create_conversation(connection, id, title, now_ms))
        })
    }

    fn rename_conversation<'a>(
        &'a self,
        token: &'a CancelToken,
        id: &'a str,
        title: &'a str,
        now_ms: u64,
    ) -> BoxFuture<'a, Result<Conversation, Error>> {
        let (id, title) = (id.to_owned(), title.to_owned());
        self.write("rename conversation", token, move |connection| {
            Box::pin(writes::rename_conversation(connection, id, title, now_ms))
        })
    }

    fn delete_conversation<'a>(
        &'a self,
        token: &'a CancelToken,
        id: &'a str,
        now_ms: u64,
    ) -> BoxFuture<'a, Result<(), Error>> {
        let id = id.to_owned();
        self.write("delete conversation", token, move |connection| {
            Box::pin(writes::delete_conversation(connection, id, now_ms))
        })
    }

    fn restore_conversation<'a>(
        &'a self,
        token: &'a CancelToken,
        id: &'a str,
        now_ms: u64,
    ) -> BoxFuture<'a, Result<Conversation, Error>> {
        let id = id.to_owned();
        self.write("restore conversation", token, move |connection| {
            Box::pin(writes::restore_conversation(connection, id, now_ms))
        })
    }

    fn purge_deleted<'a>(&'a self, token: &'a CancelToken, before_ms: u64) -> BoxFuture<'a, Result<u64, Error>> {
        self.write("purge conversations", token, move |connection| {
            Box::pin(writes::purge_deleted(connection, before_ms))
        })
    }

    fn add_message<'a>(
        &'a self,
        token: &'a CancelToken,
        message: NewMessage,
        run: RunSpec,
    ) -> BoxFuture<'a, Result<Written<(StoredMessage, RunView)>, Error>> {
        self.write("add message", token, move |connection| Box::pin(writes::add_message(connection, message, run)))
    }

    fn edit_message<'a>(
        &'a self,
        token: &'a CancelToken,
        id: &'a str,
        text: &'a str,
        now_ms: u64,
    ) -> BoxFuture<'a, Result<StoredMessage, Error>> {
        let (id, text) = (id.to_owned(), text.to_owned());
        self.write("edit message", token, move |connection| {
            Box::pin(writes::edit_message(connection, id, text, now_ms))
        })
    }

    fn remove_message<'a>(
        &'a self,
        token: &'a CancelToken,
        id: &'a str,
        now_ms: u64,
    ) -> BoxFuture<'a, Result<StoredMessage, Error>> {
        let id = id.to_owned();
        self.write("remove message", token, move |connection| Box::pin(writes::remove_message(connection, id, now_ms)))
    }

    fn message<'a>(&'a self, token: &'a CancelToken, id: &'a str) -> BoxFuture<'a, Result<StoredMessage, Error>> {
        self.read("read message", token, self.reader.message(id))
    }

    fn add_run<'a>(&'a self, token: &'a CancelToken, run: RunSpec) -> BoxFuture<'a, Result<Written<RunView>, Error>> {
        self.write("add run", token, move |connection| Box::pin(writes::add_run(connection, run)))
    }

    fn run<'a>(&'a self, token: &'a CancelToken, id: &'a str) -> BoxFuture<'a, Result<RunView, Error>> {
        self.read("read run", token, self.reader.run(id))
    }

    fn open_runs<'a>(&'a self, token: &'a CancelToken) -> BoxFuture<'a, Result<Vec<RunView>, Error>> {
        self.read("list open runs", token, self.reader.open_runs())
    }

    fn append<'a>(
        &'a self,
        token: &'a CancelToken,
        run_id: &'a str,
        events: &'a [RunEvent],
    ) -> BoxFuture<'a, Result<(), Error>> {
        let (run_id, events) = (run_id.to_owned(), events.to_vec());
        self.write("append to run", token, move |connection| Box::pin(writes::append(connection, run_id, events)))
    }

    fn events<'a>(
        &'a self,
        token: &'a CancelToken,
        run_id: &'a str,
        after: u64,
        limit: usize,
    ) -> BoxFuture<'a, Result<Vec<RunEvent>, Error>> {
        self.read("read run events", token, self.reader.events(run_id, after, limit))
    }

    /// Reads always; writes only when the last write failed, so that asking often costs nothing.
    fn check<'a>(&'a self, token: &'a CancelToken) -> BoxFuture<'a, Result<(), Error>> {
        self.limited("check store", token, async move {
            self.reader.check().await?;
            if self.writer.is_suspect() {
                self.writer.write(token, |_| Box::pin(async { Ok(()) })).await?;
            }
            Ok(())
        })
    }

    fn backend(&self) -> &'static str {
        "sqlite"
    }
}

fn as_query_timeout(error: Error) -> Error {
    if error.code() == Code::TIMEOUT { Error::query_timeout(TIME_LIMIT) } else { error }
}

/// How long a caller waits. Longer than SQLite's own wait for a lock would be of no use to a person.
const TIME_LIMIT: Duration = Duration::from_secs(5);
