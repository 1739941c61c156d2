//! Waiting for something to become true, with a deadline. Never for a fixed time.

use std::{fmt::Display, time::Duration};

/// Asks again and again until `look` has an answer; fails when `limit` is over.
pub async fn until<T>(what: impl Display, limit: Duration, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let looking = async {
        loop {
            if let Some(found) = look().await {
                return found;
            }
            tokio::time::sleep(STEP).await;
        }
    };
    within(what, limit, looking).await
}

/// The result of `work`, which must come in time.
pub async fn within<T>(what: impl Display, limit: Duration, work: impl Future<Output = T>) -> T {
    match tokio::time::timeout(limit, work).await {
        Ok(done) => done,
        Err(_) => panic!("{what} did not happen within {limit:?}"),
    }
}

const STEP: Duration = Duration::from_millis(10);
