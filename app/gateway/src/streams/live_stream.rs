//! One stream as its writer, its readers and the registry share it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use steadfast::{CancelReason, CancelToken, Clock, Error};
use steadfast_contract::{
    kept_stream::{KeptEnd, KeptOpening, KeptStream},
    stream_log::StreamState,
};
use tokio::sync::watch;

use super::{
    idempotency::IdempotencyKey,
    log::Log,
    spec::{Keep, StreamSpec},
};

pub(crate) struct LiveStream {
    pub(super) spec: StreamSpec,
    pub(super) started_ms: u64,
    /// Cancelling it ends the answer.
    pub(super) token: CancelToken,
    pub(super) clock: Clock,
    log: Mutex<Log>,
    /// Told after every change of the log.
    changes: watch::Sender<()>,
    readers: watch::Sender<usize>,
    kept: watch::Sender<Kept>,
}

/// Whether a stream outlives the process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kept {
    /// Nobody asked for it.
    No,
    /// It is on its way to the store.
    NotYet,
    /// A start of the program from here on finds it.
    Yes,
    /// The store is away: the stream goes on, and lives as long as this process.
    StoreAway,
}

/// A stream as its owner sees it in a list.
#[derive(Debug, Clone)]
pub struct StreamInfo {
    pub id: String,
    pub state: StreamState,
    /// The model that answers; `None` until it does.
    pub model: Option<String>,
    /// The newest frame, as a reader names it.
    pub epoch: u64,
    pub seq: u64,
    pub readers: usize,
    pub started_ms: u64,
    pub kept: Kept,
}

impl LiveStream {
    pub(super) fn new(spec: StreamSpec, log: Log, token: CancelToken, clock: Clock) -> Self {
        let kept = if spec.keep == Keep::WhileRead { Kept::No } else { Kept::NotYet };
        Self {
            started_ms: clock.unix_ms(),
            spec,
            token,
            clock,
            log: Mutex::new(log),
            changes: watch::Sender::new(()),
            readers: watch::Sender::new(0),
            kept: watch::Sender::new(kept),
        }
    }

    /// A panic in a protocol's writer must not take the log away from its readers.
    pub(super) fn log(&self) -> MutexGuard<'_, Log> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn tell(&self) {
        self.changes.send_replace(());
    }

    pub(super) fn changes(&self) -> watch::Receiver<()> {
        self.changes.subscribe()
    }

    pub(super) fn readers(&self) -> watch::Receiver<usize> {
        self.readers.subscribe()
    }

    pub(super) fn kept(&self) -> watch::Receiver<Kept> {
        self.kept.subscribe()
    }

    pub(super) fn tell_kept(&self, kept: Kept) {
        self.kept.send_replace(kept);
    }

    /// Whoever waits to hear whether it is kept hears that it is not, unless it was told already.
    pub(super) fn kept_or_away(&self) {
        self.kept.send_if_modified(|kept| {
            let unknown = *kept == Kept::NotYet;
            if unknown {
                *kept = Kept::StoreAway;
            }
            unknown
        });
    }

    /// The stream as the store is to have it.
    pub(super) fn as_kept(&self, revision: u64) -> KeptStream {
        let log = self.log();
        let opening = log.opened().and_then(|opened| opened.as_ref().ok());
        let end = log.end_made().map(|state| KeptEnd {
            state: state.as_str().to_owned(),
            reason: state.reason().map(ToOwned::to_owned),
            at_ms: self.clock.unix_ms(),
        });
        KeptStream {
            id: self.spec.id.clone(),
            principal: self.spec.principal.clone(),
            key: self.spec.idempotency.as_ref().map(IdempotencyKey::as_kept),
            opening: opening
                .map(|opening| KeptOpening { model: opening.model.clone(), target: opening.target.clone() }),
            created_ms: self.started_ms,
            revision,
            epoch: log.epoch(),
            last: log.last_made(),
            end,
            memo: Some(log.memo()),
        }
    }

    pub(super) fn state(&self) -> StreamState {
        self.log().state().clone()
    }

    /// Waits for the end.
    pub(super) async fn end(&self) -> StreamState {
        let mut changes = self.changes();
        loop {
            changes.borrow_and_update();
            let state = self.state();
            if state.is_end() || changes.changed().await.is_err() {
                return state;
            }
        }
    }

    /// Ends the log in the place of a writer that does not end it: from here on that one is refused.
    pub(super) fn end_for(&self, error: Error) {
        let mut log = self.log();
        if log.is_closed() {
            log.show_end(self.clock.now()); // an end that waits for the disk has waited long enough
            drop(log);
            self.tell();
            return;
        }
        let epoch = log.take_over();
        // The epoch was given a line above, and nobody else holds the lock.
        let _open = log.fail(epoch, error, self.clock.now());
        drop(log);
        self.tell();
    }

    pub(super) fn info(&self) -> StreamInfo {
        let log = self.log();
        StreamInfo {
            id: self.spec.id.clone(),
            state: log.state().clone(),
            model: log.opened().and_then(|opened| opened.as_ref().ok()).map(|opening| opening.model.clone()),
            epoch: log.epoch(),
            seq: log.last(),
            readers: *self.readers.borrow(),
            started_ms: self.started_ms,
            kept: *self.kept.borrow(),
        }
    }
}

/// A reader's place. Leaving it may end the answer.
pub(super) struct Seat(Arc<LiveStream>);

impl Seat {
    /// `RATE_LIMITED` when all are taken.
    pub(super) fn take(stream: &Arc<LiveStream>, most: usize) -> Result<Self, Error> {
        let mut taken = false;
        stream.readers.send_if_modified(|readers| {
            taken = *readers < most;
            *readers += usize::from(taken);
            taken
        });
        if taken { Ok(Self(Arc::clone(stream))) } else { Err(full(most)) }
    }

    pub(super) fn stream(&self) -> &Arc<LiveStream> {
        &self.0
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut left = 0;
        self.0.readers.send_modify(|readers| {
            *readers -= 1;
            left = *readers;
        });
        if left == 0 && self.0.spec.keep == Keep::WhileRead {
            self.0.token.cancel(CancelReason::ClientGone); // changes nothing when the answer has ended
        }
    }
}

fn full(most: usize) -> Error {
    Error::rate_limited("this stream", Some(std::time::Duration::from_secs(1)))
        .with_message(format!("{most} readers follow this stream already."))
        .with_suggestion("Close one of them, then come back to the same place.")
        .with_blame(steadfast::Blame::Caller)
}
