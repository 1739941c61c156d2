//! Looks out for a target that could not be connected, so that it is used again soon after it is back.
//!
//! A breaker learns that only from somebody's question, and so it waits longer from time to time. To knock at the door
//! costs nobody anything and may be done every other second. It tells nothing of a server that accepts and keeps
//! silent: for that there is the breaker.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use steadfast::{BreakerState, CancelToken, Error};

use super::Target;

/// Whether somebody looks out already.
#[derive(Debug, Clone, Default)]
pub(super) struct Lookout(Arc<AtomicBool>);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    Free,
    /// The rest is over: the next question finds out.
    Unknown,
}

impl Target {
    /// After an attempt that failed: if there was no way to the target and it rests for that, somebody looks out
    /// until there is, or until `token` ends it.
    pub(crate) fn look_out_after(&self, error: &Error, token: &CancelToken) {
        if is_unreachable(error) && self.health.breaker_is_open() && self.health.lookout.begin() {
            let (target, lookout) = (self.clone(), token.clone());
            drop(token.spawn("lookout", async move {
                let way = lookout.run(target.until_the_way_is_free()).await;
                // First this: the question that is let in may fail, and then somebody has to look out again.
                target.health.lookout.end();
                if way == Ok(Way::Free) {
                    target.health.let_one_in();
                }
            }));
        }
    }

    async fn until_the_way_is_free(&self) -> Way {
        while self.health.breaker_is_open() {
            self.health.clock.sleep(PAUSE).await;
            if self.provider.reach().await.is_ok() {
                return Way::Free;
            }
        }
        Way::Unknown
    }
}

impl Lookout {
    fn begin(&self) -> bool {
        !self.0.swap(true, Ordering::AcqRel)
    }

    fn end(&self) {
        self.0.store(false, Ordering::Release);
    }
}

impl super::TargetHealth {
    fn breaker_is_open(&self) -> bool {
        matches!(self.breaker.state(), BreakerState::Open { .. })
    }
}

/// No connection stood: what was asked never left.
fn is_unreachable(error: &Error) -> bool {
    error
        .details()
        .iter()
        .any(|(name, value)| *name == "failed_at" && matches!(value.as_str(), "connect" | "name" | "tls"))
}

/// As often as a balancer looks after its servers.
const PAUSE: Duration = Duration::from_secs(2);
