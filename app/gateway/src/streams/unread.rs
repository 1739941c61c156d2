//! Waits until an answer that can be resumed has gone without a reader for its time.

use steadfast::Clock;
use tokio::sync::watch;

use super::spec::Keep;

/// Never returns for an answer that does not depend on its readers, nor for one whose readers' leaving is noticed at
/// once elsewhere.
pub(super) async fn for_too_long(mut readers: watch::Receiver<usize>, keep: Keep, clock: Clock) {
    let Keep::Resumable(patience) = keep else {
        return std::future::pending().await;
    };
    loop {
        if readers.wait_for(|readers| *readers == 0).await.is_err() {
            return;
        }
        tokio::select! {
            biased;
            back = readers.wait_for(|readers| *readers > 0) => if back.is_err() { return },
            () = clock.sleep(patience) => return,
        }
    }
}
