//! How much of the streams is kept, and for how long, when an operator chooses nothing.

use std::time::Duration;

/// Checked by the server when it reads its file; every number here is used as it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StreamSettings {
    /// From here on a stream's oldest frames go, and whoever is that far behind gets a snapshot.
    pub events_max: usize,
    pub bytes_max: usize,
    /// What all streams together may hold: beyond it ended ones go first, then the oldest lose their frames.
    pub bytes_all: usize,
    /// For how long an ended stream can be read again.
    pub keep_ended: Duration,
    pub readers_max: usize,
    /// How long a stopped stream may take to end by itself; then its log is taken from it.
    pub stop_patience: Duration,
    /// For how long the same idempotency key is the same request.
    pub keys_for: Duration,
    pub keys_max: usize,
}

impl Default for StreamSettings {
    fn default() -> Self {
        Self {
            events_max: 20_000, // about an hour of a fast model
            bytes_max: 4 * 1024 * 1024,
            bytes_all: 64 * 1024 * 1024,
            keep_ended: Duration::from_secs(10 * 60),
            readers_max: 4, // a tab, its successor while it reloads, and two programs that watch
            stop_patience: Duration::from_secs(2),
            keys_for: Duration::from_secs(24 * 60 * 60),
            keys_max: 10_000,
        }
    }
}
