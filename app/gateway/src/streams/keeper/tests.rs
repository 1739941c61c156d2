//! The keeper by itself, over a store that is slow, away or dead: when it writes, and that nobody waits for it.

use std::sync::{
    Mutex,
    atomic::{AtomicU8, Ordering},
};

use steadfast::Error;
use steadfast_contract::{
    BoxFuture,
    chunk::{Chunk, FinishReason},
    kept_stream::KeptStream,
    stream_log::StreamState,
};

use super::*;
use crate::{
    streams::{
        bounds::Bounds,
        ledger::Ledger,
        log::{EndShown, Log},
        spec::{Opening, StreamSpec},
        writer::LogWriter,
    },
    testing::Plain,
};

const WELL: u8 = 0;
const AWAY: u8 = 1;
const DEAD: u8 = 2;

/// A store in a mood, and what was written to it.
#[derive(Debug, Default)]
struct Disk {
    mood: AtomicU8,
    written: Mutex<Vec<KeptStream>>,
}

impl Disk {
    fn written(&self) -> usize {
        self.written.lock().unwrap().len()
    }

    fn newest(&self) -> KeptStream {
        self.written.lock().unwrap().last().unwrap().clone()
    }
}

impl StreamStore for Disk {
    fn count_start<'a>(&'a self, _: &'a CancelToken) -> BoxFuture<'a, Result<u64, Error>> {
        Box::pin(async { Ok(1) })
    }

    fn keep_stream<'a>(&'a self, _: &'a CancelToken, stream: KeptStream) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(async move {
            match self.mood.load(Ordering::Acquire) {
                WELL => {
                    self.written.lock().unwrap().push(stream);
                    Ok(())
                }
                AWAY => Err(Error::storage_unavailable("away")),
                _ => std::future::pending().await,
            }
        })
    }

    fn kept_streams<'a>(&'a self, _: &'a CancelToken) -> BoxFuture<'a, Result<Vec<KeptStream>, Error>> {
        Box::pin(async { Ok(Vec::new()) })
    }

    fn let_streams_go<'a>(&'a self, _: &'a CancelToken, _: Outdated) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(async { Ok(()) })
    }
}

/// A stream that is kept on `disk`, and the right to write to it.
fn kept_on(disk: &Arc<Disk>) -> (Arc<LiveStream>, LogWriter) {
    let bounds = Bounds { events: 1_000, bytes: 1 << 20 };
    let log = Log::new(Box::new(Plain::default()), bounds, Ledger::default().share()).of_epoch(1, EndShown::OnceKept);
    let spec = StreamSpec { id: "s".into(), principal: "ann".into(), keep: Keep::Background, idempotency: None };
    let token = CancelToken::root("test");
    let stream = Arc::new(LiveStream::new(spec, log, token.clone(), Clock::real()));
    let store: Arc<dyn StreamStore> = Arc::clone(disk) as _;
    let keeper = Keeper { store, stream: Arc::clone(&stream), revision: 0, saved_bytes: 0 };
    drop(token.spawn("keep stream", keeper.keep()));
    let writer = LogWriter::first(Arc::clone(&stream));
    writer
        .open(Opening {
            model: "big".into(),
            target: "cloud-b".into(),
            attempts: Vec::new(),
            cached: crate::cached::FromCache::Unasked,
        })
        .unwrap();
    (stream, writer)
}

fn say(writer: &LogWriter, words: &str) {
    writer.piece(Chunk::Text(words.to_owned()).into()).unwrap();
}

fn finish(writer: &LogWriter) {
    writer.piece(Chunk::Finish { reason: FinishReason::Stop, usage: None }.into()).unwrap();
}

async fn settle() {
    for _ in 0..20 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test(start_paused = true)]
async fn the_row_is_there_at_once_and_text_after_a_second_or_two_kibibytes() {
    let disk = Arc::<Disk>::default();
    let (stream, writer) = kept_on(&disk);
    assert_eq!(*stream.kept().wait_for(|kept| *kept != Kept::NotYet).await.unwrap(), Kept::Yes);
    assert_eq!(disk.written(), 1);
    say(&writer, "a");
    tokio::time::sleep(AT_THE_LATEST - Duration::from_millis(10)).await;
    say(&writer, "b"); // the first word's second is what counts
    settle().await;
    assert_eq!(disk.written(), 1);
    tokio::time::sleep(Duration::from_millis(20)).await;
    assert_eq!((disk.written(), disk.newest().memo.unwrap()["content"].as_str()), (2, Some("ab")));
    assert_eq!(disk.newest().last, stream.log().last());
    tokio::time::sleep(60 * AT_THE_LATEST).await;
    assert_eq!(disk.written(), 2, "nothing new is not written again");
    say(&writer, &"x".repeat(FRESH_BYTES));
    settle().await;
    assert_eq!(disk.written(), 3);
}

#[tokio::test(start_paused = true)]
async fn the_end_is_on_disk_before_anybody_sees_it() {
    let disk = Arc::<Disk>::default();
    let (stream, writer) = kept_on(&disk);
    say(&writer, "a");
    settle().await;
    disk.mood.store(DEAD, Ordering::Release);
    let before = stream.log().last();
    finish(&writer);
    assert!(writer.piece(Chunk::Text("more".into()).into()).is_err(), "the end is made");
    settle().await;
    assert_eq!((stream.state(), stream.log().last()), (StreamState::Running, before));
    assert!(stream.log().snapshot().value["finish"].is_null(), "nor in a snapshot");
    disk.mood.store(WELL, Ordering::Release);
    // That write hangs; the end is shown all the same once a disk counts as away.
    let shown = Clock::real().now();
    assert_eq!(stream.end().await, StreamState::Completed);
    assert_eq!((Clock::real().now() - shown, stream.log().last()), (PATIENCE, before + 2));
    assert_eq!(*stream.kept().borrow(), Kept::StoreAway);

    let (stream, writer) = kept_on(&disk);
    finish(&writer);
    assert_eq!(stream.end().await, StreamState::Completed);
    let kept = disk.newest();
    assert_eq!((kept.end.unwrap().state.as_str(), kept.last), ("completed", stream.log().last()));
}

#[tokio::test(start_paused = true)]
async fn a_store_that_is_away_holds_up_nobody_and_is_tried_again() {
    let disk = Arc::<Disk>::default();
    disk.mood.store(AWAY, Ordering::Release);
    let (stream, writer) = kept_on(&disk);
    assert_eq!(*stream.kept().wait_for(|kept| *kept != Kept::NotYet).await.unwrap(), Kept::StoreAway);
    say(&writer, "a");
    disk.mood.store(WELL, Ordering::Release);
    tokio::time::sleep(2 * AT_THE_LATEST).await;
    assert_eq!((disk.written(), *stream.kept().borrow()), (1, Kept::Yes));
    disk.mood.store(AWAY, Ordering::Release);
    finish(&writer);
    assert_eq!(stream.end().await, StreamState::Completed);
}

#[tokio::test(start_paused = true)]
async fn a_stop_is_not_held_up_by_a_dead_disk() {
    let disk = Arc::<Disk>::default();
    let (stream, writer) = kept_on(&disk);
    settle().await;
    disk.mood.store(DEAD, Ordering::Release);
    finish(&writer);
    settle().await;
    stream.end_for(Error::cancelled(steadfast::CancelReason::UserStop));
    assert_eq!(stream.state(), StreamState::Completed); // the end that was made is the one
}
