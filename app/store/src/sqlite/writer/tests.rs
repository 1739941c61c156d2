//! One transaction for many, and each alone with its failure; a lost connection, a full disk, another's file.

use sqlx::sqlite::SqliteConnectOptions;
use steadfast::{CancelReason, Code, Task};
use tokio::sync::oneshot;

use super::*;

struct Stage {
    writer: Arc<Writer>,
    token: CancelToken,
    path: PathBuf,
    _folder: tempfile::TempDir,
}

impl Stage {
    async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("store.db");
        let token = CancelToken::root("test");
        let (lock, connection) = (Lock::take(&path).unwrap(), schema::open_for_writing(&path).await.unwrap());
        let writer = Arc::new(Writer::start(&token, path.clone(), lock, connection).await.unwrap());
        Self { writer, token, path, _folder: folder }
    }

    /// Queues a write of its own and goes on.
    fn queue(&self, sql: &'static str) -> Task<Result<u64, Error>> {
        self.queue_under(&self.token, sql)
    }

    fn queue_under(&self, token: &CancelToken, sql: &'static str) -> Task<Result<u64, Error>> {
        self.queue_work(token, move |db| {
            Box::pin(async move { Ok(sqlx::raw_sql(sql).execute(db).await?.rows_affected()) })
        })
    }

    /// Queues a write that fails.
    fn queue_fault(&self, fault: impl Into<Fault>) -> Task<Result<(), Error>> {
        let fault = fault.into();
        self.queue_work(&self.token, |_| Box::pin(async { Err(fault) }))
    }

    fn queue_work<T: Send + 'static>(
        &self,
        token: &CancelToken,
        work: impl for<'c> FnOnce(&'c mut SqliteConnection) -> BoxFuture<'c, Result<T, Fault>> + Send + 'static,
    ) -> Task<Result<T, Error>> {
        let (writer, token) = (Arc::clone(&self.writer), token.clone());
        self.token.spawn("write", async move { writer.write(&token, work).await })
    }

    async fn write(&self, sql: &'static str) -> Result<u64, Error> {
        self.queue(sql).await.unwrap()
    }

    /// Holds the writer inside a transaction until the sender is used or dropped.
    async fn hold(&self) -> (oneshot::Sender<()>, Task<Result<(), Error>>) {
        let (release, released) = oneshot::channel::<()>();
        let (began, beginning) = oneshot::channel();
        let held = self.queue_work(&self.token, |_| {
            Box::pin(async move {
                began.send(()).unwrap();
                released.await.ok(); // dropping the sender releases too
                Ok(())
            })
        });
        beginning.await.unwrap();
        (release, held)
    }

    /// Waits until this many writes are in the queue.
    async fn until_queued(&self, count: usize) {
        while QUEUE_LENGTH - self.writer.queue.capacity() < count {
            tokio::task::yield_now().await;
        }
    }

    async fn ask(&self, sql: &'static str) -> i64 {
        sqlx::query_scalar(sql).fetch_one(&mut self.stranger().await).await.unwrap()
    }

    /// Writes past the writer, as a disk that kept more or less than it said.
    async fn run_as_stranger(&self, sql: &'static str) {
        sqlx::raw_sql(sql).execute(&mut self.stranger().await).await.unwrap();
    }

    async fn stranger(&self) -> SqliteConnection {
        SqliteConnection::connect_with(&SqliteConnectOptions::new().filename(&self.path)).await.unwrap()
    }

    async fn commits(&self) -> i64 {
        self.ask("SELECT commits FROM ledger").await
    }
}

/// A conversation that is made under a new id each time.
const INSERT: &str = "INSERT INTO conversation VALUES (hex(randomblob(8)), '', 1, 1, 1, NULL)";
const COUNT: &str = "SELECT count(*) FROM conversation";

#[tokio::test]
async fn what_is_queued_together_is_committed_together() {
    let stage = Stage::start().await;
    let (release, held) = stage.hold().await;
    let writes: Vec<_> = (0..50).map(|_| stage.queue(INSERT)).collect();
    stage.until_queued(50).await;
    release.send(()).unwrap();
    held.await.unwrap().unwrap();
    for write in writes {
        assert_eq!(write.await.unwrap().unwrap(), 1);
    }
    assert_eq!((stage.ask(COUNT).await, stage.commits().await), (50, 2), "one commit for the first, one for the fifty");
}

#[tokio::test]
async fn one_that_fails_spoils_nothing_for_the_others() {
    let stage = Stage::start().await;
    let (release, held) = stage.hold().await;
    let good = [stage.queue(INSERT), stage.queue(INSERT)];
    stage.until_queued(2).await;
    // Its first half would do, its second half is against the rules: none of it may stay.
    let broken = stage.queue("INSERT INTO conversation VALUES ('half', '', 1, 1, 1, NULL); INSERT INTO message VALUES ('m', 'nowhere', 1, 'user', '', 1)");
    stage.until_queued(3).await;
    let refused = stage.queue_fault(Error::conflict("no"));
    let last = stage.queue(INSERT);
    stage.until_queued(5).await;
    drop(release);
    held.await.unwrap().unwrap();
    for write in good.into_iter().chain([last]) {
        assert_eq!(write.await.unwrap().unwrap(), 1);
    }
    assert_eq!(broken.await.unwrap().unwrap_err().code(), Code::INTERNAL);
    assert_eq!(refused.await.unwrap().unwrap_err().code(), Code::CONFLICT);
    assert_eq!((stage.ask(COUNT).await, stage.commits().await), (3, 2));
}

#[tokio::test]
async fn a_write_whose_caller_stopped_waiting_is_not_made() {
    let stage = Stage::start().await;
    let (release, held) = stage.hold().await;
    let caller = CancelToken::root("caller");
    let abandoned = stage.queue_under(&caller, INSERT);
    stage.until_queued(1).await;
    caller.cancel(CancelReason::UserStop);
    drop(release);
    held.await.unwrap().unwrap();
    assert!(abandoned.await.unwrap().is_err());
    stage.write("DELETE FROM conversation WHERE id = 'nobody'").await.unwrap();
    assert_eq!(stage.ask(COUNT).await, 0);
}

#[tokio::test]
async fn a_lost_connection_fails_its_transaction_and_the_next_write_opens_another() {
    let stage = Stage::start().await;
    let (release, held) = stage.hold().await;
    let insert = stage.queue(INSERT);
    stage.until_queued(1).await;
    let lost = stage.queue_fault(sqlx::Error::Io(std::io::Error::other("the disk is gone")));
    stage.until_queued(2).await;
    drop(release);
    held.await.unwrap().unwrap();
    for error in [insert.await.unwrap().map(drop).unwrap_err(), lost.await.unwrap().unwrap_err()] {
        assert_eq!((error.code(), error.retryable()), (Code::STORAGE_UNAVAILABLE, true));
        assert!(error.details().iter().any(|(_, value)| value.contains("the disk is gone")), "{error:?}");
    }
    assert!(stage.writer.is_suspect());
    stage.write(INSERT).await.unwrap();
    assert!(!stage.writer.is_suspect());
    assert_eq!((stage.ask(COUNT).await, stage.commits().await), (1, 2));
}

#[tokio::test]
async fn a_commit_of_unknown_outcome_may_have_landed_any_number_of_times() {
    let stage = Stage::start().await;
    for round in 1..=3 {
        // As if the commit that fails now had reached the disk.
        stage.run_as_stranger("UPDATE ledger SET commits = commits + 1").await;
        stage.queue_fault(sqlx::Error::WorkerCrashed).await.unwrap().unwrap_err();
        stage.write(INSERT).await.unwrap();
        assert_eq!((stage.ask(COUNT).await, stage.commits().await), (round, 2 * round));
    }
}

#[tokio::test]
async fn a_full_disk_is_said_as_such_and_loses_nothing() {
    let stage = Stage::start().await;
    stage.write(INSERT).await.unwrap();
    // SQLite's own limit stands for the disk's: it fails at the same place with the same code.
    stage.write("PRAGMA max_page_count = 1").await.unwrap();
    let error = stage
        .write("INSERT INTO conversation VALUES ('big', hex(randomblob(1000000)), 1, 1, 1, NULL)")
        .await
        .unwrap_err();
    assert_eq!(error.code(), Code::DISK_FULL, "{error:?}");
    stage.write(INSERT).await.unwrap();
    assert_eq!(stage.ask(COUNT).await, 2);
}

#[tokio::test]
async fn a_reopened_file_that_lost_an_acknowledged_commit_is_not_written_to() {
    let stage = Stage::start().await;
    for _ in 0..3 {
        stage.write(INSERT).await.unwrap();
    }
    stage.run_as_stranger("UPDATE ledger SET commits = 1").await;
    stage.queue_fault(sqlx::Error::WorkerCrashed).await.unwrap().unwrap_err();
    assert_eq!(stage.write(INSERT).await.unwrap_err().code(), Code::CORRUPT);
    assert_eq!(stage.ask(COUNT).await, 3);
}
