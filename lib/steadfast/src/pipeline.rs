//! All policies in one value, each in a named place, the places in the one order that is right. It holds no policy's
//! state: breakers and budgets are handles, and the same handle in two pipelines is shared. Surprise: a place that
//! is not used is of type `()` and costs nothing.

use crate::{
    Again, Around, Attempt, Call, Classify, Deadline, Error, Failed, GivenBack, Outcome, Replay, TryFuture,
    call::Bounded,
    outcome::Inside,
    policies::{Each, GivesBack, Replayed, drive},
};
use mapped::Mapped;
use slots::{BreakerSlot, RetrySlot, TimeLimit};
use std::{borrow::Cow, fmt, marker::PhantomData, time::Duration};
use story::{Measured, Meter};

mod boxed;
mod builder;
mod cached;
mod custom_order;
mod fallen_back;
mod mapped;
mod registry;
mod settings;
mod slots;
mod story;
#[cfg(feature = "tower")]
mod tower;
mod with;

pub use boxed::BoxPipeline;
pub use custom_order::CustomOrder;
pub use registry::Pipelines;
pub use settings::{BackoffSettings, BreakerSettings, BudgetSettings, LimitSettings, PipelineSettings, RetrySettings};
#[cfg(feature = "tower")]
pub use tower::{PipelineLayer, PipelineService};
pub use with::{Runs, With};

/// Policies around a call, from outside to inside:
///
/// **deadline ► cache ► fallback ► retry (with its budget) ► limits ► breaker ► attempt time-out ► call**
///
/// The deadline is for everything together. An answer that is kept asks nobody. A target is left for the next one only
/// when its retries are used up. A limit is asked for each attempt, so that a call that waits between two
/// attempts holds no place. The breaker judges each attempt, and stands outside the time limit, so that it sees calls
/// that hang. Say the places in any order; each can be said once:
///
/// ```
/// use std::time::Duration;
/// use steadfast::{Breaker, Budget, Call, CancelToken, Error, Pipeline, Retry};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Error> {
/// let chat = Pipeline::named("chat")
///     .deadline(Duration::from_secs(60))
///     .retry(Retry::exponential(Duration::from_millis(250)).budget(Budget::default()))
///     .breaker(Breaker::consecutive(5).named("upstream"))
///     .attempt_timeout(Duration::from_secs(20));
///
/// let call = Call::new("chat", &CancelToken::root("program"));
/// let outcome = chat.run(&call, |_| async { Ok("hello") }).await?;
/// assert_eq!((outcome.value, outcome.attempts), ("hello", 1));
/// # Ok(()) }
/// ```
///
/// ```compile_fail
/// use std::time::Duration;
/// use steadfast::Pipeline;
///
/// // The place is taken: there is no such method any more.
/// let twice = Pipeline::named("chat").deadline(Duration::from_secs(1)).deadline(Duration::from_secs(2));
/// ```
///
/// When another order is needed, [`Pipeline::custom_order`] gives it.
#[derive(Clone)]
pub struct Pipeline<E = Error, D = (), C = (), F = (), R = (), L = (), B = (), A = ()> {
    name: Cow<'static, str>,
    deadline: D,
    cache: C,
    fallback: F,
    retry: R,
    limits: L,
    breaker: B,
    attempt_timeout: A,
    error: PhantomData<fn() -> E>,
}

impl Pipeline {
    /// An empty pipeline whose work fails with [`Error`].
    ///
    /// ```
    /// use steadfast::{Call, CancelToken, Error, Failed, Pipeline};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let weather = Pipeline::named("weather");
    /// let call = Call::new("fetch", &CancelToken::root("program"));
    /// // Nobody said how often to try, so it is once.
    /// let failed = weather.run(&call, |_| async { Err::<(), _>(Error::connection_lost("weather")) }).await;
    /// assert!(matches!(failed, Err(Failed::Inner { attempts: 1, .. })));
    /// # }
    /// ```
    pub fn named(name: impl Into<Cow<'static, str>>) -> Self {
        Self::for_error(name)
    }

    /// An empty pipeline whose work fails with an error type of your own; its guidance can be derived.
    ///
    /// ```
    /// use std::time::Duration;
    /// use steadfast::{Call, CancelToken, Classify, Failed, Pipeline, Retry};
    ///
    /// #[derive(Debug, Classify, thiserror::Error)]
    /// enum ShopError {
    ///     #[error("the shop is full")]
    ///     #[guide(retry, blame = target)]
    ///     Full,
    ///     #[error("the shop has no such book")]
    ///     #[guide(never)]
    ///     NoSuchBook,
    /// }
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let shop = Pipeline::for_error::<ShopError>("shop").retry(Retry::fixed(Duration::from_millis(1)));
    /// let call = Call::new("buy", &CancelToken::root("program"));
    /// let failed = shop
    ///     .run(&call, |attempt| async move {
    ///         if attempt.number == 1 { Err(ShopError::Full)? }
    ///         Err::<(), _>(ShopError::NoSuchBook)
    ///     })
    ///     .await;
    /// assert!(matches!(failed, Err(Failed::Inner { error: ShopError::NoSuchBook, attempts: 2 })));
    /// # }
    /// ```
    pub fn for_error<E>(name: impl Into<Cow<'static, str>>) -> Pipeline<E> {
        Pipeline {
            name: name.into(),
            deadline: (),
            cache: (),
            fallback: (),
            retry: (),
            limits: (),
            breaker: (),
            attempt_timeout: (),
            error: PhantomData,
        }
    }
}

impl<E, D, C, F, R, L, B, A> Pipeline<E, D, C, F, R, L, B, A> {
    /// What it is called, in the registry and in settings.
    ///
    /// ```
    /// assert_eq!(steadfast::Pipeline::named("weather").name(), "weather");
    /// ```
    pub fn name(&self) -> &str {
        &self.name
    }
}

/// Using it. The future does nothing before it is polled; dropping it drops the attempt and gives every place back.
impl<E, D, R, L, B, A> Pipeline<E, D, (), (), R, L, B, A>
where
    E: Classify + fmt::Display,
    D: TimeLimit,
    R: RetrySlot,
    L: Around,
    B: BreakerSlot,
    A: TimeLimit,
{
    /// Runs `work` through all places. The attempts' futures are dropped when the time is over or the call is
    /// cancelled, so they must be cancel safe. What is done at the very end of the time counts as done. Fails with the
    /// work's error of the last attempt, or with the word of the policy that ended it: [`Failed`] keeps them apart.
    ///
    /// ```
    /// use std::time::Duration;
    /// use steadfast::{Call, CancelToken, Error, Failed, Pipeline};
    ///
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() {
    /// let weather = Pipeline::named("weather").attempt_timeout(Duration::from_secs(2));
    /// let call = Call::new("fetch", &CancelToken::root("program"));
    /// let answer = weather.run(&call, |_| std::future::pending::<Result<&str, Error>>()).await;
    /// let said = match answer {
    ///     Ok(outcome) => outcome.value.to_owned(),
    ///     Err(Failed::Inner { error, attempts }) => format!("{error} ({attempts} attempts)"),
    ///     Err(Failed::TimedOut(after)) => format!("no answer within {after:?}"),
    ///     Err(stopped) => stopped.to_string(), // refused or cancelled
    /// };
    /// assert_eq!(said, "no answer within 2s");
    /// # }
    /// ```
    pub async fn run<T, F, Fut>(&self, call: &Call, work: F) -> Result<Outcome<T>, Failed<E>>
    where
        F: FnMut(Attempt) -> Fut,
        Fut: Future<Output = Result<T, E>>,
        R::When: Again<T>,
    {
        let held = Held::new(call, self.deadline.limit());
        self.attempts(held.call(), work).await
    }

    /// `run` for work that needs an input of its own in each attempt, as [`Retry::run_with`](crate::Retry::run_with).
    ///
    /// ```
    /// use std::time::Duration;
    /// use steadfast::{Call, CancelToken, Error, Pipeline, Retry};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Error> {
    /// let shop = Pipeline::named("shop").retry(Retry::fixed(Duration::from_millis(1)));
    /// let call = Call::new("buy", &CancelToken::root("program"));
    /// let bought = shop
    ///     .run_with(&call, "Emma".to_owned(), |attempt, book: String| async move {
    ///         if attempt.number == 1 { Err(Error::connection_lost("shop")) } else { Ok(book) }
    ///     })
    ///     .await?;
    /// assert_eq!((bought.value.as_str(), bought.attempts), ("Emma", 2));
    /// # Ok(()) }
    /// ```
    pub async fn run_with<T, I, F, Fut>(&self, call: &Call, input: I, mut work: F) -> Result<Outcome<T>, Failed<E>>
    where
        I: Replay,
        F: FnMut(Attempt, I) -> Fut,
        Fut: Future<Output = Result<T, E>>,
        R::When: Again<T>,
    {
        let held = Held::new(call, self.deadline.limit());
        let (call, meter) = (held.call(), Meter::new(call.clock()));
        let attempts = Replayed::new(input, |attempt, input| {
            meter.measure(self.inside_of(&self.breaker, call, Mapped::new(work(attempt, input), Inside::of)))
        });
        let ran = drive(self.retry.parts(), call, &mut Measured::new(&meter, attempts)).await;
        story::tell(ran, &meter)
    }

    /// `run_with` for an input that failing work gives back, as [`Retry::run_giving_back`](crate::Retry::run_giving_back).
    ///
    /// ```
    /// use std::time::Duration;
    /// use steadfast::{Call, CancelToken, Error, Failed, GivenBack, Pipeline, Retry};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// struct Letter; // no Clone
    /// let post = Pipeline::named("post").retry(Retry::fixed(Duration::from_millis(1)).max_attempts(5));
    /// let call = Call::new("send", &CancelToken::root("program"));
    /// let failed = post
    ///     .run_giving_back(&call, Letter, |attempt, letter: Letter| async move {
    ///         match attempt.number {
    ///             1 => Err::<(), _>(GivenBack::whole(Error::unavailable("box"), letter)),
    ///             _ => Err(GivenBack::spent(Error::connection_lost("box"))),
    ///         }
    ///     })
    ///     .await;
    /// // Nothing was left to send a third time.
    /// assert!(matches!(failed, Err(Failed::Inner { attempts: 2, .. })));
    /// # }
    /// ```
    pub async fn run_giving_back<T, I, F, Fut>(
        &self,
        call: &Call,
        input: I,
        mut work: F,
    ) -> Result<Outcome<T>, Failed<E>>
    where
        F: FnMut(Attempt, I) -> Fut,
        Fut: Future<Output = Result<T, GivenBack<E, I>>>,
        R::When: Again<T>,
    {
        let held = Held::new(call, self.deadline.limit());
        let (call, meter, failed) = (held.call(), Meter::new(call.clock()), Inside::given_back);
        let attempts = GivesBack::new(input, |attempt, input| {
            meter.measure(self.inside_of(&self.breaker, call, Mapped::new(work(attempt, input), failed)))
        });
        let ran = drive(self.retry.parts(), call, &mut Measured::new(&meter, attempts)).await;
        story::tell(ran, &meter)
    }
}

impl<E, D, C, R, L, B, A> Pipeline<E, D, C, (), R, L, B, A>
where
    E: Classify + fmt::Display,
    R: RetrySlot,
    L: Around,
    B: BreakerSlot,
    A: TimeLimit,
{
    /// Everything from the retry inwards, with the deadline on the call.
    async fn attempts<T, F, Fut>(&self, call: &Call, mut work: F) -> Result<Outcome<T>, Failed<E>>
    where
        F: FnMut(Attempt) -> Fut,
        Fut: Future<Output = Result<T, E>>,
        R::When: Again<T>,
    {
        let meter = Meter::new(call.clock());
        let attempts =
            Each(|attempt| meter.measure(self.inside_of(&self.breaker, call, Mapped::new(work(attempt), Inside::of))));
        let ran = drive(self.retry.parts(), call, &mut Measured::new(&meter, attempts)).await;
        story::tell(ran, &meter)
    }
}

impl<E, D, C, F, R, L, B, A> Pipeline<E, D, C, F, R, L, B, A>
where
    L: Around,
    A: TimeLimit,
{
    /// One attempt. Only the innermost future watches the token and the clock, for all of them.
    fn inside_of<'a, S: BreakerSlot, W: TryFuture>(
        &'a self,
        breaker: &'a S,
        call: &'a Call,
        work: W,
    ) -> L::Future<'a, S::Future<'a, Bounded<'a, W>>> {
        self.limits.around(call, breaker.guard(call, Bounded::new(call, self.attempt_timeout.limit(), work)))
    }
}

impl<E, D, C, F, R, L, B, A> fmt::Debug for Pipeline<E, D, C, F, R, L, B, A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pipeline").field("name", &self.name).finish_non_exhaustive()
    }
}

/// The call as the places see it: the caller's, or a copy with the earlier deadline.
enum Held<'a> {
    Given(&'a Call),
    Own(Call),
}

impl<'a> Held<'a> {
    fn new(call: &'a Call, deadline: Option<Duration>) -> Self {
        match deadline {
            None => Self::Given(call),
            Some(limit) => Self::Own(call.clone().with_deadline(Deadline::after(call.clock(), limit))),
        }
    }

    fn call(&self) -> &Call {
        match self {
            Self::Given(call) => call,
            Self::Own(call) => call,
        }
    }
}
