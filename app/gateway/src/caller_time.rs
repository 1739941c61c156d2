//! How long one caller waits for work that others wait for too: until it leaves, or its own time is over.

use steadfast::{CancelReason, CancelToken, Clock, Deadline, Error};

#[derive(Debug, Clone)]
pub(crate) struct CallerTime {
    pub(crate) token: CancelToken,
    pub(crate) deadline: Deadline,
    pub(crate) clock: Clock,
}

impl CallerTime {
    /// What `work` comes to, unless the caller goes or has waited long enough.
    pub(crate) async fn wait<F: Future>(&self, work: F) -> Result<F::Output, Error> {
        tokio::select! {
            biased;
            reason = self.token.cancelled() => Err(Error::cancelled(reason)),
            done = work => Ok(done),
            () = self.clock.sleep(self.deadline.remaining(&self.clock)) => Err(Error::cancelled(CancelReason::Deadline)),
        }
    }
}
