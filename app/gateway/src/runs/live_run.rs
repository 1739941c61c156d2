//! One run with its log, as long as it has not ended.
//!
//! An event is numbered and folded when it is written, and readers see it when it may be seen: text at once (it is
//! on disk a moment later), every change of state after it is on disk. One lock orders the writers to the store.

use std::sync::{Mutex, MutexGuard, PoisonError};

use steadfast::{CancelToken, Error, Nudge};
use steadfast_contract::run::{RunChange, RunEvent, RunSpec, RunView};
use tokio::sync::watch;

use super::Runs;

pub(super) struct LiveRun {
    pub(super) spec: RunSpec,
    /// Cancelling it stops the run.
    pub(super) token: CancelToken,
    pub(super) nudge: Nudge,
    log: Mutex<Log>,
    /// The newest event that readers may see.
    visible: watch::Sender<u64>,
    storing: tokio::sync::Mutex<()>,
}

struct Log {
    /// The run as the store had it when this log began; folding an event of before that changes nothing.
    began: RunView,
    view: RunView,
    events: Vec<RunEvent>,
    /// The newest event that is on disk.
    stored: u64,
}

impl LiveRun {
    pub(super) fn new(view: RunView, token: &CancelToken) -> Self {
        Self::restored(view, Vec::new(), token)
    }

    /// A run as the store has it, with those of its events that readers may still ask for.
    pub(super) fn restored(view: RunView, events: Vec<RunEvent>, token: &CancelToken) -> Self {
        let seq = view.seq;
        Self {
            spec: view.spec.clone(),
            token: token.child(format!("run {}", view.spec.id)),
            nudge: Nudge::default(),
            log: Mutex::new(Log { began: view.clone(), view, events, stored: seq }),
            visible: watch::Sender::new(seq),
            storing: tokio::sync::Mutex::default(),
        }
    }

    pub(super) fn view(&self) -> RunView {
        self.log().view.clone()
    }

    pub(super) fn has_text(&self) -> bool {
        !self.log().view.text.is_empty()
    }

    /// The view as readers may see it: without an end that is not on disk yet.
    pub(super) fn shown(&self) -> RunView {
        let visible = *self.visible.borrow();
        let log = self.log();
        if log.view.seq == visible { log.view.clone() } else { log.view_at(visible) }
    }

    /// True once readers know the end.
    pub(super) fn has_shown_its_end(&self) -> bool {
        self.shown().state.is_end()
    }

    /// Writes and shows at once; `flush` takes it to the disk.
    pub(super) fn write(&self, at_ms: u64, what: RunChange) {
        let seq = self.log().add(at_ms, what);
        self.show(seq);
    }

    /// Writes, takes to the disk, then shows. After the run's end nothing is written any more.
    pub(super) async fn commit(&self, runs: &Runs, what: RunChange) -> Result<(), Error> {
        let seq = self.log().add(runs.now_ms(), what);
        self.flush(runs).await?;
        self.show(seq);
        runs.announce(&self.spec.conversation_id).await;
        Ok(())
    }

    /// Shows what was written but could not be stored: the page keeps what the disk would not.
    pub(super) fn show_all(&self) {
        let seq = self.log().view.seq;
        self.show(seq);
    }

    /// Takes to the disk what is not there yet.
    pub(super) async fn flush(&self, runs: &Runs) -> Result<(), Error> {
        let _one_at_a_time = self.storing.lock().await;
        let fresh = self.log().unstored();
        let Some(last) = fresh.last().map(|event| event.seq) else {
            return Ok(());
        };
        runs.store.append(&runs.storing_token, &self.spec.id, &fresh).await?;
        self.log().stored = last;
        Ok(())
    }

    /// The visible events after `after`, at most `limit`.
    pub(super) fn events(&self, after: u64, limit: usize) -> Vec<RunEvent> {
        let visible = *self.visible.borrow();
        let log = self.log();
        log.events.iter().filter(|event| event.seq > after && event.seq <= visible).take(limit).cloned().collect()
    }

    pub(super) fn watch(&self) -> watch::Receiver<u64> {
        self.visible.subscribe()
    }

    fn show(&self, seq: u64) {
        self.visible.send_if_modified(|visible| {
            let newer = seq > *visible;
            *visible = seq.max(*visible);
            newer
        });
    }

    fn log(&self) -> MutexGuard<'_, Log> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Log {
    fn add(&mut self, at_ms: u64, what: RunChange) -> u64 {
        let closed = self.view.state.is_end() && what != RunChange::Dismissed;
        if !closed {
            let event = RunEvent { seq: self.view.seq + 1, at_ms, what };
            self.view.fold(&event);
            self.events.push(event);
        }
        self.view.seq
    }

    /// The view after the event `seq`, folded anew from the view that this log began with.
    fn view_at(&self, seq: u64) -> RunView {
        let mut view = self.began.clone();
        self.events.iter().take_while(|event| event.seq <= seq).for_each(|event| view.fold(event));
        view
    }

    fn unstored(&self) -> Vec<RunEvent> {
        self.events.iter().filter(|event| event.seq > self.stored).cloned().collect()
    }
}
