//! Losing the client: dropping the reply before its end cancels the answer with `client_gone`.

use steadfast::{CancelReason, CancelToken};

/// Lives as long as somebody waits for the answer. Cancelling what has ended changes nothing, so it need not know.
#[derive(Debug)]
pub(super) struct Leaving(CancelToken);

impl Leaving {
    pub(super) fn new(house: &CancelToken) -> Self {
        Self(house.child("chat"))
    }

    pub(super) fn token(&self) -> &CancelToken {
        &self.0
    }
}

impl Drop for Leaving {
    fn drop(&mut self) {
        self.0.cancel(CancelReason::ClientGone);
    }
}
