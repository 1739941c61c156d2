//! The one-line entry: `fetch.with(&pipeline, &call).await`.

use super::{
    BoxPipeline, CustomOrder, Pipeline,
    slots::{BreakerSlot, RetrySlot, TimeLimit},
};
use crate::{Again, Around, Attempt, Call, Classify, Failed, Outcome};
use std::fmt;

/// Something that runs work: a pipeline of any kind.
///
/// ```
/// use steadfast::{Call, CancelToken, Error, Pipeline, Runs};
///
/// async fn fetch(inside: &impl Runs<&'static str, Error>, call: &Call) -> Result<&'static str, Error> {
///     Ok(inside.run_work(call, |_| async { Ok("sunny") }).await?.value)
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Error> {
/// let call = Call::new("fetch", &CancelToken::root("program"));
/// let weather = Pipeline::named("weather");
/// assert_eq!(fetch(&weather, &call).await?, "sunny");
/// assert_eq!(fetch(&weather.boxed(), &call).await?, "sunny");
/// # Ok(()) }
/// ```
pub trait Runs<T, E> {
    /// As [`Pipeline::run`].
    fn run_work<F, Fut>(&self, call: &Call, work: F) -> impl Future<Output = Result<Outcome<T>, Failed<E>>>
    where
        F: FnMut(Attempt) -> Fut,
        Fut: Future<Output = Result<T, E>>;
}

/// Puts an async function, or a closure that makes futures, into a pipeline.
///
/// ```
/// use std::time::Duration;
/// use steadfast::{Call, CancelToken, Error, Pipeline, Retry, With};
///
/// async fn fetch() -> Result<&'static str, Error> {
///     Ok("hello")
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Error> {
/// let pipeline = Pipeline::named("fetch").retry(Retry::fixed(Duration::from_millis(1)));
/// let call = Call::new("fetch", &CancelToken::root("program"));
/// assert_eq!(fetch.with(&pipeline, &call).await?.value, "hello");
/// # Ok(()) }
/// ```
pub trait With<T, E>: Sized {
    /// Runs it in `pipeline`, once for each attempt.
    fn with<P: Runs<T, E>>(self, pipeline: &P, call: &Call) -> impl Future<Output = Result<Outcome<T>, Failed<E>>>;
}

impl<T, E, F, Fut> With<T, E> for F
where
    F: FnMut() -> Fut,
    Fut: Future<Output = Result<T, E>>,
{
    fn with<P: Runs<T, E>>(mut self, pipeline: &P, call: &Call) -> impl Future<Output = Result<Outcome<T>, Failed<E>>> {
        pipeline.run_work(call, move |_| self())
    }
}

impl<T, E, D, R, L, B, A> Runs<T, E> for Pipeline<E, D, (), (), R, L, B, A>
where
    E: Classify + fmt::Display,
    D: TimeLimit,
    R: RetrySlot,
    R::When: Again<T>,
    L: Around,
    B: BreakerSlot,
    A: TimeLimit,
{
    fn run_work<F, Fut>(&self, call: &Call, work: F) -> impl Future<Output = Result<Outcome<T>, Failed<E>>>
    where
        F: FnMut(Attempt) -> Fut,
        Fut: Future<Output = Result<T, E>>,
    {
        self.run(call, work)
    }
}

impl<T, E, O, R, I> Runs<T, E> for CustomOrder<E, O, R, I>
where
    E: Classify + fmt::Display,
    O: Around,
    R: RetrySlot,
    R::When: Again<T>,
    I: Around,
{
    fn run_work<F, Fut>(&self, call: &Call, work: F) -> impl Future<Output = Result<Outcome<T>, Failed<E>>>
    where
        F: FnMut(Attempt) -> Fut,
        Fut: Future<Output = Result<T, E>>,
    {
        self.run(call, work)
    }
}

impl<T, E: Classify + fmt::Display> Runs<T, E> for BoxPipeline<E> {
    fn run_work<F, Fut>(&self, call: &Call, work: F) -> impl Future<Output = Result<Outcome<T>, Failed<E>>>
    where
        F: FnMut(Attempt) -> Fut,
        Fut: Future<Output = Result<T, E>>,
    {
        self.run(call, work)
    }
}
