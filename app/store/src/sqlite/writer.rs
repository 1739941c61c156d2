//! The one task that writes: it takes whatever is queued, makes one transaction of it, and answers when that is
//! on disk (group commit, without waiting for more to come).
//!
//! Each write has its own savepoint, so one that is refused spoils nothing for the others. When the connection
//! itself fails, the outcome is unknown: everybody hears so, the connection is closed, and the next write opens
//! a new one, which must still hold the last commit that was acknowledged.

use std::{
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use sqlx::{Connection as _, sqlite::SqliteConnection};
use steadfast::{CancelToken, Code, Error};
use steadfast_contract::BoxFuture;
use tokio::sync::{mpsc, oneshot};

use super::{
    failure::{Fault, explain},
    lock::Lock,
    schema,
};

#[derive(Debug)]
pub(super) struct Writer {
    queue: mpsc::Sender<Box<dyn Job>>,
    suspect: Arc<AtomicBool>,
}

impl Writer {
    pub(super) async fn start(
        token: &CancelToken,
        path: PathBuf,
        lock: Lock,
        mut connection: SqliteConnection,
    ) -> Result<Self, Error> {
        let acknowledged = commits(&mut connection).await.map_err(|error| explain(&error))?;
        let (sender, queue) = mpsc::channel(QUEUE_LENGTH);
        let suspect = Arc::new(AtomicBool::new(false));
        let desk = Desk {
            path,
            connection: Some(connection),
            acknowledged,
            queue,
            suspect: Arc::clone(&suspect),
            _lock: lock,
        };
        // Owned by the token: who closes the store joins it.
        drop(token.spawn("store writer", desk.work(token.clone())));
        Ok(Self { queue: sender, suspect })
    }

    /// Queues `work` and waits until it is on disk. A waiter who leaves early leaves the outcome unknown.
    pub(super) async fn write<T: Send + 'static>(
        &self,
        token: &CancelToken,
        work: impl for<'c> FnOnce(&'c mut SqliteConnection) -> BoxFuture<'c, Result<T, Fault>> + Send + 'static,
    ) -> Result<T, Error> {
        let (reply, answer) = oneshot::channel();
        let write = Write { work: Some(Box::new(work)), outcome: None, reply, token: token.clone() };
        self.queue.send(Box::new(write)).await.map_err(|_| closed())?;
        answer.await.map_err(|_| closed())?
    }

    /// Did the last transaction fail?
    pub(super) fn is_suspect(&self) -> bool {
        self.suspect.load(Ordering::Relaxed)
    }
}

/// The writer's own side: the connection and the queue.
struct Desk {
    path: PathBuf,
    /// `None` after it failed.
    connection: Option<SqliteConnection>,
    /// The number of the last commit that was reported as done.
    acknowledged: i64,
    queue: mpsc::Receiver<Box<dyn Job>>,
    suspect: Arc<AtomicBool>,
    /// Held until the last write is made, so that no second process writes to the file.
    _lock: Lock,
}

impl Desk {
    async fn work(mut self, token: CancelToken) {
        let mut batch = Vec::new();
        loop {
            let taken = tokio::select! {
                biased;
                taken = self.queue.recv_many(&mut batch, BATCH_LENGTH) => taken,
                _ = token.cancelled(), if !self.queue.is_closed() => {
                    self.queue.close(); // what was queued by now is still written
                    continue;
                }
            };
            if taken == 0 {
                break;
            }
            self.serve(batch.drain(..).filter(|job| job.is_wanted()).collect()).await;
        }
        self.close().await;
    }

    async fn serve(&mut self, mut batch: Vec<Box<dyn Job>>) {
        if batch.is_empty() {
            return;
        }
        let failure = self.commit(&mut batch).await.err();
        self.suspect.store(failure.is_some(), Ordering::Relaxed);
        if failure.is_some() {
            self.close().await;
        }
        for job in batch {
            job.answer(failure.as_ref());
        }
    }

    async fn commit(&mut self, batch: &mut [Box<dyn Job>]) -> Result<(), Error> {
        let committed = make(self.open().await?, batch).await.map_err(Error::from)?;
        self.acknowledged = committed;
        Ok(())
    }

    async fn open(&mut self) -> Result<&mut SqliteConnection, Error> {
        let connection = match self.connection.take() {
            Some(connection) => connection,
            None => self.reopen().await?,
        };
        Ok(self.connection.insert(connection))
    }

    async fn reopen(&mut self) -> Result<SqliteConnection, Error> {
        let mut connection = schema::open_for_writing(&self.path).await?;
        let found = commits(&mut connection).await.map_err(|error| explain(&error))?;
        // One more than we know of is the commit whose outcome was unknown.
        if (self.acknowledged..=self.acknowledged + 1).contains(&found) {
            self.acknowledged = found;
            return Ok(connection);
        }
        Err(Error::corrupt("The store's file is not the one that was written to.")
            .with_detail("acknowledged", self.acknowledged)
            .with_detail("found", found))
    }

    async fn close(&mut self) {
        if let Some(connection) = self.connection.take() {
            // Nothing waits for it any more: all that was promised is on disk, and the rest was reported.
            drop(connection.close().await);
        }
    }
}

/// One transaction of all jobs; the number of its commit.
async fn make(connection: &mut SqliteConnection, batch: &mut [Box<dyn Job>]) -> Result<i64, Fault> {
    let mut transaction = connection.begin_with("BEGIN IMMEDIATE").await?;
    for job in batch {
        let mut savepoint = transaction.begin().await?;
        match job.run(&mut savepoint).await? {
            Verdict::Keep => savepoint.commit().await?,
            Verdict::Undo => savepoint.rollback().await?,
        }
    }
    let number = sqlx::query_scalar("UPDATE ledger SET commits = commits + 1 RETURNING commits");
    let number = number.fetch_one(&mut *transaction).await?;
    transaction.commit().await?;
    Ok(number)
}

async fn commits(connection: &mut SqliteConnection) -> Result<i64, sqlx::Error> {
    sqlx::query_scalar("SELECT commits FROM ledger").fetch_one(connection).await
}

/// A write in the queue, whatever it answers with.
trait Job: Send {
    /// Is anybody still waiting for it?
    fn is_wanted(&self) -> bool;

    /// Does it, inside the savepoint. `Err` only when the connection itself failed.
    fn run<'a>(&'a mut self, connection: &'a mut SqliteConnection) -> BoxFuture<'a, Result<Verdict, Fault>>;

    /// Tells the one who waits; `failure` is the whole transaction's.
    fn answer(self: Box<Self>, failure: Option<&Error>);
}

enum Verdict {
    Keep,
    Undo,
}

type Work<T> = Box<dyn for<'c> FnOnce(&'c mut SqliteConnection) -> BoxFuture<'c, Result<T, Fault>> + Send>;

struct Write<T> {
    work: Option<Work<T>>,
    outcome: Option<Result<T, Error>>,
    reply: oneshot::Sender<Result<T, Error>>,
    token: CancelToken,
}

impl<T: Send> Job for Write<T> {
    fn is_wanted(&self) -> bool {
        !self.reply.is_closed() && !self.token.is_cancelled()
    }

    fn run<'a>(&'a mut self, connection: &'a mut SqliteConnection) -> BoxFuture<'a, Result<Verdict, Fault>> {
        Box::pin(async move {
            let Some(work) = self.work.take() else { return Ok(Verdict::Undo) };
            let (outcome, verdict) = match work(connection).await {
                Ok(value) => (Ok(value), Verdict::Keep),
                Err(fault) if fault.ends_connection() => return Err(fault),
                Err(fault) => (Err(fault.into()), Verdict::Undo),
            };
            self.outcome = Some(outcome);
            Ok(verdict)
        })
    }

    fn answer(self: Box<Self>, failure: Option<&Error>) {
        let outcome = match (failure, self.outcome) {
            (None, Some(outcome)) => outcome,
            (None, None) => Err(closed()),
            (Some(failure), _) => Err(same_again(failure)),
        };
        // Who left early does not want to know.
        drop(self.reply.send(outcome));
    }
}

impl std::fmt::Debug for dyn Job {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("Job")
    }
}

/// One failure for each of those who share a transaction.
fn same_again(failure: &Error) -> Error {
    let copy = Error::new(failure.code())
        .with_message(failure.message())
        .with_suggestion(failure.suggestion())
        .with_advice(failure.advice())
        .with_blame(failure.blame());
    failure.details().iter().fold(copy, |copy, (key, value)| copy.with_detail(key, value))
}

fn closed() -> Error {
    Error::new(Code::STORAGE_UNAVAILABLE).with_message("The store is closed, because the program is ending.")
}

/// Bounds the memory of a burst; behind it, callers wait until their time limit.
const QUEUE_LENGTH: usize = 4096;
/// Bounds how long the first of a burst waits for the last.
const BATCH_LENGTH: usize = 512;

#[cfg(test)]
mod tests;
