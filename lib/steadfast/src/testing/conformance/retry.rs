//! What an adapter for a retry looks like, and the list of probes for retries; each file below asks about one
//! thing. A retry is made from a spec, and is only ever seen from outside: when does the backend hear of it?

use super::{
    Failure, Script,
    verdict::{Asking, Probe},
};
use std::{pin::Pin, sync::Arc, time::Duration};

mod attempts;
mod budget;
mod waits;

/// How the waits between attempts grow.
///
/// ```
/// use steadfast::testing::conformance::{Growth, RetrySpec, RetryUnderTest, Steadfast, Subject, Verdict, probes};
///
/// # #[tokio::main(flavor = "current_thread", start_paused = true)]
/// # async fn main() {
/// /// This library, as if its waits could not grow.
/// struct OnlyFixed;
///
/// impl Subject for OnlyFixed {
/// #     fn name(&self) -> String {
/// #         "this library, with less".to_owned()
/// #     }
///     fn retry(&self, spec: &RetrySpec) -> Option<Box<dyn RetryUnderTest>> {
///         if spec.growth == Growth::Fixed { Steadfast.retry(spec) } else { None }
///     }
/// }
///
/// let probe = probes().find(|probe| probe.name == "waits double").unwrap();
/// assert!(matches!(probe.ask(&OnlyFixed).await.verdict, Verdict::NotSupported(_)));
/// # }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Growth {
    /// Always the same.
    Fixed,
    /// Doubles each time.
    Exponential,
}

/// A limit on retries that all calls share.
///
/// ```
/// use steadfast::testing::conformance::{RetrySpec, RetryUnderTest, Steadfast, Subject, Verdict, probes};
///
/// # #[tokio::main(flavor = "current_thread", start_paused = true)]
/// # async fn main() {
/// /// This library, as if no budget could hold more than 5.
/// struct SmallBudgets;
///
/// impl Subject for SmallBudgets {
/// #     fn name(&self) -> String {
/// #         "this library, with less".to_owned()
/// #     }
///     fn retry(&self, spec: &RetrySpec) -> Option<Box<dyn RetryUnderTest>> {
///         if spec.budget.is_none_or(|budget| budget.burst <= 5) { Steadfast.retry(spec) } else { None }
///     }
/// }
///
/// let probe = probes().find(|probe| probe.name == "a budget comes back").unwrap();
/// assert!(matches!(probe.ask(&SmallBudgets).await.verdict, Verdict::NotSupported(_)));
/// # }
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct BudgetSpec {
    /// How many retries there may be for each call, in the long run.
    pub ratio: f64,
    /// How many more there may be at once; a token bucket's size.
    pub burst: u32,
}

/// What a retry must be made to do.
///
/// ```
/// use steadfast::testing::conformance::{RetrySpec, RetryUnderTest, Steadfast, Subject, Verdict, probes};
///
/// # #[tokio::main(flavor = "current_thread", start_paused = true)]
/// # async fn main() {
/// /// This library, as if it could not be told when to come back.
/// struct NoHints;
///
/// impl Subject for NoHints {
/// #     fn name(&self) -> String {
/// #         "this library, with less".to_owned()
/// #     }
///     fn retry(&self, spec: &RetrySpec) -> Option<Box<dyn RetryUnderTest>> {
///         if !spec.obeys_hints { Steadfast.retry(spec) } else { None }
///     }
/// }
///
/// let probe = probes().find(|probe| probe.name == "a hint is obeyed").unwrap();
/// assert!(matches!(probe.ask(&NoHints).await.verdict, Verdict::NotSupported(_)));
/// # }
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct RetrySpec {
    /// How many attempts there may be, the first one included.
    pub max_attempts: u32,
    /// The first wait.
    pub delay: Duration,
    /// How the waits grow.
    pub growth: Growth,
    /// Whether chance is mixed in, as much as the subject can: "full" jitter where it has that.
    pub jitter: bool,
    /// The longest wait.
    pub max_delay: Option<Duration>,
    /// No attempt begins later than this.
    pub max_elapsed: Option<Duration>,
    /// A budget that the retry under test keeps over all its runs.
    pub budget: Option<BudgetSpec>,
    /// Whether the subject is to obey [`Failure::retry_after`].
    pub obeys_hints: bool,
}

/// One call with its retries, as the subject's caller sees it. It gives back the failure of the last attempt.
pub type Run = Pin<Box<dyn Future<Output = Result<(), Failure>> + Send>>;

/// One retry. The adapter tells the subject what is permanent by [`Failure::is_transient`], and where it listens,
/// how long to wait by [`Failure::retry_after`]. The example of [the module](super) is one.
///
/// ```
/// use std::sync::Arc;
/// use steadfast::testing::conformance::{Failure, RetryUnderTest, Run, Script};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// /// Tries once more, whatever has happened.
/// struct OnceMore;
///
/// impl RetryUnderTest for OnceMore {
///     fn run(&self, script: Arc<Script>) -> Run {
///         Box::pin(async move {
///             match script.attempt().await {
///                 Ok(()) => Ok(()),
///                 Err(_) => script.attempt().await,
///             }
///         })
///     }
/// }
///
/// let script = Script::new([Err(Failure::Unavailable), Err(Failure::Invalid)]);
/// assert_eq!(OnceMore.run(Arc::clone(&script)).await, Err(Failure::Invalid)); // the last failure
/// assert_eq!(script.attempts(), 2);
/// # }
/// ```
pub trait RetryUnderTest: Send + Sync {
    /// Calls [`Script::attempt`] until that is enough.
    fn run(&self, script: Arc<Script>) -> Run;

    /// The same for a caller that has told the subject its deadline, where that can be told. Otherwise the probe
    /// puts tokio's time-out outside, as a caller has to.
    fn run_within(&self, _limit: Duration, _script: Arc<Script>) -> Option<Run> {
        None
    }
}

impl RetrySpec {
    /// Three attempts, one fixed wait of 100 ms, nothing else.
    fn plain() -> Self {
        Self {
            max_attempts: 3,
            delay: Duration::from_millis(100),
            growth: Growth::Fixed,
            jitter: false,
            max_delay: None,
            max_elapsed: None,
            budget: None,
            obeys_hints: false,
        }
    }
}

/// A whole run; `None` when it does not end within a day of tokio's time.
async fn finish(run: Run) -> Option<Result<(), Failure>> {
    tokio::time::timeout(A_DAY, run).await.ok()
}

const A_DAY: Duration = Duration::from_secs(86_400);

macro_rules! probes {
    ($($name:literal, $asks:literal, $run:path;)*) => {
        &[$(Probe { name: $name, asks: $asks, run: |subject| -> Asking<'_> { Box::pin($run(subject)) } }),*]
    };
}

pub(super) const PROBES: &[Probe] = probes! {
    "attempts are counted", "Attempts at a backend that always fails, when 3 are allowed; 3.", attempts::counted;
    "what is permanent is not tried again", "Attempts at a backend that says the request is wrong; 1.", attempts::permanent;
    "a success ends it", "Attempts at a backend that fails once; 2, and the answer is a success.", attempts::ends;
    "a dropped call is not tried again", "The call is dropped while it waits; no attempt follows.", attempts::dropped;
    "a thousand attempts overflow nothing", "1,000 attempts with doubling waits of at most 1 s; all are made, and none panics.", attempts::thousand;
    "waits double", "Waits with 100 ms at first, without jitter; 100, 200, 400 ms.", waits::double;
    "waits have a cap", "The longest of 9 doubling waits that begin at 1 s, with a cap of 5 s; 5 s.", waits::capped;
    "jitter spreads the waits", "The first waits of 200 calls, 1 s without jitter; between the shortest and the longest at least 0.25 s.", waits::spread;
    "a hint is obeyed", "The wait when the backend says 3 s and the retry alone would wait 100 ms; at least 3 s.", waits::hint;
    "a hint longer than the time left is declined", "The backend says 60 s, the caller has 10 s; the failure comes back at once.", waits::declined;
    "no attempt begins after the elapsed limit", "The last attempt of 100 with waits of 1 s, when 5 s are allowed; at most 5 s after the first.", waits::elapsed;
    "a budget bounds the load of an outage", "Attempts for each of 1,000 calls in an outage, 3 attempts allowed, budget 20 % and 10; at most 1.3.", budget::outage;
    "a budget comes back", "After that outage and 1,000 successes, a call that fails once succeeds.", budget::refunds;
};
