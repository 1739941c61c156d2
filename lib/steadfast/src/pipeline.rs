//! All policies in one value, each in a named place, the places in the one order that is right. It holds no policy's
//! state: breakers and budgets are handles, and the same handle in two pipelines is shared. Surprise: a place that
//! is not used is of type `()` and costs nothing.

use crate::{
    Again, Around, Attempt, Breaker, Call, Classify, Deadline, Error, Failed, GivenBack, Outcome, Replay, Retry,
    call::Bounded,
    error::Fault,
    outcome::Inside,
    policies::{Each, GivesBack, Replayed, drive},
};
use mapped::Mapped;
use slots::{BreakerSlot, RetrySlot, TimeLimit};
use std::{borrow::Cow, fmt, marker::PhantomData, time::Duration};
use story::{Measured, Meter};

mod boxed;
mod custom_order;
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
pub use settings::{BackoffSettings, BreakerSettings, BudgetSettings, PipelineSettings, RetrySettings};
#[cfg(feature = "tower")]
pub use tower::{PipelineLayer, PipelineService};
pub use with::{Runs, With};

/// Policies around a call, from outside to inside:
///
/// **deadline ► retry (with its budget) ► limits ► breaker ► attempt time-out ► call**
///
/// The deadline is for everything together. A limit is asked for each attempt, so that a call that waits between two
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
pub struct Pipeline<E = Error, D = (), R = (), L = (), B = (), A = ()> {
    name: Cow<'static, str>,
    deadline: D,
    retry: R,
    limits: L,
    breaker: B,
    attempt_timeout: A,
    error: PhantomData<fn() -> E>,
}

impl Pipeline {
    /// An empty pipeline whose work fails with [`Error`].
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
            retry: (),
            limits: (),
            breaker: (),
            attempt_timeout: (),
            error: PhantomData,
        }
    }
}

impl<E, D, R, L, B, A> Pipeline<E, D, R, L, B, A> {
    /// What it is called, in the registry and in settings.
    pub fn name(&self) -> &str {
        &self.name
    }
}

impl<E, R, L, B, A> Pipeline<E, (), R, L, B, A> {
    /// How long everything together may take, from the start of a run; the call's own deadline stays when it is
    /// earlier. It costs a look at the clock and a copy of the call in each run. The work does not see it: what has to
    /// be handed on to others belongs on the [`Call`].
    #[must_use]
    pub fn deadline(self, deadline: Duration) -> Pipeline<E, Duration, R, L, B, A> {
        let Self { name, deadline: (), retry, limits, breaker, attempt_timeout, error } = self;
        Pipeline { name, deadline, retry, limits, breaker, attempt_timeout, error }
    }
}

impl<E, D, L, B, A> Pipeline<E, D, (), L, B, A> {
    /// When and how often to try again.
    #[must_use]
    pub fn retry<W>(self, retry: Retry<W>) -> Pipeline<E, D, Retry<W>, L, B, A> {
        let Self { name, deadline, retry: (), limits, breaker, attempt_timeout, error } = self;
        Pipeline { name, deadline, retry, limits, breaker, attempt_timeout, error }
    }
}

impl<E, D, R, B, A> Pipeline<E, D, R, (), B, A> {
    /// What each attempt has to pass: a limit, or several as a tuple, the first one outside.
    #[must_use]
    pub fn limits<L: Around>(self, limits: L) -> Pipeline<E, D, R, L, B, A> {
        let Self { name, deadline, retry, limits: (), breaker, attempt_timeout, error } = self;
        Pipeline { name, deadline, retry, limits, breaker, attempt_timeout, error }
    }
}

impl<E, D, R, L, A> Pipeline<E, D, R, L, (), A> {
    /// What stops calling a target that keeps failing. Give a clone of the breaker that the target's other callers use.
    #[must_use]
    pub fn breaker(self, breaker: Breaker) -> Pipeline<E, D, R, L, Breaker, A> {
        let Self { name, deadline, retry, limits, breaker: (), attempt_timeout, error } = self;
        Pipeline { name, deadline, retry, limits, breaker, attempt_timeout, error }
    }
}

impl<E, D, R, L, B> Pipeline<E, D, R, L, B, ()> {
    /// How long one attempt may take, from the moment when it first has to wait. Waiting for a limit's place does not
    /// count.
    #[must_use]
    pub fn attempt_timeout(self, attempt_timeout: Duration) -> Pipeline<E, D, R, L, B, Duration> {
        let Self { name, deadline, retry, limits, breaker, attempt_timeout: (), error } = self;
        Pipeline { name, deadline, retry, limits, breaker, attempt_timeout, error }
    }
}

/// Using it. The future does nothing before it is polled; dropping it drops the attempt and gives every place back.
impl<E, D, R, L, B, A> Pipeline<E, D, R, L, B, A>
where
    E: Classify + fmt::Display,
    D: TimeLimit,
    R: RetrySlot,
    L: Around,
    B: BreakerSlot,
    A: TimeLimit,
{
    /// Runs `work` through all places. The attempts' futures are dropped when the time is over or the call is
    /// cancelled, so they must be cancel safe. What is done at the very end of the time counts as done.
    pub async fn run<T, F, Fut>(&self, call: &Call, mut work: F) -> Result<Outcome<T>, Failed<E>>
    where
        F: FnMut(Attempt) -> Fut,
        Fut: Future<Output = Result<T, E>>,
        R::When: Again<T>,
    {
        let held = Held::new(call, self.deadline.limit());
        let (call, meter) = (held.call(), Meter::new(call.clock()));
        let attempts = Each(|attempt| meter.measure(self.inside(call, Mapped::new(work(attempt), Inside::of))));
        let ran = drive(self.retry.parts(), call, &mut Measured::new(&meter, attempts)).await;
        story::tell(ran, &meter)
    }

    /// `run` for work that needs an input of its own in each attempt, as [`Retry::run_with`].
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
            meter.measure(self.inside(call, Mapped::new(work(attempt, input), Inside::of)))
        });
        let ran = drive(self.retry.parts(), call, &mut Measured::new(&meter, attempts)).await;
        story::tell(ran, &meter)
    }

    /// `run_with` for an input that failing work gives back, as [`Retry::run_giving_back`].
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
            meter.measure(self.inside(call, Mapped::new(work(attempt, input), failed)))
        });
        let ran = drive(self.retry.parts(), call, &mut Measured::new(&meter, attempts)).await;
        story::tell(ran, &meter)
    }

    /// One attempt. Only the innermost future watches the token and the clock, for all of them.
    fn inside<'a, T, X, F>(
        &'a self,
        call: &'a Call,
        work: F,
    ) -> L::Future<'a, T, X, B::Future<'a, T, X, Bounded<'a, F>>>
    where
        X: Fault,
        F: Future<Output = Result<T, X>>,
    {
        let bounded = Bounded::new(call, self.attempt_timeout.limit(), work);
        self.limits.around(call, self.breaker.guard(call, bounded))
    }
}

impl<E, D, R, L, B, A> fmt::Debug for Pipeline<E, D, R, L, B, A> {
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
