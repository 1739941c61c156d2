//! Reading a log: what is there, then what comes, in order, until its end. Readers pull from the log itself.

use std::{collections::VecDeque, fmt, sync::Arc};

use steadfast::Error;
use steadfast_contract::stream_log::{LogItem, StreamState};
use tokio::sync::watch;

use super::{
    live_stream::{Kept, LiveStream, Seat},
    spec::Opening,
};

/// Where a reader begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReadFrom {
    Start,
    /// After the frame of this number.
    After(u64),
    /// With everything so far as one snapshot.
    Snapshot,
}

impl From<Option<u64>> for ReadFrom {
    fn from(after: Option<u64>) -> Self {
        after.map_or(Self::Start, Self::After)
    }
}

/// How a request met its stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Arrival {
    /// It started it.
    New,
    /// The same request had been sent before, and is still being answered.
    Attached,
    /// The same request had been answered before; this is that answer.
    Replayed,
}

/// A stream that was just started, with a reader's place in it. Dropping it is leaving.
pub struct StreamHandle {
    seat: Seat,
    arrival: Arrival,
}

/// Reads one stream. Dropping it is leaving.
pub struct StreamReader {
    /// Read from the log and not yet handed out; bounded by `PAGE`.
    ready: VecDeque<LogItem>,
    after: u64,
    wants_snapshot: bool,
    changes: watch::Receiver<()>,
    seat: Seat,
}

impl StreamHandle {
    pub(super) fn new(seat: Seat, arrival: Arrival) -> Self {
        Self { seat, arrival }
    }

    pub fn id(&self) -> &str {
        &self.seat.stream().spec.id
    }

    pub fn arrival(&self) -> Arrival {
        self.arrival
    }

    /// Waits for the commit point. Cancel safe, and it may be asked again.
    ///
    /// # Errors
    /// Why nobody answered; then nothing was logged. A reader made all the same reads the error in frames.
    pub async fn opened(&mut self) -> Result<Opening, Error> {
        let stream = self.seat.stream();
        let mut changes = stream.changes();
        loop {
            changes.borrow_and_update();
            if let Some(opened) = stream.log().opened() {
                return opened.clone();
            }
            if changes.changed().await.is_err() {
                return Err(Error::internal("a stream went while it was opening"));
            }
        }
    }

    /// Waits until the store has the stream, or is known to be away. At once for one that is not kept.
    pub async fn kept(&self) -> Kept {
        let mut kept = self.seat.stream().kept();
        let known = kept.wait_for(|kept| *kept != Kept::NotYet).await;
        known.map_or(Kept::StoreAway, |known| *known)
    }

    pub fn into_reader(self) -> StreamReader {
        let base = self.seat.stream().log().base();
        StreamReader::new(self.seat, ReadFrom::After(base))
    }
}

impl StreamReader {
    pub(super) fn new(seat: Seat, from: ReadFrom) -> Self {
        let after = match from {
            ReadFrom::After(after) => after,
            ReadFrom::Start | ReadFrom::Snapshot => 0,
        };
        let changes = seat.stream().changes();
        Self { ready: VecDeque::new(), after, wants_snapshot: from == ReadFrom::Snapshot, changes, seat }
    }

    /// The next item in order; `None` after the last one of a stream that has ended. Cancel safe.
    pub async fn next(&mut self) -> Option<LogItem> {
        while self.ready.is_empty() {
            self.changes.borrow_and_update();
            let ended = self.read();
            if !self.ready.is_empty() {
                break;
            }
            if ended || self.changes.changed().await.is_err() {
                return None;
            }
        }
        self.hand_out()
    }

    /// The next item, if it is there already.
    pub fn now(&mut self) -> Option<LogItem> {
        if self.ready.is_empty() {
            self.read();
        }
        self.hand_out()
    }

    /// The log is one that an earlier process began: places from then are answered with a snapshot and the end.
    pub fn is_of_an_earlier_process(&self) -> bool {
        self.seat.stream().log().is_of_an_earlier_process()
    }

    pub fn state(&self) -> StreamState {
        self.seat.stream().state()
    }

    /// True once everything was handed out of a stream that has ended: nothing comes any more.
    pub fn is_done(&mut self) -> bool {
        self.ready.is_empty() && self.read() && self.ready.is_empty()
    }

    pub fn id(&self) -> &str {
        &self.seat.stream().spec.id
    }

    /// Fills `ready`; true when the stream had ended by then.
    fn read(&mut self) -> bool {
        let stream: &Arc<LiveStream> = self.seat.stream();
        let mut log = stream.log();
        if std::mem::take(&mut self.wants_snapshot) {
            // What is unsaid is said first, so that a snapshot is never of less than the log has.
            drop(log.read(u64::MAX, 0));
            self.ready.push_back(LogItem::Snapshot(log.snapshot()));
        } else {
            self.ready.extend(log.read(self.after, PAGE));
        }
        if let Some(newest) = self.ready.back() {
            self.after = newest.seq();
        }
        log.state().is_end()
    }

    fn hand_out(&mut self) -> Option<LogItem> {
        self.ready.pop_front()
    }
}

impl fmt::Debug for StreamHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StreamHandle").field("id", &self.id()).field("arrival", &self.arrival).finish_non_exhaustive()
    }
}

impl fmt::Debug for StreamReader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StreamReader").field("id", &self.id()).field("after", &self.after).finish_non_exhaustive()
    }
}

/// Frames taken out of the log at once: enough that a fast reader seldom asks, little enough that a slow one holds
/// nothing.
const PAGE: usize = 64;
