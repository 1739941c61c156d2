//! Pipelines with a chain of targets: everything further in happens once for each target that is asked.

use super::{
    Held, Pipeline,
    mapped::Mapped,
    slots::{BreakerFor, RetrySlot, TimeLimit},
    story::{Measured, Meter},
};
use crate::{
    Again, Around, Attempt, Call, Classify, Degraded, Failed, Fallback, Outcome,
    outcome::Inside,
    policies::{Each, drive},
};
use std::{
    fmt,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU32, Ordering},
    },
};

/// Using it, with a chain.
impl<E, D, T, R, L, B, A> Pipeline<E, D, (), Fallback<T>, R, L, B, A>
where
    E: Classify + fmt::Display,
    D: TimeLimit,
    T: fmt::Display,
    R: RetrySlot,
    L: Around,
    B: BreakerFor<T>,
    A: TimeLimit,
{
    /// Runs `work` through all places, for one target after the other until one serves ([`Fallback::run`]). The
    /// outcome says who did, and counts the attempts of all. The attempts' futures are dropped when the time is over
    /// or the call is cancelled, so they must be cancel safe.
    ///
    /// ```
    /// use std::time::Duration;
    /// use steadfast::{Breaker, Breakers, Call, CancelToken, Degraded, Error, Pipeline, Ranked, Retry};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Error> {
    /// let weather = Pipeline::named("weather")
    ///     .deadline(Duration::from_secs(10))
    ///     .fallback(Ranked::new(["near", "far"]).explore(0.0))
    ///     .retry(Retry::fixed(Duration::from_millis(1)).max_attempts(2))
    ///     .breakers(Breakers::new(Breaker::consecutive(5).named("station")));
    ///
    /// let call = Call::new("weather", &CancelToken::root("program"));
    /// let outcome = weather
    ///     .run(&call, |station, _attempt| async move {
    ///         if *station == "near" { Err(Error::unavailable("near")) } else { Ok("sunny") }
    ///     })
    ///     .await?;
    /// assert_eq!((outcome.value, outcome.served_by.as_deref(), outcome.attempts), ("sunny", Some("far"), 3));
    /// assert_eq!(outcome.degraded, Some(Degraded::Fallback));
    /// # Ok(()) }
    /// ```
    pub async fn run<'a, V, W, Fut>(&'a self, call: &Call, work: W) -> Result<Outcome<V>, Failed<E>>
    where
        W: FnMut(&'a T, Attempt) -> Fut,
        Fut: Future<Output = Result<V, E>>,
        R::When: Again<V>,
    {
        let held = Held::new(call, self.deadline.limit());
        self.along(held.call(), work).await
    }
}

impl<E, D, C, T, R, L, B, A> Pipeline<E, D, C, Fallback<T>, R, L, B, A>
where
    E: Classify + fmt::Display,
    T: fmt::Display,
    R: RetrySlot,
    L: Around,
    B: BreakerFor<T>,
    A: TimeLimit,
{
    /// Along the chain, with the deadline on the call.
    pub(super) async fn along<'a, V, W, Fut>(&'a self, call: &Call, work: W) -> Result<Outcome<V>, Failed<E>>
    where
        W: FnMut(&'a T, Attempt) -> Fut,
        Fut: Future<Output = Result<V, E>>,
        R::When: Again<V>,
    {
        let (meter, asked) = (Meter::new(call.clock()), AtomicU32::new(0));
        // One target is asked at a time; the lock is there because each of their futures needs the closure.
        let work = Mutex::new(work);
        let (meter, asked, work) = (&meter, &asked, &work);
        let ask = |target, _| async move {
            let breaker = self.breaker.of(target);
            let attempts = Each(|attempt| {
                let work = work.lock().unwrap_or_else(PoisonError::into_inner)(target, attempt);
                meter.measure(self.inside_of(&breaker, call, Mapped::new(work, Inside::of)))
            });
            let ran = drive(self.retry.parts(), call, &mut Measured::new(meter, attempts)).await;
            asked.fetch_add(ran.attempts, Ordering::Relaxed);
            ran.output
        };
        let served = self.fallback.around(call, ask).await;
        let attempts = asked.load(Ordering::Relaxed);
        let served = served.map_err(|failed| failed.out().after(attempts))?;
        Ok(Outcome {
            served_by: Some(served.by.to_string().into()),
            degraded: served.degraded.then_some(Degraded::Fallback),
            time: meter.read(),
            ..Outcome::new(served.value, attempts)
        })
    }
}
