//! Tries again, when the error says that this can help and there is time. It does not decide what is permanent:
//! the error's advice does. Surprise: what it gives back after several attempts is `RETRY_EXHAUSTED`, with the
//! last error as its source.

use crate::{Attempt, Budget, Call, Error, call::Bounded};
use backoff::Backoff;
use std::time::Duration;

mod backoff;
mod drive;
mod jitter;
mod plan;
mod replay;
mod when;

pub(crate) use drive::{Begin, Ran, Work, drive};
pub use jitter::Jitter;
pub(crate) use plan::Plan;
pub(crate) use replay::{Each, GivesBack, Replayed};
pub use replay::{GivenBack, Replay};
pub use when::{Again, When};

/// How often and how soon to try again.
///
/// ```
/// use std::time::Duration;
/// use steadfast::{Call, CancelToken, Code, Error, Retry};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let call = Call::new("fetch", &CancelToken::root("program"));
/// let retry = Retry::exponential(Duration::from_millis(1)).max_attempts(2);
/// let error = retry.run(&call, |_| async { Err::<(), _>(Error::unavailable("shop")) }).await.unwrap_err();
/// assert_eq!((error.code(), error.attempts()), (Code::RETRY_EXHAUSTED, Some(2)));
///
/// // What is permanent fails at once, as itself.
/// let error = retry.run(&call, |_| async { Err::<(), _>(Error::not_found("book", "7")) }).await.unwrap_err();
/// assert_eq!((error.code(), error.attempts()), (Code::NOT_FOUND, None));
/// # }
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Retry<W = ()> {
    plan: Plan,
    when: W,
}

impl Retry {
    /// Waits `delay` each time, without jitter.
    ///
    /// ```
    /// use std::time::Duration;
    /// use steadfast::{Call, CancelToken, Error, Retry};
    ///
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() {
    /// let call = Call::new("fetch", &CancelToken::root("program"));
    /// let began = call.clock().now();
    /// let retry = Retry::fixed(Duration::from_secs(2));
    /// retry.run(&call, |_| async { Err::<(), _>(Error::unavailable("shop")) }).await.unwrap_err();
    /// assert_eq!((call.clock().now() - began).as_secs(), 4); // three attempts, two waits
    /// # }
    /// ```
    pub fn fixed(delay: Duration) -> Self {
        Self::new(Backoff::Fixed(delay), Jitter::None)
    }

    /// Waits `step`, then twice, then three times as long, without jitter.
    ///
    /// ```
    /// use std::time::Duration;
    /// use steadfast::{Call, CancelToken, Error, Retry};
    ///
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() {
    /// let call = Call::new("fetch", &CancelToken::root("program"));
    /// let began = call.clock().now();
    /// let retry = Retry::linear(Duration::from_secs(1)).max_attempts(4);
    /// retry.run(&call, |_| async { Err::<(), _>(Error::unavailable("shop")) }).await.unwrap_err();
    /// assert_eq!((call.clock().now() - began).as_secs(), 1 + 2 + 3);
    /// # }
    /// ```
    pub fn linear(step: Duration) -> Self {
        Self::new(Backoff::Linear(step), Jitter::None)
    }

    /// Waits up to `base`, then up to twice, then up to four times as long, with full jitter.
    ///
    /// ```
    /// use std::time::Duration;
    /// use steadfast::{Call, CancelToken, Error, Jitter, Retry};
    ///
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() {
    /// let call = Call::new("fetch", &CancelToken::root("program"));
    /// let began = call.clock().now();
    /// let retry = Retry::exponential(Duration::from_secs(1)).max_attempts(4).jitter(Jitter::None);
    /// retry.run(&call, |_| async { Err::<(), _>(Error::unavailable("shop")) }).await.unwrap_err();
    /// assert_eq!((call.clock().now() - began).as_secs(), 1 + 2 + 4); // with full jitter: up to that
    /// # }
    /// ```
    pub fn exponential(base: Duration) -> Self {
        Self::new(Backoff::Exponential(base), Jitter::Full)
    }

    /// Waits at least `base` and at most three times as long as the last time, by chance, so no jitter is added: the
    /// "decorrelated jitter" of Marc Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015.
    ///
    /// ```
    /// use std::time::Duration;
    /// use steadfast::{Call, CancelToken, Error, Retry};
    ///
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() {
    /// let call = Call::new("fetch", &CancelToken::root("program"));
    /// let began = call.clock().now();
    /// let retry = Retry::decorrelated(Duration::from_secs(1));
    /// retry.run(&call, |_| async { Err::<(), _>(Error::unavailable("shop")) }).await.unwrap_err();
    /// let waited = (call.clock().now() - began).as_secs();
    /// assert!((1 + 1..=3 + 9).contains(&waited)); // a long wait may be followed by a longer one
    /// # }
    /// ```
    pub fn decorrelated(base: Duration) -> Self {
        Self::new(Backoff::Decorrelated(base), Jitter::None)
    }

    fn new(backoff: Backoff, jitter: Jitter) -> Self {
        Self::of(Plan::new(backoff, jitter))
    }

    pub(crate) fn of(plan: Plan) -> Self {
        Self { plan, when: () }
    }

    /// Tries again also when the work succeeded with a value for which `predicate` is true. When nothing more may be
    /// tried, the last value is given back, and not an error. Say the value's type in the closure.
    ///
    /// ```
    /// use std::time::Duration;
    /// use steadfast::{Call, CancelToken, Retry};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let call = Call::new("poll", &CancelToken::root("program"));
    /// let retry = Retry::fixed(Duration::from_millis(1)).max_attempts(5).retry_when(|state: &u32| *state < 3);
    /// assert_eq!(retry.run(&call, |attempt| async move { Ok(attempt.number) }).await.unwrap(), 3);
    /// # }
    /// ```
    #[must_use]
    pub fn retry_when<T, P>(self, predicate: P) -> Retry<When<P>>
    where
        P: Fn(&T) -> bool,
    {
        Retry { plan: self.plan, when: When(predicate) }
    }
}

impl<W> Retry<W> {
    /// How many tries there are at most, the first one included; at least 1. Default 3.
    ///
    /// ```
    /// use std::time::Duration;
    /// use steadfast::{Call, CancelToken, Code, Error, Retry};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let call = Call::new("fetch", &CancelToken::root("program"));
    /// let once = Retry::fixed(Duration::from_secs(1)).max_attempts(1);
    /// let error = once.run(&call, |_| async { Err::<(), _>(Error::unavailable("shop")) }).await.unwrap_err();
    /// assert_eq!(error.code(), Code::UNAVAILABLE); // the error itself: nothing was exhausted
    /// # }
    /// ```
    #[must_use]
    pub fn max_attempts(self, max_attempts: u32) -> Self {
        self.with(|plan| plan.max_attempts = max_attempts.max(1))
    }

    /// The longest wait between two attempts. When the other side asks for more, the error is given back at
    /// once. Default 30 s.
    ///
    /// ```
    /// use std::time::Duration;
    /// use steadfast::{Call, CancelToken, Code, Error, Retry};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let call = Call::new("fetch", &CancelToken::root("program"));
    /// let retry = Retry::fixed(Duration::from_secs(1)).max_delay(Duration::from_secs(10));
    /// let minute = Some(Duration::from_secs(60));
    /// let busy = |_| async move { Err::<(), _>(Error::rate_limited("shop", minute)) };
    /// let error = retry.run(&call, busy).await.unwrap_err();
    /// // Not retried sooner than it was asked for; the caller learns how long that is.
    /// assert_eq!((error.code(), error.retry_after()), (Code::RATE_LIMITED, minute));
    /// # }
    /// ```
    #[must_use]
    pub fn max_delay(self, max_delay: Duration) -> Self {
        self.with(|plan| plan.max_delay = max_delay)
    }

    /// No attempt begins later than this after the first one began. Default: no limit but the call's deadline.
    ///
    /// ```
    /// use std::time::Duration;
    /// use steadfast::{Call, CancelToken, Error, Retry};
    ///
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() {
    /// let call = Call::new("fetch", &CancelToken::root("program"));
    /// let retry = Retry::fixed(Duration::from_secs(4)).max_attempts(100).max_elapsed(Duration::from_secs(10));
    /// let error = retry.run(&call, |_| async { Err::<(), _>(Error::unavailable("shop")) }).await.unwrap_err();
    /// assert_eq!(error.attempts(), Some(3)); // after 0, 4 and 8 seconds; the next would be after 12
    /// # }
    /// ```
    #[must_use]
    pub fn max_elapsed(self, max_elapsed: Duration) -> Self {
        self.with(|plan| plan.max_elapsed = Some(max_elapsed))
    }

    /// How much chance is mixed into the waits. Default: what the kind of wait says, full for [`Retry::exponential`]
    /// and none for the others.
    ///
    /// ```
    /// use std::time::Duration;
    /// use steadfast::{Call, CancelToken, Error, Jitter, Retry};
    ///
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() {
    /// let call = Call::new("fetch", &CancelToken::root("program"));
    /// let began = call.clock().now();
    /// let retry = Retry::fixed(Duration::from_secs(10)).max_attempts(2).jitter(Jitter::Equal);
    /// retry.run(&call, |_| async { Err::<(), _>(Error::unavailable("shop")) }).await.unwrap_err();
    /// assert!((5..=10).contains(&(call.clock().now() - began).as_secs())); // never longer than without
    /// # }
    /// ```
    #[must_use]
    pub fn jitter(self, jitter: Jitter) -> Self {
        self.with(|plan| plan.jitter = jitter)
    }

    /// Makes the waits of every run the same, for tests and simulations.
    ///
    /// ```
    /// use std::time::Duration;
    /// use steadfast::{Error, Retry, testing::Stage};
    ///
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() {
    /// let retry = Retry::exponential(Duration::from_secs(1)).seed(7);
    /// let (one, other) = (Stage::paused(), Stage::paused());
    /// for stage in [&one, &other] {
    ///     retry.run(&stage.call("fetch"), |_| async { Err::<(), _>(Error::unavailable("shop")) }).await.unwrap_err();
    /// }
    /// assert_eq!(one.log().events(), other.log().events()); // with every delay
    /// # }
    /// ```
    #[must_use]
    pub fn seed(self, seed: u64) -> Self {
        self.with(|plan| plan.seed = Some(seed))
    }

    /// Pays for each retry from this budget, which the callers of one target share. When it is used up, the error is
    /// given back as it is. Default: no budget.
    ///
    /// ```
    /// use std::time::Duration;
    /// use steadfast::{Budget, Call, CancelToken, Code, Error, Retry};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let budget = Budget::tokens(14); // enough for one retry
    /// let retry = Retry::fixed(Duration::from_millis(1)).max_attempts(10).budget(budget.clone());
    /// let call = Call::new("fetch", &CancelToken::root("program"));
    /// let error = retry.run(&call, |_| async { Err::<(), _>(Error::unavailable("shop")) }).await.unwrap_err();
    /// assert_eq!(error.code(), Code::UNAVAILABLE); // after two attempts of ten
    /// assert_eq!(budget.available(), 0);
    /// # }
    /// ```
    #[must_use]
    pub fn budget(self, budget: Budget) -> Self {
        self.with(|plan| plan.budget = Some(budget))
    }

    fn with(mut self, change: impl FnOnce(&mut Plan)) -> Self {
        change(&mut self.plan);
        self
    }

    pub(crate) fn parts(&self) -> (&Plan, &W) {
        (&self.plan, &self.when)
    }
}

/// Using it.
impl<W> Retry<W> {
    /// Runs `work` until it succeeds, its error forbids another attempt, the attempts, the time or the budget are used
    /// up, or the call is cancelled. The deadline and the token also end an attempt that is under way; the attempt's
    /// future is dropped then, so it must be cancel safe.
    ///
    /// Gives back the error itself when it forbids another attempt, asks for a longer wait than is left, finds the
    /// budget empty or was the only one; otherwise `RETRY_EXHAUSTED` with the last error as its source.
    ///
    /// Cancel safe as far as `work` is. A retry that was dropped after it was paid for stays paid for.
    ///
    /// ```
    /// use std::time::Duration;
    /// use steadfast::{Call, CancelToken, Code, Error, Retry};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let call = Call::new("fetch", &CancelToken::root("program"));
    /// let retry = Retry::fixed(Duration::from_millis(1));
    /// let error = retry.run(&call, |_| async { Err::<(), _>(Error::unavailable("shop")) }).await.unwrap_err();
    /// assert_eq!(error.code(), Code::RETRY_EXHAUSTED);
    /// assert_eq!(error.last_attempt().code(), Code::UNAVAILABLE); // what people want to hear
    /// # }
    /// ```
    pub async fn run<T, F, Fut>(&self, call: &Call, mut work: F) -> Result<T, Error>
    where
        F: FnMut(Attempt) -> Fut,
        Fut: Future<Output = Result<T, Error>>,
        W: Again<T>,
    {
        self.finish(call, Each(|attempt| Bounded::new(call, None, work(attempt)))).await
    }

    /// `run` for work that needs an input of its own in each attempt. The input is copied before an attempt if there
    /// may be another; an input that cannot be copied ([`Replay`]) is used once, and never sent empty. Fails and is
    /// cancel safe as [`Retry::run`]; the input is dropped with the future.
    ///
    /// ```
    /// use std::time::Duration;
    /// use steadfast::{Call, CancelToken, Error, Retry};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Error> {
    /// let call = Call::new("store", &CancelToken::root("program"));
    /// let stored = Retry::fixed(Duration::from_millis(1))
    ///     .run_with(&call, vec![1, 2, 3], |attempt, bytes| async move {
    ///         if attempt.number == 1 { Err(Error::connection_lost("disk")) } else { Ok(bytes.len()) }
    ///     })
    ///     .await?;
    /// assert_eq!(stored, 3);
    /// # Ok(()) }
    /// ```
    pub async fn run_with<T, I, F, Fut>(&self, call: &Call, input: I, mut work: F) -> Result<T, Error>
    where
        I: Replay,
        F: FnMut(Attempt, I) -> Fut,
        Fut: Future<Output = Result<T, Error>>,
        W: Again<T>,
    {
        self.finish(call, Replayed::new(input, |attempt, input| Bounded::new(call, None, work(attempt, input)))).await
    }

    /// `run_with` for an input that is not copied at all: work that fails gives it back in its error if it is still
    /// whole. An error without it, also one made by `?`, and a time-out end the call. Fails and is cancel safe as
    /// [`Retry::run`]; the input is dropped with the future.
    ///
    /// ```
    /// use std::time::Duration;
    /// use steadfast::{Call, CancelToken, Error, GivenBack, Retry};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Error> {
    /// struct Letter; // no Clone
    /// let call = Call::new("post", &CancelToken::root("program"));
    /// let sent = Retry::fixed(Duration::from_millis(1))
    ///     .run_giving_back(&call, Letter, |attempt, letter: Letter| async move {
    ///         match attempt.number {
    ///             1 => Err(GivenBack::whole(Error::unavailable("box"), letter)),
    ///             _ => Ok(attempt.number),
    ///         }
    ///     })
    ///     .await?;
    /// assert_eq!(sent, 2);
    /// # Ok(()) }
    /// ```
    pub async fn run_giving_back<T, I, F, Fut>(&self, call: &Call, input: I, mut work: F) -> Result<T, Error>
    where
        F: FnMut(Attempt, I) -> Fut,
        Fut: Future<Output = Result<T, GivenBack<Error, I>>>,
        W: Again<T>,
    {
        self.finish(call, GivesBack::new(input, |attempt, input| Bounded::new(call, None, work(attempt, input)))).await
    }

    async fn finish<T, K>(&self, call: &Call, mut work: K) -> Result<T, Error>
    where
        K: Work<T, Error>,
        W: Again<T>,
    {
        drive(Some(self.parts()), call, &mut work).await.finish(call)
    }
}
