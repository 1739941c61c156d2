//! All that a test of a policy needs: a clock that stands still, a log of what happened, a root token, and calls that
//! use all three.

use super::EventLog;
use crate::{Call, CancelToken, Clock, Events};
use std::{borrow::Cow, fmt, sync::Arc, time::Duration};

/// Clock, log and root token in one. Its `Display` is the log's, made for snapshots.
///
/// ```
/// use std::time::Duration;
/// use steadfast::{Error, Timeout, testing::Stage};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let stage = Stage::manual();
/// let call = stage.call("wait for ever");
/// let limit = Timeout::after(Duration::from_secs(2));
/// let never = std::future::pending::<Result<(), Error>>();
/// let (ended, ()) = tokio::join!(limit.run(&call, never), async { stage.advance(Duration::from_secs(2)) });
/// assert!(ended.is_err());
/// assert_eq!(stage.to_string(), "2000 ms  wait for ever: timed out after 2s\n");
/// # }
/// ```
#[derive(Debug)]
pub struct Stage {
    clock: Clock,
    log: Arc<EventLog>,
    root: CancelToken,
}

impl Stage {
    /// Time moves when [`Stage::advance`] says so.
    pub fn manual() -> Self {
        Self::on(Clock::manual())
    }

    /// Time is tokio's: pause it, for instance by `#[tokio::test(start_paused = true)]`, and it jumps whenever
    /// everybody waits.
    pub fn paused() -> Self {
        Self::on(Clock::real())
    }

    fn on(clock: Clock) -> Self {
        let log = Arc::new(EventLog::new(&clock));
        let root = CancelToken::root("stage").with_events(Events::to(Arc::clone(&log)));
        Self { clock, log, root }
    }

    /// A call on this clock, below this root, reporting to this log.
    pub fn call(&self, operation: impl Into<Cow<'static, str>>) -> Call {
        Call::new(operation, &self.root).with_clock(self.clock.clone())
    }

    /// Moves a manual clock; on tokio's time nothing happens, sleep instead.
    pub fn advance(&self, by: Duration) {
        self.clock.advance(by);
    }

    /// The time.
    pub fn clock(&self) -> &Clock {
        &self.clock
    }

    /// What has happened.
    pub fn log(&self) -> &EventLog {
        &self.log
    }

    /// A list of sinks with the log in it, for policies that report by themselves.
    pub fn events(&self) -> Events {
        self.root.events().clone()
    }

    /// The root of everything on this stage.
    pub fn root(&self) -> &CancelToken {
        &self.root
    }
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.log.fmt(f)
    }
}
