//! Answers under way are counted, so that nobody unloads a model in the middle of one; and a model that answered
//! nothing for long may give its memory back.

use std::{
    pin::Pin,
    sync::{Arc, Weak},
    task::{Context, Poll},
    time::Duration,
};

use futures_core::Stream;
use steadfast::Error;
use steadfast_contract::{
    chunk::{Chunk, ChunkStream},
    model::Tier,
};

use super::{Host, room::is_idle};

/// One answer of a model, for as long as it lives.
pub(super) struct Answer {
    host: Arc<Host>,
    index: usize,
}

impl Answer {
    pub(super) fn begin(host: &Arc<Host>, index: usize) -> Self {
        host.slots[index].count_answer(|answers| answers.saturating_add(1), host.settings.clock.now());
        Self { host: Arc::clone(host), index }
    }

    pub(super) fn wrap(self, chunks: ChunkStream) -> ChunkStream {
        Box::pin(Counted { chunks, _answer: self })
    }
}

impl Drop for Answer {
    fn drop(&mut self) {
        self.host.slots[self.index].count_answer(|answers| answers.saturating_sub(1), self.host.settings.clock.now());
    }
}

struct Counted {
    chunks: ChunkStream,
    _answer: Answer,
}

impl Stream for Counted {
    type Item = Result<Chunk, Error>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.chunks.as_mut().poll_next(context)
    }
}

/// Starts the watch over idle models, when the user wants one.
pub(super) fn watch_over(host: &Arc<Host>) {
    let Some(limit) = host.settings.unload_after else { return };
    let (weak, token, clock) = (Arc::downgrade(host), host.token.clone(), host.settings.clock.clone());
    let look_every = (limit / 4).clamp(Duration::from_secs(1), Duration::from_secs(60));
    let watch = async move {
        while token.run(clock.sleep(look_every)).await.is_ok() {
            let Some(host) = Weak::upgrade(&weak) else { return };
            unload_unused(&host, limit).await;
        }
    };
    // Detached on purpose: the token of the host tracks it and ends it.
    drop(host.token.spawn("unload idle models", watch));
}

async fn unload_unused(host: &Host, limit: Duration) {
    let now = host.settings.clock.now();
    for (index, slot) in host.slots.iter().enumerate() {
        let unused_for = slot.look(|state| now.saturating_duration_since(state.last_used));
        if slot.entry.tier != Some(Tier::Quick) && is_idle(slot) && unused_for >= limit {
            host.unload(index).await;
        }
    }
}
