//! What every policy needs to know about the thing it runs: its name, who may stop it, until when, and who
//! listens. It is not the work itself. Clones belong to the same call.

use crate::{
    CancelReason, CancelToken, Clock, Deadline, Error, Event, Events, Nudge, Priority,
    error::{Fault, Rejection, Stop},
};
use std::{borrow::Cow, time::Duration};

mod bounded;

pub(crate) use bounded::Bounded;

/// One thing that a caller wants, however many attempts it takes.
///
/// ```
/// use std::time::Duration;
/// use steadfast::{Call, CancelToken, Clock, Deadline};
///
/// let clock = Clock::real();
/// let call = Call::new("fetch", &CancelToken::root("program"))
///     .with_deadline(Deadline::after(&clock, Duration::from_secs(60)))
///     .with_clock(clock);
/// assert!(call.remaining().unwrap() <= Duration::from_secs(60));
/// ```
#[derive(Debug, Clone)]
pub struct Call {
    operation: Cow<'static, str>,
    token: CancelToken,
    clock: Clock,
    deadline: Option<Deadline>,
    events: Events,
    nudge: Nudge,
    priority: Priority,
}

impl Call {
    /// A call that `token` can stop, on the real clock, without a deadline, reporting where the token reports.
    ///
    /// ```
    /// use steadfast::{Call, CancelReason, CancelToken};
    ///
    /// let program = CancelToken::root("program");
    /// let call = Call::new("fetch", &program);
    /// assert_eq!((call.operation(), call.remaining()), ("fetch", None));
    /// program.cancel(CancelReason::Shutdown);
    /// assert!(call.check().is_err());
    /// ```
    pub fn new(operation: impl Into<Cow<'static, str>>, token: &CancelToken) -> Self {
        Self {
            operation: operation.into(),
            token: token.clone(),
            clock: Clock::real(),
            deadline: None,
            events: token.events().clone(),
            nudge: Nudge::default(),
            priority: Priority::default(),
        }
    }

    /// The same call on another clock. A deadline is a moment of one clock: make it from the same.
    ///
    /// ```
    /// use std::time::Duration;
    /// use steadfast::{Call, CancelToken, Clock, Deadline};
    ///
    /// let clock = Clock::manual();
    /// let call = Call::new("fetch", &CancelToken::root("test"))
    ///     .with_deadline(Deadline::after(&clock, Duration::from_secs(5)))
    ///     .with_clock(clock.clone());
    /// clock.advance(Duration::from_secs(4));
    /// assert_eq!(call.remaining(), Some(Duration::from_secs(1)));
    /// ```
    #[must_use]
    pub fn with_clock(self, clock: Clock) -> Self {
        Self { clock, ..self }
    }

    /// The same call with a deadline; an earlier deadline that it already had stays.
    ///
    /// ```
    /// use std::time::Duration;
    /// use steadfast::{Call, CancelToken, Clock, Deadline};
    ///
    /// let clock = Clock::real();
    /// let short = Deadline::after(&clock, Duration::from_secs(1));
    /// let call = Call::new("fetch", &CancelToken::root("program")).with_deadline(short);
    /// let call = call.with_deadline(Deadline::after(&clock, Duration::from_secs(60)));
    /// assert_eq!(call.deadline(), Some(short)); // nobody further in can give it more time
    /// ```
    #[must_use]
    pub fn with_deadline(self, deadline: Deadline) -> Self {
        let deadline = Some(self.deadline.map_or(deadline, |earlier| earlier.min(deadline)));
        Self { deadline, ..self }
    }

    /// The same call, reporting to `events`.
    ///
    /// ```
    /// use std::sync::Arc;
    /// use steadfast::{Call, CancelReason, CancelToken, Clock, Events, testing::EventLog};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let log = Arc::new(EventLog::new(&Clock::manual()));
    /// let token = CancelToken::root("program");
    /// let call = Call::new("fetch", &token).with_events(Events::to(Arc::clone(&log)));
    /// token.cancel(CancelReason::UserStop);
    /// assert!(call.run(async { Ok(()) }).await.is_err());
    /// assert_eq!(log.to_string(), "0 ms  fetch: cancelled: user_stop\n");
    /// # }
    /// ```
    #[must_use]
    pub fn with_events(self, events: Events) -> Self {
        Self { events, ..self }
    }

    /// The same call, whose waits `nudge` can end.
    ///
    /// ```
    /// use std::time::Duration;
    /// use steadfast::{Call, CancelToken, Clock, Error, Nudge, Retry};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), steadfast::Error> {
    /// let try_now = Nudge::default();
    /// let call = Call::new("fetch", &CancelToken::root("program"));
    /// let call = call.with_clock(Clock::manual()).with_nudge(try_now.clone());
    /// let retry = Retry::fixed(Duration::from_secs(3600));
    /// let work = retry.run(&call, |attempt| async move {
    ///     if attempt.number == 1 { Err(Error::unavailable("shop")) } else { Ok(attempt.number) }
    /// });
    /// // The clock never moves: only the nudge ends the hour.
    /// let (answered, ()) = tokio::join!(work, async { try_now.hurry() });
    /// assert_eq!(answered?, 2);
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn with_nudge(self, nudge: Nudge) -> Self {
        Self { nudge, ..self }
    }

    /// The same call under another token, for instance a child of its own. It reports where it did before.
    ///
    /// ```
    /// use steadfast::{Call, CancelReason, CancelToken};
    ///
    /// let call = Call::new("fetch", &CancelToken::root("program"));
    /// let page = call.token().child("page 2");
    /// let part = call.clone().with_token(&page);
    /// page.cancel(CancelReason::UserStop);
    /// assert!(part.check().is_err() && call.check().is_ok());
    /// ```
    #[must_use]
    pub fn with_token(self, token: &CancelToken) -> Self {
        Self { token: token.clone(), ..self }
    }

    /// The same call, as important as this. Default [`Priority::Api`].
    ///
    /// ```
    /// use steadfast::{Call, CancelToken, Priority};
    ///
    /// let call = Call::new("index", &CancelToken::root("program")).with_priority(Priority::Background);
    /// assert!(call.priority() < Priority::Interactive);
    /// ```
    #[must_use]
    pub fn with_priority(self, priority: Priority) -> Self {
        Self { priority, ..self }
    }

    /// What is being done.
    ///
    /// ```
    /// use steadfast::{Call, CancelToken};
    ///
    /// let call = Call::new(format!("fetch page {}", 2), &CancelToken::root("program"));
    /// assert_eq!(call.operation(), "fetch page 2");
    /// ```
    pub fn operation(&self) -> &str {
        &self.operation
    }

    /// Who may stop it.
    ///
    /// ```
    /// use steadfast::{Call, CancelReason, CancelToken};
    ///
    /// let call = Call::new("fetch", &CancelToken::root("program"));
    /// let helper = call.token().child("helper");
    /// call.token().cancel(CancelReason::UserStop);
    /// assert!(helper.is_cancelled()); // what the call starts below its token ends with it
    /// ```
    pub fn token(&self) -> &CancelToken {
        &self.token
    }

    /// Its time.
    ///
    /// ```
    /// use std::time::Duration;
    /// use steadfast::{Call, CancelToken, Clock};
    ///
    /// let call = Call::new("fetch", &CancelToken::root("test")).with_clock(Clock::manual());
    /// let began = call.clock().now(); // not `Instant::now()`, which no test can move
    /// call.clock().advance(Duration::from_secs(2));
    /// assert_eq!(call.clock().now() - began, Duration::from_secs(2));
    /// ```
    pub fn clock(&self) -> &Clock {
        &self.clock
    }

    /// Until when an answer is of use.
    ///
    /// ```
    /// use std::time::Duration;
    /// use steadfast::{Call, CancelToken, Clock, Deadline};
    ///
    /// let soon = Deadline::after(&Clock::real(), Duration::from_secs(5));
    /// let call = Call::new("fetch", &CancelToken::root("program")).with_deadline(soon);
    /// assert_eq!(call.clone().deadline(), Some(soon));
    /// assert_eq!(Call::new("page 2", call.token()).deadline(), None); // the token does not carry it
    /// ```
    pub fn deadline(&self) -> Option<Deadline> {
        self.deadline
    }

    /// Who listens.
    ///
    /// ```
    /// use std::sync::Arc;
    /// use steadfast::{Call, CancelToken, Clock, Event, Events, testing::EventLog};
    ///
    /// let log = Arc::new(EventLog::new(&Clock::manual()));
    /// let token = CancelToken::root("program").with_events(Events::to(Arc::clone(&log)));
    /// let call = Call::new("fetch", &token);
    /// call.events().emit(|| Event::FlightJoined { operation: call.operation().to_owned().into() });
    /// assert_eq!(log.to_string(), "0 ms  fetch: joined one that is under way\n");
    /// ```
    pub fn events(&self) -> &Events {
        &self.events
    }

    /// What can end its waits.
    ///
    /// ```
    /// use steadfast::{Call, CancelToken, Nudge};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let try_now = Nudge::default();
    /// let call = Call::new("fetch", &CancelToken::root("program")).with_nudge(try_now.clone());
    /// let wait = call.nudge().hurried(); // for waits of your own
    /// try_now.hurry();
    /// assert_eq!(wait.await, ());
    /// # }
    /// ```
    pub fn nudge(&self) -> &Nudge {
        &self.nudge
    }

    /// How important it is.
    ///
    /// ```
    /// use steadfast::{Call, CancelToken, Priority};
    ///
    /// let call = Call::new("fetch", &CancelToken::root("program"));
    /// assert_eq!(call.priority(), Priority::Api);
    /// ```
    pub fn priority(&self) -> Priority {
        self.priority
    }

    /// The time left, zero when it is past, or `None` when there is no deadline.
    ///
    /// ```
    /// use std::time::Duration;
    /// use steadfast::{Call, CancelToken, Clock, Deadline};
    ///
    /// let clock = Clock::manual();
    /// let call = Call::new("fetch", &CancelToken::root("test")).with_clock(clock.clone());
    /// assert_eq!(call.remaining(), None);
    /// let call = call.with_deadline(Deadline::after(&clock, Duration::from_secs(5)));
    /// clock.advance(Duration::from_secs(9));
    /// assert_eq!(call.remaining(), Some(Duration::ZERO)); // past, and not `None`
    /// ```
    pub fn remaining(&self) -> Option<Duration> {
        self.deadline.map(|deadline| deadline.remaining(&self.clock))
    }

    /// An error once the call was cancelled (`CANCELLED`, with the reason) or its deadline is past (`TIMEOUT`, which is
    /// an event too); for loops that do not wait. With a deadline it costs a look at the clock.
    ///
    /// ```
    /// use std::time::Duration;
    /// use steadfast::{Call, CancelToken, Clock, Code, Deadline, Error};
    ///
    /// let clock = Clock::manual();
    /// let call = Call::new("add up", &CancelToken::root("test"))
    ///     .with_deadline(Deadline::after(&clock, Duration::from_secs(2)))
    ///     .with_clock(clock.clone());
    /// let mut rows = 0;
    /// let error: Error = loop {
    ///     if let Err(error) = call.check() {
    ///         break error;
    ///     }
    ///     rows += 1;
    ///     clock.advance(Duration::from_secs(1)); // a slow row
    /// };
    /// assert_eq!((error.code(), rows), (Code::TIMEOUT, 2));
    /// ```
    pub fn check(&self) -> Result<(), Error> {
        self.token.check()?;
        match self.deadline {
            Some(deadline) if deadline.is_past(&self.clock) => Err(self.timed_out(Duration::ZERO)),
            _ => Ok(()),
        }
    }

    /// Runs `work` until it is done, the token is cancelled or the deadline is past. The work is dropped with
    /// the returned future, so it must be cancel safe; what is done at the very end of the time counts as done.
    /// Work that is ready at once costs no timer and no look at the clock.
    ///
    /// Fails with the work's own error, with `CANCELLED` and the token's reason, or with `TIMEOUT` and the time from
    /// when the work first had to wait. The last two are events.
    ///
    /// ```
    /// use std::{future, time::Duration};
    /// use steadfast::{Call, CancelToken, Clock, Code, Deadline, Error};
    ///
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() -> Result<(), steadfast::Error> {
    /// let soon = Deadline::after(&Clock::real(), Duration::from_secs(5));
    /// let call = Call::new("fetch", &CancelToken::root("program")).with_deadline(soon);
    /// let endless = call.run(future::pending::<Result<(), Error>>());
    /// assert_eq!(endless.await.unwrap_err().code(), Code::TIMEOUT);
    /// // The deadline is past now, but what is ready at once is still an answer.
    /// assert_eq!(call.run(async { Ok("sunny") }).await?, "sunny");
    /// # Ok(()) }
    /// ```
    pub fn run<T, F>(&self, work: F) -> impl Future<Output = Result<T, Error>> + use<'_, T, F>
    where
        F: Future<Output = Result<T, Error>>,
    {
        Bounded::new(self, None, work)
    }

    pub(crate) fn stopped<X: Fault>(&self, reason: CancelReason) -> X {
        self.events.emit(|| Event::Cancelled { operation: self.operation.clone(), reason });
        X::from_stop(Stop::Cancelled(reason), &self.operation)
    }

    pub(crate) fn timed_out<X: Fault>(&self, after: Duration) -> X {
        self.events.emit(|| Event::TimedOut { operation: self.operation.clone(), after });
        X::from_stop(Stop::TimedOut(after), &self.operation)
    }

    /// Why work of this call that was dropped half-way was dropped, as far as the call knows.
    pub(crate) fn cut_by(&self) -> Option<CancelReason> {
        let past = || self.deadline.is_some_and(|deadline| deadline.is_past(&self.clock));
        self.token.reason().or_else(|| past().then_some(CancelReason::Deadline))
    }

    pub(crate) fn refused<X: Fault>(&self, rejection: Rejection) -> X {
        self.events.emit(|| Event::Refused {
            operation: self.operation.clone(),
            by: rejection.by,
            target: Cow::from(&rejection.target),
            retry_after: rejection.retry_after,
        });
        X::from_stop(Stop::Rejected(rejection), &self.operation)
    }

    pub(crate) fn operation_name(&self) -> Cow<'static, str> {
        self.operation.clone()
    }
}
