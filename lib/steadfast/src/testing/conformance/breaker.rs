//! What an adapter for a breaker looks like, and the list of probes for breakers; each file below asks about one
//! thing. A breaker is made from a spec, and is only ever seen from outside: who reaches the backend?

use super::{
    Failure, Subject, Work,
    backend::Backend,
    drive::{End, finish},
    verdict::{Asking, Probe},
};
use std::{pin::Pin, time::Duration};

mod cancels;
mod half_open;
mod hangs;
mod moves;
mod windows;

/// What opens a breaker.
///
/// ```
/// use std::time::Duration;
/// use steadfast::testing::conformance::Rule;
///
/// // What an adapter says of a crate that knows no windows: `None` for every other rule.
/// let failures_in_a_row = |rule| match rule {
///     Rule::Consecutive { failures } => Some(failures),
///     _ => None,
/// };
/// assert_eq!(failures_in_a_row(Rule::Consecutive { failures: 5 }), Some(5));
/// let by_time = Rule::TimeWindow { window: Duration::from_secs(10), rate: 0.5, min_calls: 10 };
/// assert_eq!(failures_in_a_row(by_time), None);
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Rule {
    /// So many failures in a row.
    Consecutive {
        /// At least 1.
        failures: u32,
    },
    /// This share of failures among the last so many calls.
    CountWindow {
        /// How many calls back it looks.
        calls: u32,
        /// From 0 to 1.
        rate: f64,
        /// With fewer calls it stays closed.
        min_calls: u32,
    },
    /// This share of failures among the calls of the last so long.
    TimeWindow {
        /// How far back it looks.
        window: Duration,
        /// From 0 to 1.
        rate: f64,
        /// With fewer calls it stays closed.
        min_calls: u32,
    },
}

/// What a breaker must be made to do.
///
/// ```
/// use steadfast::testing::conformance::{BreakerSpec, BreakerUnderTest, Rule, Steadfast, Subject, Verdict, probes};
///
/// # #[tokio::main(flavor = "current_thread", start_paused = true)]
/// # async fn main() {
/// /// This library, as if it knew no windows.
/// struct NoWindows;
///
/// impl Subject for NoWindows {
/// #     fn name(&self) -> String {
/// #         "no windows".to_owned()
/// #     }
///     fn breaker(&self, spec: &BreakerSpec) -> Option<Box<dyn BreakerUnderTest>> {
///         if matches!(spec.rule, Rule::Consecutive { .. }) { Steadfast.breaker(spec) } else { None }
///     }
/// }
///
/// let probe = probes().find(|probe| probe.name == "a time window forgets").unwrap();
/// assert!(matches!(probe.ask(&NoWindows).await.verdict, Verdict::NotSupported(_)));
/// # }
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct BreakerSpec {
    /// What opens it.
    pub rule: Rule,
    /// How long it then refuses everything, without jitter and without growth.
    pub open_for: Duration,
    /// How many calls it lets through on probation, and how many must succeed.
    pub probes: u32,
}

/// One call, as the subject's caller sees it.
pub type Calling = Pin<Box<dyn Future<Output = Answer> + Send>>;

/// Tells the subject that a call is to be stopped, and why.
pub type Stopper = Box<dyn Fn(WhyStopped) + Send>;

/// How a call ended.
///
/// ```
/// use std::time::Duration;
/// use steadfast::{Code, Error, testing::conformance::{Answer, Failure}};
///
/// /// What an adapter makes of the error that a crate gives back; here of this crate's.
/// fn answer(error: &Error) -> Answer {
///     match error.code() {
///         code if code == Code::CIRCUIT_OPEN => Answer::Refused { retry_after: error.retry_after() },
///         code if code == Code::CANCELLED || code == Code::TIMEOUT => Answer::Stopped,
///         _ => Answer::Failed(Failure::Unavailable),
///     }
/// }
///
/// let wait = Duration::from_secs(5);
/// assert_eq!(answer(&Error::circuit_open("shop", wait)), Answer::Refused { retry_after: Some(wait) });
/// assert_eq!(answer(&Error::timeout("buy", wait)), Answer::Stopped); // the backend was reached
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// The work succeeded.
    Succeeded,
    /// The work failed.
    Failed(Failure),
    /// The breaker refused; the backend was not reached.
    Refused {
        /// When to come back, if the refusal says so.
        retry_after: Option<Duration>,
    },
    /// The subject ended the work half-way: its time was over, or it was stopped.
    Stopped,
}

/// Why a call is stopped.
///
/// ```
/// use steadfast::testing::conformance::WhyStopped;
///
/// // The suite wants these two to count as failures of the backend, and the others not to count at all.
/// let counts = |why| matches!(why, WhyStopped::Deadline | WhyStopped::AttemptTimeout);
/// assert!(counts(WhyStopped::AttemptTimeout));
/// assert!(!counts(WhyStopped::User) && !counts(WhyStopped::HedgeLost) && !counts(WhyStopped::Shutdown));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WhyStopped {
    /// Whoever asked does not want it any more.
    User,
    /// The time for the whole call is over.
    Deadline,
    /// The time for this attempt is over.
    AttemptTimeout,
    /// Another attempt was faster.
    HedgeLost,
    /// The program is ending.
    Shutdown,
}

/// One breaker. [`Steadfast`](super::Steadfast)'s is an example of an adapter.
///
/// ```
/// use std::sync::{Arc, atomic::{AtomicU32, Ordering}};
/// use steadfast::testing::conformance::{
///     Answer, BreakerSpec, BreakerUnderTest, Calling, Rule, Subject, Verdict, Work, probes,
/// };
///
/// # #[tokio::main(flavor = "current_thread", start_paused = true)]
/// # async fn main() {
/// /// After so many failures it lets nobody through any more, ever.
/// struct Fuse {
///     bears: u32,
///     failures: Arc<AtomicU32>,
/// }
///
/// impl BreakerUnderTest for Fuse {
///     fn call(&self, work: Work) -> Calling {
///         let (bears, failures) = (self.bears, Arc::clone(&self.failures));
///         Box::pin(async move {
///             if failures.load(Ordering::Relaxed) >= bears {
///                 return Answer::Refused { retry_after: None };
///             }
///             match work.await {
///                 Ok(()) => Answer::Succeeded,
///                 Err(failure) => {
///                     failures.fetch_add(1, Ordering::Relaxed);
///                     Answer::Failed(failure)
///                 }
///             }
///         })
///     }
/// }
/// # struct Fuses;
/// # impl Subject for Fuses {
/// #     fn name(&self) -> String {
/// #         "fuses".to_owned()
/// #     }
/// #     fn breaker(&self, spec: &BreakerSpec) -> Option<Box<dyn BreakerUnderTest>> {
/// #         let Rule::Consecutive { failures: bears } = spec.rule else { return None };
/// #         Some(Box::new(Fuse { bears, failures: Arc::default() }))
/// #     }
/// # }
/// # let ask = async |name: &str| probes().find(|probe| probe.name == name).unwrap().ask(&Fuses).await.verdict;
///
/// assert!(matches!(ask("an open breaker lets nobody through").await, Verdict::Passed(_)));
/// assert!(matches!(ask("a good probe closes it").await, Verdict::Failed(_)));
/// # }
/// ```
pub trait BreakerUnderTest: Send + Sync {
    /// Puts `work` inside the breaker. A caller that loses patience drops the future.
    fn call(&self, work: Work) -> Calling;

    /// The same for a caller that has told the subject how long it will wait, where that can be told: the subject
    /// may end the call then, or the caller drops it a moment later.
    fn call_within(&self, _limit: Duration, _work: Work) -> Option<Calling> {
        None
    }

    /// The same for a call that can be stopped with a reason, where the subject knows such a thing.
    fn call_stoppable(&self, _work: Work) -> Option<(Calling, Stopper)> {
        None
    }

    /// Lets time pass for the breaker. Default: tokio's, which only works when the breaker follows it.
    fn advance(&self, by: Duration) -> Pin<Box<dyn Future<Output = ()> + '_>> {
        Box::pin(tokio::time::sleep(by))
    }
}

/// A breaker, its backend, and what it was made to do.
struct Bench {
    breaker: Box<dyn BreakerUnderTest>,
    backend: Backend,
    spec: BreakerSpec,
}

impl Bench {
    fn new(subject: &dyn Subject, rule: Rule, probes: u32) -> Option<Self> {
        let spec = BreakerSpec { rule, open_for: subject.unit() * OPEN_FOR, probes };
        Some(Self { breaker: subject.breaker(&spec)?, backend: Backend::default(), spec })
    }

    /// The first of these rules that the subject has, with one probe.
    fn first(subject: &dyn Subject, rules: impl IntoIterator<Item = Rule>) -> Option<Self> {
        rules.into_iter().find_map(|rule| Self::new(subject, rule, 1))
    }

    /// A breaker that a few failures open, whatever its rule.
    fn usual(subject: &dyn Subject) -> Option<Self> {
        let window = subject.unit() * 10;
        let by_count = Rule::CountWindow { calls: 10, rate: 0.5, min_calls: 10 };
        Self::first(
            subject,
            [Rule::Consecutive { failures: 5 }, by_count, Rule::TimeWindow { window, rate: 0.5, min_calls: 10 }],
        )
    }

    /// A usual breaker that has just opened.
    async fn opened(subject: &dyn Subject) -> Option<Self> {
        let bench = Self::usual(subject)?;
        bench.failures_until_refused(100).await?;
        Some(bench)
    }

    /// A usual breaker whose pause is over.
    async fn on_probation(subject: &dyn Subject) -> Option<Self> {
        let bench = Self::opened(subject).await?;
        bench.let_the_pause_pass().await;
        Some(bench)
    }

    async fn let_the_pause_pass(&self) {
        self.breaker.advance(self.spec.open_for + self.spec.open_for / 10).await;
    }

    async fn run(&self, work: Work) -> Option<End> {
        finish(self.breaker.call(work)).await
    }

    async fn succeed(&self, times: u32) {
        for _ in 0..times {
            self.run(self.backend.succeeds()).await;
        }
    }

    async fn fail(&self, times: u32) {
        for _ in 0..times {
            self.run(self.backend.fails()).await;
        }
    }

    /// How many failing calls reach the backend before one is refused; `None` when `limit` are not enough.
    async fn failures_until_refused(&self, limit: u32) -> Option<u32> {
        for failures in 0..=limit {
            if is_refused(self.run(self.backend.fails()).await.as_ref()) {
                return Some(failures);
            }
        }
        None
    }

    /// Whether the next call, one that succeeds, is refused.
    async fn refuses(&self) -> bool {
        is_refused(self.run(self.backend.succeeds()).await.as_ref())
    }
}

fn is_refused(end: Option<&End>) -> bool {
    matches!(end, Some(End::Answered(Answer::Refused { .. })))
}

/// The pause of every breaker that is examined, in units.
const OPEN_FOR: u32 = 10;

macro_rules! probes {
    ($($name:literal, $asks:literal, $run:path;)*) => {
        &[$(Probe { name: $name, asks: $asks, run: |subject| -> Asking<'_> { Box::pin($run(subject)) } }),*]
    };
}

pub(super) const PROBES: &[Probe] = probes! {
    "a count window slides", "Failures until it opens, at 50 % of 100 calls, after 100, 1,000, 10,000 and 100,000 successes; at most 100 each.", windows::slides;
    "a time window forgets", "Failures until it opens, at 50 % with at least 10 calls, when the window has passed since 1,000 successes; at most 11.", windows::forgets;
    "a time window costs the same", "Time per call with 100, 1,000, 10,000 and 50,000 calls in the window; at most 5 times as much at the end.", windows::costs;
    "few calls are no rate", "Failures until it opens, when at least 20 calls are asked for; 20.", windows::needs_calls;
    "no failure is lost between threads", "4 threads together fail one time less than opens it; one more failure opens it.", windows::counts_all;
    "an open breaker lets nobody through", "100 calls while it is open; none reaches the backend.", moves::refuses;
    "the pause is as long as said", "It refuses at 80 % of the pause, and not after it.", moves::pauses;
    "tokio's paused clock moves it", "Only tokio's paused time passes; it lets a probe through.", moves::follows_tokio;
    "a refusal says when to come back", "A time above zero, at most the pause.", moves::says_when;
    "a good probe closes it", "After one success on probation 10 calls at once all pass.", moves::closes;
    "a bad probe opens it again", "After one failure on probation the next call is refused.", moves::opens_again;
    "a late success does not close it", "A call from before ends well while it is open; it still refuses.", moves::ignores_late_success;
    "a late failure does not spoil probation", "A call from before fails while it is half-open; the probe that succeeds closes it.", moves::ignores_late_failure;
    "the caller's own mistakes do not count", "50 calls fail because the request is wrong; it stays closed.", moves::ignores_callers;
    "half-open lets few through", "100 calls at once on probation, one probe allowed; one reaches the backend.", half_open::few;
    "half-open keeps to its number", "100 calls at once on probation, three probes allowed; three reach the backend.", half_open::three;
    "a dropped probe gives its place back", "A probe hangs and is dropped; another is let through, at the latest after one more pause.", half_open::gives_back;
    "a probe that hangs for ever blocks nobody for ever", "A probe hangs and is kept; another is let through within 5 pauses.", half_open::goes_on;
    "a panicking probe gives its place back", "A probe panics; another is let through, at the latest after one more pause.", half_open::survives_panic;
    "a hung backend opens it", "200 of 200 calls hang, and the caller's time-out stands outside; it opens.", hangs::all;
    "a backend that hangs nine times in ten opens it", "180 of 200 calls hang, 20 succeed, and the caller's time-out stands outside; it opens.", hangs::most;
    "a hung backend opens it when the limit is known", "200 of 200 calls hang, and the caller has told its limit; it opens.", hangs::told;
    "callers that leave at once do not open it", "180 of 200 calls are dropped as soon as they wait, 20 succeed; it stays closed.", hangs::leaving;
    "panics count", "50 calls panic; it opens.", hangs::panics;
    "a user's stop is neutral", "One failure short of opening, a call is stopped by its user: it stays closed, and one failure more opens it.", cancels::user;
    "a lost hedge is neutral", "The same, stopped because another attempt was faster.", cancels::hedge;
    "a shutdown is neutral", "The same, stopped because the program ends.", cancels::shutdown;
    "a deadline's stop is a failure", "One failure short of opening, a call is stopped by its deadline: it opens.", cancels::deadline;
    "an attempt time-out is a failure", "The same, stopped by the limit of one attempt.", cancels::attempt;
};
