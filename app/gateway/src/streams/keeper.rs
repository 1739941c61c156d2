//! Carries one stream to the store while it is written, so that it outlives this process: its row before anybody is
//! told that it is there, the text so far now and then, the end before anybody sees it.
//!
//! It follows the log like a reader and holds up nobody: while a write is under way the log grows, and the next write
//! has all of it. Only the end waits for it, and never for long.

use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use steadfast::{CancelToken, Clock};
use steadfast_contract::kept_stream::{Outdated, StreamStore};
use tokio::{sync::watch, time::Instant};

use super::{
    live_stream::{Kept, LiveStream},
    registry::Streams,
    spec::Keep,
};

impl Streams {
    /// Does nothing for a stream that nobody asked to be kept.
    pub(super) fn keep(&self, stream: &Arc<LiveStream>) {
        if stream.spec.keep == Keep::WhileRead {
            return;
        }
        self.has_kept.store(true, Ordering::Relaxed);
        let keeper = Keeper { store: Arc::clone(&self.store), stream: Arc::clone(stream), revision: 0, saved_bytes: 0 };
        drop(self.token.spawn("keep stream", keeper.keep()));
    }

    /// Lets go of what the store has kept for long enough.
    pub(super) async fn tidy_store(&self) {
        if !self.has_kept.load(Ordering::Relaxed) {
            return;
        }
        let token = CancelToken::root("tidy streams");
        let tidied = self.store.let_streams_go(&token, self.outdated());
        // What is not let go of now is let go of at the next look, or at the next start.
        drop(within_patience(&self.clock, tidied).await);
    }

    pub(super) fn outdated(&self) -> Outdated {
        let now_ms = self.clock.unix_ms();
        let ago = |time: Duration| now_ms.saturating_sub(u64::try_from(time.as_millis()).unwrap_or(u64::MAX));
        Outdated {
            ended_before_ms: ago(self.settings.keep_ended),
            bytes_max: self.settings.bytes_all as u64,
            created_before_ms: ago(self.settings.keys_for),
            rows_max: self.settings.keys_max as u64,
        }
    }
}

struct Keeper {
    store: Arc<dyn StreamStore>,
    stream: Arc<LiveStream>,
    revision: u64,
    /// How much of what was said the store has.
    saved_bytes: usize,
}

impl Keeper {
    async fn keep(mut self) {
        let mut changes = self.stream.changes();
        loop {
            let is_closed = self.save().await;
            if is_closed || !self.there_is_more(&mut changes).await {
                return; // dropping it shows the end
            }
        }
    }

    /// True when the end was among what was saved.
    async fn save(&mut self) -> bool {
        self.revision += 1;
        self.saved_bytes = self.stream.log().remembered_bytes();
        let kept = self.stream.as_kept(self.revision);
        let is_closed = kept.end.is_some();
        // Saved even while the program ends: an answer that was stopped by that is kept as well.
        let token = CancelToken::root("keep stream");
        let saved = within_patience(&self.stream.clock, self.store.keep_stream(&token, kept)).await;
        self.stream.tell_kept(if saved.is_some_and(|saved| saved.is_ok()) { Kept::Yes } else { Kept::StoreAway });
        is_closed
    }

    /// Waits until a write is worth it, or the end is there; false when nobody writes any more.
    async fn there_is_more(&self, changes: &mut watch::Receiver<()>) -> bool {
        let mut due: Option<Instant> = None;
        loop {
            changes.borrow_and_update();
            let (is_closed, bytes) = {
                let log = self.stream.log();
                (log.is_closed(), log.remembered_bytes())
            };
            let fresh = bytes - self.saved_bytes;
            if is_closed || fresh >= FRESH_BYTES {
                return true;
            }
            if fresh > 0 {
                due.get_or_insert_with(|| self.stream.clock.now() + AT_THE_LATEST);
            }
            tokio::select! {
                biased;
                changed = changes.changed() => if changed.is_err() { return false },
                () = until(&self.stream.clock, due) => return true,
            }
        }
    }
}

impl Drop for Keeper {
    /// Whatever became of the writing: nobody waits for ever.
    fn drop(&mut self) {
        self.stream.log().hold_no_more(self.stream.clock.now());
        self.stream.kept_or_away();
        self.stream.tell();
    }
}

async fn until(clock: &Clock, due: Option<Instant>) {
    match due {
        Some(due) => clock.sleep(due.saturating_duration_since(clock.now())).await,
        None => std::future::pending().await,
    }
}

async fn within_patience<T>(clock: &Clock, work: impl Future<Output = T>) -> Option<T> {
    tokio::select! {
        biased;
        done = work => Some(done),
        () = clock.sleep(PATIENCE) => None,
    }
}

/// A crash loses at most the last second, or so many bytes, of a text that was not called whole.
const AT_THE_LATEST: Duration = Duration::from_secs(1);
const FRESH_BYTES: usize = 2 * 1024;
/// A disk that takes longer is as good as away: an answer is not held up for it.
const PATIENCE: Duration = Duration::from_secs(2);

#[cfg(test)]
mod tests;
