//! The one error of the house: a code, a sentence for people, and advice on what may be tried next. It is one
//! pointer wide. It does not decide anything: policies do, and may refuse the advice.
//! Surprise: `Display` is for operators; people and clients get [`Error::report`] or [`Error::message`].

use crate::CancelReason;
use std::{borrow::Cow, fmt, sync::Arc, time::Duration};

mod classify;
mod code;
mod constructors;
mod fault;
mod report;

pub use classify::{Classify, Guidance};
pub use code::{Code, CodeSpec};
pub use fault::{Fault, RejectedBy, Rejection, Stop};
pub use report::{Detail, Report};

/// What may be tried next. Advice only: budgets, deadlines and breakers may refuse it.
///
/// ```
/// use std::time::Duration;
/// use steadfast::{Error, RetryAdvice};
///
/// assert_eq!(Error::unavailable("shop").advice(), RetryAdvice::RetryNow);
/// let minute = Duration::from_secs(60);
/// assert_eq!(Error::rate_limited("shop", Some(minute)).advice(), RetryAdvice::RetryAfter(minute));
/// assert_eq!(Error::circuit_open("shop", minute).advice(), RetryAdvice::TryElsewhere);
/// assert_eq!(Error::not_found("shop", "corner").advice(), RetryAdvice::Never);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RetryAdvice {
    /// The same call may work; the policy chooses the wait.
    RetryNow,
    /// The same call may work, but not before this long from now.
    RetryAfter(Duration),
    /// This target will not do; another one may.
    TryElsewhere,
    /// Trying again cannot help.
    Never,
}

/// On whose side it went wrong. A breaker counts only [`Blame::Target`].
///
/// ```
/// use steadfast::{Blame, CancelReason, Error};
///
/// assert_eq!(Error::unavailable("shop").blame(), Blame::Target);
/// assert_eq!(Error::rate_limited("shop", None).blame(), Blame::Quota);
/// assert_eq!(Error::disk_full(2_000_000, 0).blame(), Blame::Local);
/// // Not every cancellation is the caller's doing.
/// assert_eq!(Error::cancelled(CancelReason::UserStop).blame(), Blame::Caller);
/// assert_eq!(Error::cancelled(CancelReason::Deadline).blame(), Blame::Target);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Blame {
    /// The one who asked: a bad request, a wrong key, a stop.
    Caller,
    /// This program or this machine.
    Local,
    /// The thing that was called.
    Target,
    /// A limit that was agreed beforehand and is used up.
    Quota,
}

/// What went wrong, and what may be done about it.
///
/// ```
/// use std::time::Duration;
/// use steadfast::{Blame, Code, Error, RetryAdvice};
///
/// let error = Error::rate_limited("weather", Some(Duration::from_secs(7))).in_operation("fetch");
/// assert_eq!(error.code(), Code::RATE_LIMITED);
/// assert_eq!(error.advice(), RetryAdvice::RetryAfter(Duration::from_secs(7)));
/// assert_eq!(error.blame(), Blame::Quota);
/// assert!(error.retryable());
/// assert_eq!(size_of::<Error>(), size_of::<usize>());
/// ```
#[derive(Clone)]
pub struct Error(Box<Inside>);

#[derive(Debug, Clone)]
struct Inside {
    code: Code,
    message: Cow<'static, str>,
    suggestion: Cow<'static, str>,
    advice: RetryAdvice,
    retry_after: Option<Duration>,
    blame: Blame,
    operation: Option<String>,
    cancel_reason: Option<CancelReason>,
    attempts: Option<u32>,
    details: Vec<(&'static str, String)>,
    /// Shared, so that callers who wait for one outcome can all have the error.
    source: Option<Arc<dyn std::error::Error + Send + Sync>>,
}

type BoxError = Box<dyn std::error::Error + Send + Sync>;

impl Error {
    /// An error with everything its code says by default.
    ///
    /// ```
    /// use steadfast::{Code, Error};
    ///
    /// let error = Error::new(Code::CONFLICT);
    /// assert_eq!(error.message(), Code::CONFLICT.spec().message);
    /// assert_eq!(error.advice(), Code::CONFLICT.spec().advice);
    /// ```
    pub fn new(code: Code) -> Self {
        let spec = code.spec();
        Self(Box::new(Inside {
            code,
            message: Cow::Borrowed(spec.message),
            suggestion: Cow::Borrowed(spec.suggestion),
            advice: spec.advice,
            retry_after: spec.retry_after,
            blame: spec.blame,
            operation: None,
            cancel_reason: None,
            attempts: None,
            details: Vec::new(),
            source: None,
        }))
        .with_advice(spec.advice)
    }

    /// Replaces the sentence for people. Write a full, plain sentence without internals.
    ///
    /// ```
    /// use steadfast::Error;
    ///
    /// let error = Error::unavailable("shop").with_message("The shop is closed on Sundays.");
    /// assert_eq!(error.to_string(), "UNAVAILABLE: The shop is closed on Sundays.");
    /// ```
    #[must_use]
    pub fn with_message(mut self, message: impl Into<String>) -> Self {
        self.0.message = Cow::Owned(message.into());
        self
    }

    /// Replaces what the person can do next.
    ///
    /// ```
    /// use steadfast::Error;
    ///
    /// let error = Error::unavailable("shop").with_suggestion("Come back on Monday.");
    /// assert_eq!(error.suggestion(), "Come back on Monday.");
    /// assert!(!error.to_string().contains("Monday")); // operators do not need it
    /// ```
    #[must_use]
    pub fn with_suggestion(mut self, suggestion: impl Into<String>) -> Self {
        self.0.suggestion = Cow::Owned(suggestion.into());
        self
    }

    /// Says how long waiting helps. Advice to retry becomes advice to retry after that; other advice stays.
    ///
    /// ```
    /// use std::time::Duration;
    /// use steadfast::{Error, RetryAdvice};
    ///
    /// let wait = Duration::from_secs(7);
    /// let error = Error::unavailable("shop").with_retry_after(wait);
    /// assert_eq!(error.advice(), RetryAdvice::RetryAfter(wait));
    /// let error = Error::corrupt("The list is damaged.").with_retry_after(wait);
    /// assert_eq!(error.advice(), RetryAdvice::Never); // a wait alone does not make it worth a try
    /// ```
    #[must_use]
    pub fn with_retry_after(mut self, wait: Duration) -> Self {
        self.0.retry_after = Some(wait);
        if matches!(self.0.advice, RetryAdvice::RetryNow | RetryAdvice::RetryAfter(_)) {
            self.0.advice = RetryAdvice::RetryAfter(wait);
        }
        self
    }

    /// Replaces the advice. `RetryAfter` sets the wait too, and `Never` takes it away.
    ///
    /// ```
    /// use std::time::Duration;
    /// use steadfast::{Error, RetryAdvice};
    ///
    /// let busy = Error::overloaded("shop", Some(Duration::from_secs(7)));
    /// let elsewhere = busy.clone().with_advice(RetryAdvice::TryElsewhere);
    /// assert_eq!(elsewhere.retry_after(), Some(Duration::from_secs(7))); // the shop's wait is still known
    /// assert_eq!(busy.with_advice(RetryAdvice::Never).retry_after(), None);
    /// ```
    #[must_use]
    pub fn with_advice(mut self, advice: RetryAdvice) -> Self {
        self.0.advice = advice;
        match advice {
            RetryAdvice::RetryAfter(wait) => self.0.retry_after = Some(wait),
            RetryAdvice::Never => self.0.retry_after = None,
            RetryAdvice::RetryNow | RetryAdvice::TryElsewhere => {}
        }
        self
    }

    /// Replaces the blame.
    ///
    /// ```
    /// use steadfast::{Blame, Breaker, BreakerState, Error};
    ///
    /// let breaker = Breaker::consecutive(1);
    /// breaker.enter()?.failure(&Error::unavailable("shop").with_blame(Blame::Local)); // our own cable
    /// assert_eq!(breaker.state(), BreakerState::Closed);
    /// # Ok::<(), Error>(())
    /// ```
    #[must_use]
    pub fn with_blame(mut self, blame: Blame) -> Self {
        self.0.blame = blame;
        self
    }

    /// Keeps what caused it, for the log.
    ///
    /// ```
    /// use std::{error::Error as _, io};
    /// use steadfast::Error;
    ///
    /// let error = Error::unavailable("shop").with_source(io::Error::other("no route"));
    /// assert_eq!(error.source().map(|source| source.to_string()).as_deref(), Some("no route"));
    /// assert!(!error.to_string().contains("no route")); // a log that wants it walks the chain
    /// ```
    #[must_use]
    pub fn with_source(mut self, source: impl Into<BoxError>) -> Self {
        self.0.source = Some(Arc::from(source.into()));
        self
    }

    /// Adds a fact that operators see and callers see only in debug mode; a fact of the same name is replaced.
    ///
    /// ```
    /// use steadfast::Error;
    ///
    /// let error = Error::corrupt("The list is damaged.").with_detail("row", 7).with_detail("row", 8);
    /// assert_eq!(error.to_string(), "CORRUPT: The list is damaged. (row: 8)");
    /// ```
    #[must_use]
    pub fn with_detail(mut self, key: &'static str, value: impl ToString) -> Self {
        self.0.details.retain(|(known, _)| *known != key);
        self.0.details.push((key, value.to_string()));
        self
    }

    /// Says what was being done, in place of what was said before.
    ///
    /// ```
    /// use steadfast::Error;
    ///
    /// let error = Error::unavailable("shop").in_operation("connect").in_operation("buy");
    /// assert_eq!(error.operation(), Some("buy")); // the last word counts
    /// assert!(error.to_string().starts_with("UNAVAILABLE in buy: "));
    /// ```
    #[must_use]
    pub fn in_operation(mut self, operation: &str) -> Self {
        self.0.operation = Some(operation.to_owned());
        self
    }

    /// What happened, as a stable code.
    ///
    /// ```
    /// use steadfast::{Code, Error};
    ///
    /// let next = match Error::not_found("shop", "corner").code() {
    ///     Code::NOT_FOUND => "another name",
    ///     Code::TIMEOUT => "patience",
    ///     _ => "a technician", // programs add codes of their own
    /// };
    /// assert_eq!(next, "another name");
    /// ```
    pub fn code(&self) -> Code {
        self.0.code
    }

    /// What happened, as a sentence for people.
    ///
    /// ```
    /// use steadfast::Error;
    ///
    /// let error = Error::internal("index 7 of 3");
    /// assert_eq!(error.message(), "Something went wrong inside the program."); // nothing from inside
    /// assert_eq!(error.to_string(), "INTERNAL: Something went wrong inside the program. (cause: index 7 of 3)");
    /// ```
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// What may be tried next.
    ///
    /// ```
    /// use steadfast::{CancelReason, Error, RetryAdvice};
    ///
    /// assert_eq!(Error::connection_lost("shop").advice(), RetryAdvice::RetryNow);
    /// assert_eq!(Error::cancelled(CancelReason::Deadline).advice(), RetryAdvice::Never);
    /// ```
    pub fn advice(&self) -> RetryAdvice {
        self.0.advice
    }

    /// On whose side it went wrong.
    ///
    /// ```
    /// use std::time::Duration;
    /// use steadfast::{Blame, Error};
    ///
    /// // An open breaker is ours: it says nothing new about the target.
    /// assert_eq!(Error::circuit_open("shop", Duration::from_secs(30)).blame(), Blame::Local);
    /// ```
    pub fn blame(&self) -> Blame {
        self.0.blame
    }

    /// Whether trying again, here or elsewhere, can help: any advice but `Never`.
    ///
    /// ```
    /// use std::time::Duration;
    /// use steadfast::Error;
    ///
    /// assert!(Error::circuit_open("shop", Duration::from_secs(30)).retryable()); // elsewhere
    /// assert!(!Error::validation("The name is empty.").retryable());
    /// ```
    pub fn retryable(&self) -> bool {
        self.0.advice != RetryAdvice::Never
    }

    /// How long to wait before trying again, when that is known.
    ///
    /// ```
    /// use std::time::Duration;
    /// use steadfast::{Code, Error};
    ///
    /// assert_eq!(Error::unavailable("shop").retry_after(), None); // unknown, and not "at once"
    /// assert_eq!(Error::new(Code::CIRCUIT_OPEN).retry_after(), Some(Duration::from_secs(30)));
    /// ```
    pub fn retry_after(&self) -> Option<Duration> {
        self.0.retry_after
    }

    /// What the person can do next.
    ///
    /// ```
    /// use steadfast::Error;
    ///
    /// assert_eq!(Error::unauthorized("shop").suggestion(), "Check the key in the settings.");
    /// ```
    pub fn suggestion(&self) -> &str {
        &self.0.suggestion
    }

    /// Facts for operators, in the order they were added.
    ///
    /// ```
    /// use steadfast::Error;
    ///
    /// let error = Error::corrupt("The list is damaged.").with_detail("row", 7).with_detail("file", "list");
    /// assert_eq!(error.details(), [("row", "7".to_owned()), ("file", "list".to_owned())]);
    /// ```
    pub fn details(&self) -> &[(&'static str, String)] {
        &self.0.details
    }

    /// What was being done, when that was said.
    ///
    /// ```
    /// use std::time::Duration;
    /// use steadfast::Error;
    ///
    /// assert_eq!(Error::unavailable("shop").operation(), None);
    /// assert_eq!(Error::timeout("buy", Duration::from_secs(5)).operation(), Some("buy"));
    /// ```
    pub fn operation(&self) -> Option<&str> {
        self.0.operation.as_deref()
    }

    /// Why the call was cancelled; `None` for every other error.
    ///
    /// ```
    /// use std::time::Duration;
    /// use steadfast::{CancelReason, Error};
    ///
    /// let stopped = Error::cancelled(CancelReason::UserStop);
    /// assert_eq!(stopped.cancel_reason(), Some(CancelReason::UserStop));
    /// // A time-out is no cancellation.
    /// assert_eq!(Error::timeout("buy", Duration::from_secs(5)).cancel_reason(), None);
    /// ```
    pub fn cancel_reason(&self) -> Option<CancelReason> {
        self.0.cancel_reason
    }

    /// How many attempts were spent, when retrying ended in this error.
    ///
    /// ```
    /// use steadfast::Error;
    ///
    /// let last = Error::unavailable("shop");
    /// assert_eq!(last.attempts(), None); // not 1: nobody counted
    /// assert_eq!(Error::retry_exhausted(3, last).attempts(), Some(3));
    /// ```
    pub fn attempts(&self) -> Option<u32> {
        self.0.attempts
    }

    /// The error of the last attempt when retrying ended in this error, otherwise the error itself.
    ///
    /// ```
    /// use steadfast::{Code, Error};
    ///
    /// let error = Error::retry_exhausted(3, Error::unavailable("shop"));
    /// assert_eq!(error.code(), Code::RETRY_EXHAUSTED);
    /// assert_eq!(error.last_attempt().code(), Code::UNAVAILABLE);
    /// assert_eq!(error.last_attempt().last_attempt().code(), Code::UNAVAILABLE); // safe to ask always
    /// ```
    pub fn last_attempt(&self) -> &Self {
        match self.0.source.as_deref().and_then(|source| source.downcast_ref::<Self>()) {
            Some(last) if self.0.attempts.is_some() => last.last_attempt(),
            _ => self,
        }
    }

    /// What may be shown: to anybody, or with the details in debug mode.
    ///
    /// ```
    /// use steadfast::{Detail, Error};
    ///
    /// let error = Error::internal("index 7 of 3");
    /// assert!(error.report(Detail::Public).details.is_empty());
    /// assert_eq!(error.report(Detail::Debug).details, [("cause", "index 7 of 3".to_owned())]);
    /// ```
    pub fn report(&self, detail: Detail) -> Report {
        report::of(self, detail)
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.source.as_deref().map(|source| source as _)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0.code)?;
        if let Some(operation) = &self.0.operation {
            write!(f, " in {operation}")?;
        }
        write!(f, ": {}", self.0.message)?;
        for (number, (key, value)) in self.0.details.iter().enumerate() {
            write!(f, "{}{key}: {value}", if number == 0 { " (" } else { ", " })?;
        }
        f.write_str(if self.0.details.is_empty() { "" } else { ")" })
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
