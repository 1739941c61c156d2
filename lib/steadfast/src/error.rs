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
    #[must_use]
    pub fn with_message(mut self, message: impl Into<String>) -> Self {
        self.0.message = Cow::Owned(message.into());
        self
    }

    /// Replaces what the person can do next.
    #[must_use]
    pub fn with_suggestion(mut self, suggestion: impl Into<String>) -> Self {
        self.0.suggestion = Cow::Owned(suggestion.into());
        self
    }

    /// Says how long waiting helps. Advice to retry becomes advice to retry after that; other advice stays.
    #[must_use]
    pub fn with_retry_after(mut self, wait: Duration) -> Self {
        self.0.retry_after = Some(wait);
        if matches!(self.0.advice, RetryAdvice::RetryNow | RetryAdvice::RetryAfter(_)) {
            self.0.advice = RetryAdvice::RetryAfter(wait);
        }
        self
    }

    /// Replaces the advice.
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
    #[must_use]
    pub fn with_blame(mut self, blame: Blame) -> Self {
        self.0.blame = blame;
        self
    }

    /// Keeps what caused it, for the log.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<BoxError>) -> Self {
        self.0.source = Some(Arc::from(source.into()));
        self
    }

    /// Adds a fact that operators see and callers see only in debug mode; a fact of the same name is replaced.
    #[must_use]
    pub fn with_detail(mut self, key: &'static str, value: impl ToString) -> Self {
        self.0.details.retain(|(known, _)| *known != key);
        self.0.details.push((key, value.to_string()));
        self
    }

    /// Says what was being done.
    #[must_use]
    pub fn in_operation(mut self, operation: &str) -> Self {
        self.0.operation = Some(operation.to_owned());
        self
    }

    /// What happened, as a stable code.
    pub fn code(&self) -> Code {
        self.0.code
    }

    /// What happened, as a sentence for people.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// What may be tried next.
    pub fn advice(&self) -> RetryAdvice {
        self.0.advice
    }

    /// On whose side it went wrong.
    pub fn blame(&self) -> Blame {
        self.0.blame
    }

    /// Whether trying again, here or elsewhere, can help.
    pub fn retryable(&self) -> bool {
        self.0.advice != RetryAdvice::Never
    }

    /// How long to wait before trying again, when that is known.
    pub fn retry_after(&self) -> Option<Duration> {
        self.0.retry_after
    }

    /// What the person can do next.
    pub fn suggestion(&self) -> &str {
        &self.0.suggestion
    }

    /// Facts for operators, in the order they were added.
    pub fn details(&self) -> &[(&'static str, String)] {
        &self.0.details
    }

    /// What was being done, when that was said.
    pub fn operation(&self) -> Option<&str> {
        self.0.operation.as_deref()
    }

    /// Why the call was cancelled; `None` for every other error.
    pub fn cancel_reason(&self) -> Option<CancelReason> {
        self.0.cancel_reason
    }

    /// How many attempts were spent, when retrying ended in this error.
    pub fn attempts(&self) -> Option<u32> {
        self.0.attempts
    }

    /// The error of the last attempt when retrying ended in this error, otherwise the error itself.
    pub fn last_attempt(&self) -> &Self {
        match self.0.source.as_deref().and_then(|source| source.downcast_ref::<Self>()) {
            Some(last) if self.0.attempts.is_some() => last.last_attempt(),
            _ => self,
        }
    }

    /// What may be shown: to anybody, or with the details in debug mode.
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
