//! What all streams hold together. Each log has a line in it, that ends with the log.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

#[derive(Debug, Clone, Default)]
pub(super) struct Ledger(Arc<AtomicUsize>);

/// One log's share.
#[derive(Debug)]
pub(super) struct Share {
    ledger: Ledger,
    bytes: usize,
}

impl Ledger {
    pub(super) fn bytes(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }

    pub(super) fn share(&self) -> Share {
        let mut share = Share { ledger: self.clone(), bytes: 0 };
        share.set(0);
        share
    }
}

impl Share {
    pub(super) fn set(&mut self, bytes: usize) {
        let bytes = bytes + EMPTY;
        if bytes >= self.bytes {
            self.ledger.0.fetch_add(bytes - self.bytes, Ordering::Relaxed);
        } else {
            self.ledger.0.fetch_sub(self.bytes - bytes, Ordering::Relaxed);
        }
        self.bytes = bytes;
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.ledger.0.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

/// What a stream costs before its first frame; makes the number of streams bounded by the same limit.
const EMPTY: usize = 2 * 1024;
