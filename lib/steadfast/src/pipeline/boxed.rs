//! A pipeline that can be kept in a field, made from settings and changed while it is in use. It is one type whatever
//! it holds; the price is a lock for reading and a reference count for each run.

use super::{
    Pipeline, PipelineSettings,
    settings::Limits,
    slots::{BreakerSlot, RetrySlot, TimeLimit},
};
use crate::{Attempt, Breaker, Budget, Call, Classify, Clock, Error, Failed, GivenBack, Outcome, Replay, Retry};
use std::{
    borrow::Cow,
    fmt,
    marker::PhantomData,
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

/// A pipeline of settings. Clones are the same pipeline, also for [`BoxPipeline::reload`].
///
/// ```
/// use steadfast::{BoxPipeline, BreakerSettings, Call, CancelToken, Clock, Error, PipelineSettings};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Error> {
/// let settings = PipelineSettings { breaker: Some(BreakerSettings::default()), ..Default::default() };
/// let shop = BoxPipeline::new("shop", &settings, &Clock::real())?;
/// let call = Call::new("buy", &CancelToken::root("program"));
/// assert_eq!(shop.run(&call, |_| async { Ok("a book") }).await?.value, "a book");
///
/// // From now on there is a deadline too; the breaker goes on counting where it was.
/// shop.reload(&PipelineSettings { deadline_ms: Some(5_000), ..settings })?;
/// # Ok(()) }
/// ```
pub struct BoxPipeline<E = Error> {
    shared: Arc<Shared<E>>,
}

struct Shared<E> {
    name: Cow<'static, str>,
    clock: Clock,
    current: RwLock<Arc<Current<E>>>,
}

struct Current<E> {
    /// What it was made of; a pipeline that was written in code knows no settings.
    settings: PipelineSettings,
    pipeline: Open<E>,
}

type Open<E> = Pipeline<E, Option<Duration>, (), (), Option<Retry>, Limits, Option<Breaker>, Option<Duration>>;

impl<E> BoxPipeline<E> {
    /// A pipeline of these settings, its breaker and budget on `clock`; an error that names everything that makes no
    /// sense.
    pub fn new(name: impl Into<Cow<'static, str>>, settings: &PipelineSettings, clock: &Clock) -> Result<Self, Error> {
        let name = name.into();
        settings.check(&name)?;
        let current = Current::new(&name, settings, clock, None);
        Ok(Self::of(name, clock.clone(), current))
    }

    fn of(name: Cow<'static, str>, clock: Clock, current: Current<E>) -> Self {
        Self { shared: Arc::new(Shared { name, clock, current: RwLock::new(Arc::new(current)) }) }
    }

    /// Goes on with other settings. What is under way ends as it began. A breaker, a budget or limits whose own numbers
    /// stay as they are keep their counters; those with other numbers begin anew. Settings that make no sense change nothing.
    pub fn reload(&self, settings: &PipelineSettings) -> Result<(), Error> {
        settings.check(&self.shared.name)?;
        let mut current = self.shared.current.write().unwrap_or_else(PoisonError::into_inner);
        *current = Arc::new(Current::new(&self.shared.name, settings, &self.shared.clock, Some(&current)));
        Ok(())
    }

    /// What it is called.
    pub fn name(&self) -> &str {
        &self.shared.name
    }

    /// What it is made of now. A place of a pipeline that was made by [`Pipeline::boxed`] is not told.
    pub fn settings(&self) -> PipelineSettings {
        self.current().settings.clone()
    }

    /// Its breaker now, to be shown or forced.
    pub fn breaker(&self) -> Option<Breaker> {
        self.current().pipeline.breaker.clone()
    }

    /// Its budget now.
    pub fn budget(&self) -> Option<Budget> {
        self.current().budget().cloned()
    }

    fn current(&self) -> Arc<Current<E>> {
        // A change is one assignment, so a poisoned value is still whole.
        Arc::clone(&self.shared.current.read().unwrap_or_else(PoisonError::into_inner))
    }
}

impl<E: Classify + fmt::Display> BoxPipeline<E> {
    /// As [`Pipeline::run`].
    pub async fn run<T, F, Fut>(&self, call: &Call, work: F) -> Result<Outcome<T>, Failed<E>>
    where
        F: FnMut(Attempt) -> Fut,
        Fut: Future<Output = Result<T, E>>,
    {
        let current = self.current();
        current.pipeline.run(call, work).await
    }

    /// As [`Pipeline::run_with`].
    pub async fn run_with<T, I, F, Fut>(&self, call: &Call, input: I, work: F) -> Result<Outcome<T>, Failed<E>>
    where
        I: Replay,
        F: FnMut(Attempt, I) -> Fut,
        Fut: Future<Output = Result<T, E>>,
    {
        let current = self.current();
        current.pipeline.run_with(call, input, work).await
    }

    /// As [`Pipeline::run_giving_back`].
    pub async fn run_giving_back<T, I, F, Fut>(&self, call: &Call, input: I, work: F) -> Result<Outcome<T>, Failed<E>>
    where
        F: FnMut(Attempt, I) -> Fut,
        Fut: Future<Output = Result<T, GivenBack<E, I>>>,
    {
        let current = self.current();
        current.pipeline.run_giving_back(call, input, work).await
    }
}

impl<E, D, R, B, A> Pipeline<E, D, (), (), R, (), B, A>
where
    D: TimeLimit,
    R: RetrySlot<When = ()>,
    B: BreakerSlot,
    A: TimeLimit,
{
    /// The same pipeline as a [`BoxPipeline`], with the same breaker and budget; for pipelines without limits and
    /// without a predicate on values. What a later reload makes anew lives on the real clock.
    pub fn boxed(&self) -> BoxPipeline<E> {
        let pipeline = Pipeline {
            name: self.name.clone(),
            deadline: self.deadline.limit(),
            cache: (),
            fallback: (),
            retry: self.retry.parts().map(|(plan, ())| Retry::of(plan.clone())),
            limits: Limits::default(),
            breaker: self.breaker.handle().cloned(),
            attempt_timeout: self.attempt_timeout.limit(),
            error: PhantomData,
        };
        let current = Current { settings: PipelineSettings::default(), pipeline };
        BoxPipeline::of(self.name.clone(), Clock::real(), current)
    }
}

impl<E> Current<E> {
    fn new(name: &str, settings: &PipelineSettings, clock: &Clock, last: Option<&Self>) -> Self {
        let budget = settings.retry.as_ref().and_then(|retry| retry.budget).map(|numbers| {
            let kept = last.filter(|last| last.settings.budget() == Some(numbers)).and_then(Self::budget);
            kept.cloned().unwrap_or_else(|| numbers.build(name, clock))
        });
        let limits = settings.limits.map(|numbers| {
            let kept = last.filter(|last| last.settings.limits == Some(numbers));
            kept.map_or_else(|| numbers.build(name, clock), |last| last.pipeline.limits.clone())
        });
        let breaker = settings.breaker.map(|numbers| {
            let kept = last.filter(|last| last.settings.breaker == Some(numbers));
            let kept = kept.and_then(|last| last.pipeline.breaker.clone());
            kept.unwrap_or_else(|| numbers.build(name, clock))
        });
        let pipeline = Pipeline {
            name: name.to_owned().into(),
            deadline: settings.deadline_ms.map(Duration::from_millis),
            cache: (),
            fallback: (),
            retry: settings.retry.as_ref().map(|retry| retry.build(budget)),
            limits: limits.unwrap_or_default(),
            breaker,
            attempt_timeout: settings.attempt_timeout_ms.map(Duration::from_millis),
            error: PhantomData,
        };
        Self { settings: settings.clone(), pipeline }
    }

    fn budget(&self) -> Option<&Budget> {
        self.pipeline.retry.parts().and_then(|(plan, ())| plan.budget.as_ref())
    }
}

impl<E> Clone for BoxPipeline<E> {
    fn clone(&self) -> Self {
        Self { shared: Arc::clone(&self.shared) }
    }
}

impl<E> fmt::Debug for BoxPipeline<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let current = self.current();
        f.debug_struct("BoxPipeline").field("name", &self.name()).field("settings", &current.settings).finish()
    }
}
