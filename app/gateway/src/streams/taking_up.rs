//! The streams of earlier processes, as the store has them: a whole one is there again, one in whose middle the
//! process ended has what was kept of it and an honest end, one that is no longer kept is known to have been there.

use std::sync::{Arc, atomic::Ordering};

use futures_util::future::join_all;
use steadfast::{CancelToken, Error};
use steadfast_contract::{
    chunk::Chunk,
    code,
    kept_stream::{KeptEnd, KeptStream, WriterAgain},
    stream_log::StreamState,
};

use super::{
    idempotency::IdempotencyKey,
    live_stream::{Kept, LiveStream},
    log::{EndShown, Log},
    registry::Streams,
    spec::{Keep, Opening, StreamSpec},
};
use crate::cached::FromCache;

impl Streams {
    /// # Errors
    /// `STORAGE_UNAVAILABLE` and its kin when the store cannot be read.
    pub(crate) async fn take_up(self: &Arc<Self>, writers: &dyn WriterAgain) -> Result<(), Error> {
        self.store.let_streams_go(&self.token, self.outdated()).await?;
        let kept = self.store.kept_streams(&self.token).await?;
        self.has_kept.store(!kept.is_empty(), Ordering::Relaxed);
        let mut interrupted = Vec::new();
        for stream in kept {
            let was_running = stream.end.is_none();
            let (spec, revision) = (spec_of(&stream), stream.revision);
            match self.told_anew(&stream, spec.clone(), writers) {
                Some(live) => {
                    if was_running {
                        interrupted.push(live.as_kept(revision + 1));
                    }
                    self.insert(live);
                }
                None => self.insert_gone(&spec),
            }
        }
        if self.has_kept.load(Ordering::Relaxed) {
            self.sweep();
        }
        let settled = join_all(interrupted.into_iter().map(|stream| self.store.keep_stream(&self.token, stream))).await;
        settled.into_iter().collect()
    }

    /// `None` when what was said is no longer kept, or cannot be read.
    fn told_anew(&self, kept: &KeptStream, spec: StreamSpec, writers: &dyn WriterAgain) -> Option<LiveStream> {
        let memo = kept.memo.as_ref()?;
        let is_whole = kept.end.as_ref().is_some_and(is_the_models_own);
        let base = kept.last + if is_whole { 1 } else { PLACES_LOST };
        let (writer, pieces) = writers.again(memo, base + 1).ok()?;
        let epoch = self.epoch().max(kept.epoch + 1);
        let log = self.log(writer).of_epoch(epoch, EndShown::AtOnce).beginning_after(base);
        let log = self.filled(log, kept, pieces, base).ok()?;
        let token = CancelToken::root(format!("stream {}", kept.id)); // nothing runs below it
        let mut live = LiveStream::new(spec, log, token, self.clock.clone());
        live.started_ms = kept.created_ms;
        live.tell_kept(Kept::Yes);
        Some(live)
    }

    fn filled(
        &self,
        mut log: Log,
        kept: &KeptStream,
        pieces: Vec<steadfast_contract::chunk::Piece>,
        base: u64,
    ) -> Result<Log, super::log::Closed> {
        let (epoch, whole_at) =
            (log.epoch(), kept.end.as_ref().filter(|end| is_the_models_own(end)).map(|_| kept.last));
        let ended = self.when_ended(kept.end.as_ref());
        if let Some(opening) = &kept.opening {
            let (model, target) = (opening.model.clone(), opening.target.clone());
            log.open(epoch, Opening { model, target, attempts: Vec::new(), cached: FromCache::Unasked })?;
        }
        for piece in pieces {
            if matches!(piece.chunk, Chunk::Finish { .. }) {
                log.said_earlier(base, whole_at);
            }
            log.piece(epoch, piece, ended)?;
        }
        if !log.is_closed() {
            log.said_earlier(base, None);
            log.fail(epoch, error_of(kept.end.as_ref()), ended)?;
        }
        Ok(log)
    }

    /// The moment on this process's clock.
    fn when_ended(&self, end: Option<&KeptEnd>) -> tokio::time::Instant {
        let now = self.clock.now();
        let ago = end.map_or(0, |end| self.clock.unix_ms().saturating_sub(end.at_ms));
        now.checked_sub(std::time::Duration::from_millis(ago)).unwrap_or(now)
    }
}

fn spec_of(kept: &KeptStream) -> StreamSpec {
    // An answer that broke has given its key back. One that was interrupted has not: nobody was told.
    let still_names = kept.end.as_ref().is_none_or(|end| is_the_models_own(end) || says_interrupted(end));
    StreamSpec {
        id: kept.id.clone(),
        principal: kept.principal.clone(),
        keep: Keep::Background,
        idempotency: kept.key.clone().filter(|_| still_names).map(IdempotencyKey::of_kept),
    }
}

fn is_the_models_own(end: &KeptEnd) -> bool {
    let state = match (end.state.as_str(), &end.reason) {
        ("completed", _) => StreamState::Completed,
        ("incomplete", Some(reason)) => StreamState::Incomplete { reason: reason.clone() },
        _ => return false,
    };
    state.is_the_models_own_end()
}

fn says_interrupted(end: &KeptEnd) -> bool {
    end.reason.as_deref() == Some(code::INTERRUPTED.name())
}

/// Why the answer is not whole. Without an end of its own: because the process ended.
fn error_of(end: Option<&KeptEnd>) -> Error {
    let Some(KeptEnd { state, reason: Some(reason), .. }) = end else { return code::interrupted() };
    if state == "cancelled" {
        return reason.parse().map_or_else(|_| code::interrupted(), Error::cancelled);
    }
    code::named(reason).map_or_else(code::interrupted, Error::new)
}

/// More than anybody can have been sent since the last write: the places from here on are new to everybody.
const PLACES_LOST: u64 = 1_000_000;
