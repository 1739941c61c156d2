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
    ///
    /// ```
    /// use std::time::Duration;
    /// use steadfast::{Deadline, testing::Stage};
    ///
    /// let stage = Stage::manual(); // needs no runtime
    /// let deadline = Deadline::after(stage.clock(), Duration::from_secs(10));
    /// stage.advance(Duration::from_secs(10));
    /// assert!(deadline.is_past(stage.clock()));
    /// ```
    pub fn manual() -> Self {
        Self::on(Clock::manual())
    }

    /// Time is tokio's: pause it, for instance by `#[tokio::test(start_paused = true)]`, and it jumps whenever
    /// everybody waits.
    ///
    /// ```
    /// use std::time::Duration;
    /// use steadfast::{Error, Retry, testing::{Script, Stage, Step}};
    ///
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() -> Result<(), Error> {
    /// let stage = Stage::paused();
    /// let shop = Script::new([Step::error(Error::unavailable("shop")), Step::value("bought")]);
    /// Retry::fixed(Duration::from_secs(7)).run(&stage.call("buy"), |_| shop.play()).await?; // takes no time
    /// assert!(stage.to_string().ends_with("7000 ms  buy: attempt 2 of 3 started\n"));
    /// # Ok(()) }
    /// ```
    pub fn paused() -> Self {
        Self::on(Clock::real())
    }

    fn on(clock: Clock) -> Self {
        let log = Arc::new(EventLog::new(&clock));
        let root = CancelToken::root("stage").with_events(Events::to(Arc::clone(&log)));
        Self { clock, log, root }
    }

    /// A call on this clock, below this root, reporting to this log.
    ///
    /// ```
    /// use steadfast::{CancelReason, testing::Stage};
    ///
    /// let stage = Stage::manual();
    /// let call = stage.call("buy");
    /// stage.root().cancel(CancelReason::UserStop);
    /// assert_eq!(call.token().reason(), Some(CancelReason::UserStop));
    /// ```
    pub fn call(&self, operation: impl Into<Cow<'static, str>>) -> Call {
        Call::new(operation, &self.root).with_clock(self.clock.clone())
    }

    /// Moves a manual clock; on tokio's time nothing happens, sleep instead.
    ///
    /// ```
    /// use std::time::Duration;
    /// use steadfast::testing::Stage;
    ///
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() {
    /// let hour = Duration::from_secs(3600);
    /// for (stage, moved) in [(Stage::manual(), hour), (Stage::paused(), Duration::ZERO)] {
    ///     let began = stage.clock().now();
    ///     stage.advance(hour);
    ///     assert_eq!(stage.clock().now() - began, moved);
    /// }
    /// # }
    /// ```
    pub fn advance(&self, by: Duration) {
        self.clock.advance(by);
    }

    /// The time.
    ///
    /// ```
    /// use std::time::Duration;
    /// use steadfast::{Breaker, BreakerState, Error, testing::Stage};
    ///
    /// let stage = Stage::manual();
    /// let breaker = Breaker::consecutive(1).with_clock(stage.clock().clone()); // it has a time of its own
    /// breaker.enter()?.failure(&Error::unavailable("shop"));
    /// stage.advance(Duration::from_secs(30));
    /// assert_eq!(breaker.state(), BreakerState::HalfOpen);
    /// # Ok::<(), Error>(())
    /// ```
    pub fn clock(&self) -> &Clock {
        &self.clock
    }

    /// What has happened.
    ///
    /// ```
    /// use std::time::Duration;
    /// use steadfast::{Error, Event, Retry, testing::{Script, Stage, Step}};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Error> {
    /// let stage = Stage::manual();
    /// let shop = Script::new([Step::error(Error::unavailable("shop")), Step::value("bought")]);
    /// Retry::fixed(Duration::ZERO).run(&stage.call("buy"), |_| shop.play()).await?;
    /// let attempts = stage.log().events().into_iter().filter(|event| matches!(event, Event::AttemptStarted { .. }));
    /// assert_eq!(attempts.count(), 2);
    /// # Ok(()) }
    /// ```
    pub fn log(&self) -> &EventLog {
        &self.log
    }

    /// A list of sinks with the log in it, for policies that report by themselves.
    ///
    /// ```
    /// use steadfast::{Breaker, testing::Stage};
    ///
    /// let stage = Stage::manual();
    /// let breaker = Breaker::consecutive(5).named("shop").with_events(stage.events());
    /// breaker.force_open(); // no call is under way that could report it
    /// assert_eq!(stage.log().events().len(), 1);
    /// ```
    pub fn events(&self) -> Events {
        self.root.events().clone()
    }

    /// The root of everything on this stage.
    ///
    /// ```
    /// use steadfast::{CancelReason, testing::Stage};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let stage = Stage::manual();
    /// let token = stage.root().clone();
    /// let _task = stage.root().spawn("sweeper", async move { token.cancelled().await });
    /// stage.root().cancel(CancelReason::Shutdown);
    /// stage.root().join().await;
    /// assert!(stage.root().running().is_empty()); // no orphans
    /// # }
    /// ```
    pub fn root(&self) -> &CancelToken {
        &self.root
    }
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.log.fmt(f)
    }
}
