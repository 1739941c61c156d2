//! Waiting for something that may never come, but not for ever.

use std::time::Duration;

use steadfast::Clock;

/// `None` when it took longer than `limit`.
pub(super) async fn within<T>(limit: Duration, work: impl Future<Output = T>) -> Option<T> {
    let clock = Clock::real();
    tokio::select! {
        done = work => Some(done),
        () = clock.sleep(limit) => None,
    }
}
