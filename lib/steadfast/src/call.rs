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

    /// The same call on another clock.
    #[must_use]
    pub fn with_clock(self, clock: Clock) -> Self {
        Self { clock, ..self }
    }

    /// The same call with a deadline; an earlier deadline that it already had stays.
    #[must_use]
    pub fn with_deadline(self, deadline: Deadline) -> Self {
        let deadline = Some(self.deadline.map_or(deadline, |earlier| earlier.min(deadline)));
        Self { deadline, ..self }
    }

    /// The same call, reporting to `events`.
    #[must_use]
    pub fn with_events(self, events: Events) -> Self {
        Self { events, ..self }
    }

    /// The same call, whose waits `nudge` can end.
    #[must_use]
    pub fn with_nudge(self, nudge: Nudge) -> Self {
        Self { nudge, ..self }
    }

    /// The same call under another token, for instance a child of its own.
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
    pub fn operation(&self) -> &str {
        &self.operation
    }

    /// Who may stop it.
    pub fn token(&self) -> &CancelToken {
        &self.token
    }

    /// Its time.
    pub fn clock(&self) -> &Clock {
        &self.clock
    }

    /// Until when an answer is of use.
    pub fn deadline(&self) -> Option<Deadline> {
        self.deadline
    }

    /// Who listens.
    pub fn events(&self) -> &Events {
        &self.events
    }

    /// What can end its waits.
    pub fn nudge(&self) -> &Nudge {
        &self.nudge
    }

    /// How important it is.
    pub fn priority(&self) -> Priority {
        self.priority
    }

    /// The time left, or `None` when there is no deadline.
    pub fn remaining(&self) -> Option<Duration> {
        self.deadline.map(|deadline| deadline.remaining(&self.clock))
    }

    /// An error once the call was cancelled or its deadline is past; for loops that do not wait.
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
