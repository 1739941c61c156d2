//! A pipeline as numbers: what a settings file holds. It is plain and unchecked; a `BoxPipeline` is made of it only
//! when every number makes sense. Times are in milliseconds, because that is what people write in files.

use crate::{Breaker, Budget, Bulkhead, Clock, Error, Jitter, RateLimit, Retry};
use std::time::Duration;

/// What a [`BoxPipeline`](crate::BoxPipeline) is made of. A place that is `None` stays empty.
///
/// ```
/// use steadfast::{BackoffSettings, BoxPipeline, Clock, Code, PipelineSettings, RetrySettings};
///
/// let mut settings = PipelineSettings {
///     deadline_ms: Some(60_000),
///     attempt_timeout_ms: Some(20_000),
///     retry: Some(RetrySettings { backoff: BackoffSettings::Decorrelated, ..RetrySettings::default() }),
///     ..PipelineSettings::default()
/// };
/// assert!(BoxPipeline::<steadfast::Error>::new("chat", &settings, &Clock::real()).is_ok());
///
/// settings.deadline_ms = Some(10_000);
/// let error = BoxPipeline::<steadfast::Error>::new("chat", &settings, &Clock::real()).unwrap_err();
/// assert_eq!(error.code(), Code::VALIDATION);
/// assert_eq!(error.message(), "The pipeline chat is not valid: attempt_timeout_ms is longer than deadline_ms.");
/// ```
#[derive(Debug, Clone, PartialEq, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(default, deny_unknown_fields))]
pub struct PipelineSettings {
    /// How long everything together may take.
    pub deadline_ms: Option<u64>,
    /// When and how often to try again.
    pub retry: Option<RetrySettings>,
    /// What each attempt has to pass.
    pub limits: Option<LimitSettings>,
    /// What stops calling a target that keeps failing.
    pub breaker: Option<BreakerSettings>,
    /// How long one attempt may take.
    pub attempt_timeout_ms: Option<u64>,
}

/// See [`Retry`]. The default is its default with exponential waits from 250 ms, and the default [`Budget`]. All times
/// are in milliseconds. What a file does not say has its default; a name that is not known is an error.
///
/// ```
/// use steadfast::{BackoffSettings, BudgetSettings, RetrySettings};
///
/// let retry: RetrySettings = serde_json::from_str(r#"{ "wait_ms": 100, "max_attempts": 5 }"#)?;
/// assert_eq!((retry.wait_ms, retry.backoff), (100, BackoffSettings::Exponential));
/// assert_eq!(retry.budget, Some(BudgetSettings::Tokens(500)));
/// assert!(serde_json::from_str::<RetrySettings>(r#"{ "wait": 100 }"#).is_err());
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(default, deny_unknown_fields))]
pub struct RetrySettings {
    /// How the waits grow.
    pub backoff: BackoffSettings,
    /// The first wait.
    pub wait_ms: u64,
    /// The longest wait.
    pub max_wait_ms: u64,
    /// How many tries there are at most, the first one included.
    pub max_attempts: u32,
    /// No attempt begins later than this after the first one.
    pub max_elapsed_ms: Option<u64>,
    /// How much chance is mixed in; `None` takes what suits the backoff.
    pub jitter: Option<Jitter>,
    /// What the retries of all callers together may cost.
    pub budget: Option<BudgetSettings>,
}

/// How the waits between attempts grow.
///
/// ```
/// use steadfast::BackoffSettings;
///
/// let backoff: BackoffSettings = serde_json::from_str(r#""decorrelated""#)?;
/// assert_eq!(backoff, BackoffSettings::Decorrelated);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "snake_case"))]
pub enum BackoffSettings {
    /// [`Retry::fixed`].
    Fixed,
    /// [`Retry::linear`].
    Linear,
    /// [`Retry::exponential`].
    #[default]
    Exponential,
    /// [`Retry::decorrelated`].
    Decorrelated,
}

/// See [`Budget`].
///
/// ```
/// use steadfast::{BudgetSettings, RetrySettings};
///
/// let file = r#"{ "budget": { "ratio": { "share": 0.2, "floor_per_sec": 10 } } }"#;
/// let retry: RetrySettings = serde_json::from_str(file)?;
/// assert_eq!(retry.budget, Some(BudgetSettings::Ratio { share: 0.2, floor_per_sec: 10 }));
/// // Without one it has to be said; what is left out is the default.
/// assert_eq!(serde_json::from_str::<RetrySettings>(r#"{ "budget": null }"#)?.budget, None);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "snake_case"))]
pub enum BudgetSettings {
    /// [`Budget::tokens`].
    Tokens(u32),
    /// [`Budget::ratio`].
    Ratio {
        /// The share of the successful calls, from 0 to 1.
        share: f64,
        /// The tokens that are granted each second whatever happens.
        floor_per_sec: u32,
    },
}

/// See [`Bulkhead`] and [`RateLimit`]; the bulkhead is outside. The default limits nothing.
///
/// ```
/// use steadfast::{BoxPipeline, Clock, Error, LimitSettings, PipelineSettings};
///
/// let limits = LimitSettings { queue: 16, ..LimitSettings::default() };
/// let settings = PipelineSettings { limits: Some(limits), ..PipelineSettings::default() };
/// // A queue for what?
/// let error = BoxPipeline::<Error>::new("shop", &settings, &Clock::real()).unwrap_err();
/// assert_eq!(error.message(), "The pipeline shop is not valid: limits.queue needs limits.concurrent.");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(default, deny_unknown_fields))]
pub struct LimitSettings {
    /// So many attempts may be under way at once.
    pub concurrent: Option<u32>,
    /// So many more may wait for a place.
    pub queue: u32,
    /// So many attempts may begin in a second.
    pub per_second: Option<u32>,
}

/// See [`Breaker`]. The default opens after 5 failures in a row, for 30 s, and closes after one probe.
///
/// ```
/// use steadfast::BreakerSettings;
///
/// let breaker: BreakerSettings = serde_json::from_str(r#"{ "failures": 10 }"#)?;
/// assert_eq!(breaker, BreakerSettings { failures: 10, open_ms: 30_000, probes: 1 });
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(default, deny_unknown_fields))]
pub struct BreakerSettings {
    /// So many failures in a row open it.
    pub failures: u32,
    /// How long it then refuses everything.
    pub open_ms: u64,
    /// How many probes must succeed before it closes.
    pub probes: u32,
}

impl Default for RetrySettings {
    fn default() -> Self {
        Self {
            backoff: BackoffSettings::default(),
            // Long enough for a model that has a queue; the AWS SDKs take 50 ms for their own services.
            wait_ms: 250,
            max_wait_ms: 30_000,
            max_attempts: 3,
            max_elapsed_ms: None,
            jitter: None,
            budget: Some(BudgetSettings::Tokens(500)),
        }
    }
}

impl Default for BreakerSettings {
    fn default() -> Self {
        // 5 in a row: the default of Envoy's outlier detection (`consecutive_5xx`).
        Self { failures: 5, open_ms: 30_000, probes: 1 }
    }
}

impl PipelineSettings {
    pub(super) fn budget(&self) -> Option<BudgetSettings> {
        self.retry.as_ref().and_then(|retry| retry.budget)
    }

    /// Names everything that makes no sense, not only the first.
    pub(super) fn check(&self, name: &str) -> Result<(), Error> {
        let mut wrong = Wrong::default();
        wrong.when(self.deadline_ms == Some(0), "deadline_ms is 0");
        wrong.when(self.attempt_timeout_ms == Some(0), "attempt_timeout_ms is 0");
        let longer = self.deadline_ms.zip(self.attempt_timeout_ms).is_some_and(|(all, one)| one > all && all > 0);
        wrong.when(longer, "attempt_timeout_ms is longer than deadline_ms");
        if let Some(retry) = &self.retry {
            wrong.when(retry.max_attempts == 0, "retry.max_attempts is 0");
            wrong.when(retry.wait_ms > retry.max_wait_ms, "retry.wait_ms is longer than retry.max_wait_ms");
            wrong.when(retry.max_elapsed_ms == Some(0), "retry.max_elapsed_ms is 0");
            match retry.budget {
                Some(BudgetSettings::Tokens(tokens)) => {
                    let poor = tokens < Budget::AWS_TRANSIENT_COST;
                    wrong.when(poor, "retry.budget.tokens does not pay for a single retry, which costs 14");
                }
                Some(BudgetSettings::Ratio { share, .. }) => {
                    wrong.when(!(0.0..=1.0).contains(&share), "retry.budget.ratio.share is not between 0 and 1");
                }
                None => {}
            }
        }
        if let Some(limits) = &self.limits {
            wrong.when(limits.concurrent == Some(0), "limits.concurrent is 0");
            wrong.when(limits.concurrent.is_none() && limits.queue > 0, "limits.queue needs limits.concurrent");
            wrong.when(limits.per_second == Some(0), "limits.per_second is 0");
        }
        if let Some(breaker) = &self.breaker {
            wrong.when(breaker.failures == 0, "breaker.failures is 0");
            wrong.when(breaker.open_ms == 0, "breaker.open_ms is 0");
            wrong.when(breaker.probes == 0, "breaker.probes is 0");
        }
        match wrong.0.is_empty() {
            true => Ok(()),
            false => Err(Error::validation(format!("The pipeline {name} is not valid: {}.", wrong.0.join(", ")))),
        }
    }
}

#[derive(Default)]
struct Wrong(Vec<&'static str>);

impl Wrong {
    fn when(&mut self, wrong: bool, what: &'static str) {
        self.0.extend(wrong.then_some(what));
    }
}

impl RetrySettings {
    pub(super) fn build(&self, budget: Option<Budget>) -> Retry {
        let wait = Duration::from_millis(self.wait_ms);
        let mut retry = match self.backoff {
            BackoffSettings::Fixed => Retry::fixed(wait),
            BackoffSettings::Linear => Retry::linear(wait),
            BackoffSettings::Exponential => Retry::exponential(wait),
            BackoffSettings::Decorrelated => Retry::decorrelated(wait),
        }
        .max_attempts(self.max_attempts)
        .max_delay(Duration::from_millis(self.max_wait_ms));
        if let Some(limit) = self.max_elapsed_ms {
            retry = retry.max_elapsed(Duration::from_millis(limit));
        }
        if let Some(jitter) = self.jitter {
            retry = retry.jitter(jitter);
        }
        match budget {
            Some(budget) => retry.budget(budget),
            None => retry,
        }
    }
}

impl BudgetSettings {
    pub(super) fn build(self, name: &str, clock: &Clock) -> Budget {
        match self {
            Self::Tokens(tokens) => Budget::tokens(tokens),
            Self::Ratio { share, floor_per_sec } => Budget::ratio(share).floor_per_sec(floor_per_sec),
        }
        .with_clock(clock.clone())
        .named(name.to_owned())
    }
}

impl LimitSettings {
    pub(super) fn build(self, name: &str, clock: &Clock) -> Limits {
        let bulkhead =
            self.concurrent.map(|concurrent| Bulkhead::new(concurrent).queue(self.queue).named(name.to_owned()));
        let rate =
            self.per_second.map(|calls| RateLimit::per_second(calls).with_clock(clock.clone()).named(name.to_owned()));
        (bulkhead, rate)
    }
}

impl BreakerSettings {
    pub(super) fn build(self, name: &str, clock: &Clock) -> Breaker {
        Breaker::consecutive(self.failures)
            .open_for(Duration::from_millis(self.open_ms))
            .half_open_probes(self.probes)
            .with_clock(clock.clone())
            .named(name.to_owned())
    }
}

/// Both are handles.
pub(super) type Limits = (Option<Bulkhead>, Option<RateLimit>);
