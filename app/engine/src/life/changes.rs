//! Readers of changes. There is no queue: a reader remembers what it has seen of each model and is given the newest
//! state of one that has changed since, so a slow one loses the middle and never the end.

use std::sync::Arc;

use steadfast_contract::{
    BoxFuture,
    model::{ModelChanges, ModelStatus},
};
use tokio::sync::watch;

use super::Host;

pub(super) struct Reader {
    host: Arc<Host>,
    seen: Vec<u64>,
    /// Where to look first, so that a busy model does not hide the others.
    next: usize,
    bell: watch::Receiver<()>,
}

impl Reader {
    pub(super) fn new(host: Arc<Host>) -> Self {
        let seen = host.slots.iter().map(|slot| slot.version()).collect();
        let bell = host.bell.subscribe();
        Self { host, seen, next: 0, bell }
    }

    fn changed(&mut self) -> Option<ModelStatus> {
        let count = self.host.slots.len();
        let index = (0..count)
            .map(|step| (self.next + step) % count)
            .find(|index| self.host.slots[*index].version() > self.seen[*index])?;
        self.seen[index] = self.host.slots[index].version();
        self.next = index + 1;
        Some(self.host.status_of(index))
    }
}

impl ModelChanges for Reader {
    fn next(&mut self) -> BoxFuture<'_, ModelStatus> {
        Box::pin(async move {
            loop {
                if let Some(status) = self.changed() {
                    return status;
                }
                // The host holds the sender and we hold the host, so the channel cannot be closed.
                let _open = self.bell.changed().await;
            }
        })
    }
}
