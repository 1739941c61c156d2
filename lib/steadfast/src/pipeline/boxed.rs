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
    ///
    /// ```
    /// use steadfast::{BoxPipeline, Clock, Error, PipelineSettings};
    ///
    /// let settings =
    ///     PipelineSettings { deadline_ms: Some(0), attempt_timeout_ms: Some(0), ..PipelineSettings::default() };
    /// let error = BoxPipeline::<Error>::new("shop", &settings, &Clock::real()).unwrap_err();
    /// assert_eq!(error.message(), "The pipeline shop is not valid: deadline_ms is 0, attempt_timeout_ms is 0.");
    /// ```
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
    ///
    /// ```
    /// use steadfast::{BoxPipeline, BreakerSettings, Clock, Error, PipelineSettings};
    ///
    /// let numbers = BreakerSettings::default();
    /// let settings = PipelineSettings { breaker: Some(numbers), ..PipelineSettings::default() };
    /// let shop = BoxPipeline::<Error>::new("shop", &settings, &Clock::real())?;
    /// let breaker = shop.breaker().unwrap();
    /// breaker.force_open();
    ///
    /// shop.reload(&PipelineSettings { deadline_ms: Some(5_000), ..settings.clone() })?;
    /// assert!(shop.breaker().unwrap().enter().is_err()); // the same breaker
    /// shop.reload(&PipelineSettings { breaker: Some(BreakerSettings { failures: 3, ..numbers }), ..settings })?;
    /// assert!(shop.breaker().unwrap().enter().is_ok()); // a new one, closed
    /// # Ok::<(), Error>(())
    /// ```
    pub fn reload(&self, settings: &PipelineSettings) -> Result<(), Error> {
        settings.check(&self.shared.name)?;
        let mut current = self.shared.current.write().unwrap_or_else(PoisonError::into_inner);
        *current = Arc::new(Current::new(&self.shared.name, settings, &self.shared.clock, Some(&current)));
        Ok(())
    }

    /// What it is called.
    ///
    /// ```
    /// assert_eq!(steadfast::Pipeline::named("shop").boxed().name(), "shop");
    /// ```
    pub fn name(&self) -> &str {
        &self.shared.name
    }

    /// What it is made of now. A place of a pipeline that was made by [`Pipeline::boxed`] is not told. The first reload
    /// replaces all that was written in code.
    ///
    /// ```
    /// use std::time::Duration;
    /// use steadfast::{Error, Pipeline, PipelineSettings};
    ///
    /// let shop = Pipeline::named("shop").deadline(Duration::from_secs(5)).boxed();
    /// assert_eq!(shop.settings().deadline_ms, None);
    /// shop.reload(&PipelineSettings { deadline_ms: Some(8_000), ..PipelineSettings::default() })?;
    /// assert_eq!(shop.settings().deadline_ms, Some(8_000));
    /// # Ok::<(), Error>(())
    /// ```
    pub fn settings(&self) -> PipelineSettings {
        self.current().settings.clone()
    }

    /// Its breaker now, to be shown or forced. A reload with other numbers leaves this handle behind, so ask anew.
    ///
    /// ```
    /// use steadfast::{Breaker, Call, CancelToken, Failed, Pipeline};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let shop = Pipeline::named("shop").breaker(Breaker::consecutive(5)).boxed();
    /// let breaker = shop.breaker().unwrap();
    /// breaker.force_open();
    /// let call = Call::new("buy", &CancelToken::root("program"));
    /// let refused = shop.run(&call, |_| async { Ok("Emma") }).await;
    /// assert!(matches!(refused, Err(Failed::Rejected(_))));
    /// # }
    /// ```
    pub fn breaker(&self) -> Option<Breaker> {
        self.current().pipeline.breaker.clone()
    }

    /// Its budget now. A reload with other numbers leaves this handle behind, so ask anew.
    ///
    /// ```
    /// use std::time::Duration;
    /// use steadfast::{Budget, Call, CancelToken, Error, Failed, Pipeline, Retry};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let retry = Retry::fixed(Duration::from_millis(1)).budget(Budget::tokens(20));
    /// let shop = Pipeline::named("shop").retry(retry).boxed();
    /// let call = Call::new("buy", &CancelToken::root("program"));
    /// let failed = shop.run(&call, |_| async { Err::<(), _>(Error::connection_lost("shop")) }).await;
    /// // A retry costs 14: there was room for one.
    /// assert!(matches!(failed, Err(Failed::Inner { attempts: 2, .. })));
    /// assert_eq!(shop.budget().map(|budget| budget.available()), Some(6));
    /// # }
    /// ```
    pub fn budget(&self) -> Option<Budget> {
        self.current().budget().cloned()
    }

    fn current(&self) -> Arc<Current<E>> {
        // A change is one assignment, so a poisoned value is still whole.
        Arc::clone(&self.shared.current.read().unwrap_or_else(PoisonError::into_inner))
    }
}

impl<E: Classify + fmt::Display> BoxPipeline<E> {
    /// As [`Pipeline::run`]. A reload meanwhile does not touch it.
    ///
    /// ```
    /// use std::time::Duration;
    /// use steadfast::{BoxPipeline, Call, CancelToken, Error, Pipeline};
    ///
    /// struct Shop {
    ///     calls: BoxPipeline, // no list of policies in the type
    /// }
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Error> {
    /// let shop = Shop { calls: Pipeline::named("shop").deadline(Duration::from_secs(5)).boxed() };
    /// let call = Call::new("buy", &CancelToken::root("program"));
    /// assert_eq!(shop.calls.run(&call, |_| async { Ok("Emma") }).await?.value, "Emma");
    /// # Ok(()) }
    /// ```
    pub async fn run<T, F, Fut>(&self, call: &Call, work: F) -> Result<Outcome<T>, Failed<E>>
    where
        F: FnMut(Attempt) -> Fut,
        Fut: Future<Output = Result<T, E>>,
    {
        let current = self.current();
        current.pipeline.run(call, work).await
    }

    /// As [`Pipeline::run_with`].
    ///
    /// ```
    /// use std::time::Duration;
    /// use steadfast::{Call, CancelToken, Error, Pipeline, Retry};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Error> {
    /// let disk = Pipeline::named("disk").retry(Retry::fixed(Duration::from_millis(1))).boxed();
    /// let call = Call::new("store", &CancelToken::root("program"));
    /// let stored = disk
    ///     .run_with(&call, vec![1, 2, 3], |attempt, bytes| async move {
    ///         if attempt.number == 1 { Err(Error::connection_lost("disk")) } else { Ok(bytes.len()) }
    ///     })
    ///     .await?;
    /// assert_eq!((stored.value, stored.attempts), (3, 2));
    /// # Ok(()) }
    /// ```
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
    ///
    /// ```
    /// use std::time::Duration;
    /// use steadfast::{Call, CancelToken, Error, GivenBack, Pipeline, Retry};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Error> {
    /// struct Letter; // no Clone
    /// let post = Pipeline::named("post").retry(Retry::fixed(Duration::from_millis(1))).boxed();
    /// let call = Call::new("send", &CancelToken::root("program"));
    /// let sent = post
    ///     .run_giving_back(&call, Letter, |attempt, letter: Letter| async move {
    ///         if attempt.number > 1 { Ok("sent") } else { Err(GivenBack::whole(Error::unavailable("box"), letter)) }
    ///     })
    ///     .await?;
    /// assert_eq!((sent.value, sent.attempts), ("sent", 2));
    /// # Ok(()) }
    /// ```
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
    ///
    /// ```
    /// use steadfast::{Breaker, Pipeline};
    ///
    /// let breaker = Breaker::consecutive(5);
    /// let guarded = Pipeline::named("guarded").breaker(breaker.clone());
    /// let kept = [guarded.boxed(), Pipeline::named("bare").boxed()]; // one type
    /// breaker.force_open();
    /// assert!(kept[0].breaker().unwrap().enter().is_err()); // the same breaker
    /// assert!(kept[1].breaker().is_none());
    /// ```
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
