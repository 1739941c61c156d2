//! The way out of the fixed order: policies in any order, each one inside what was said before. Nobody checks it.

use super::{
    mapped::Mapped,
    slots::RetrySlot,
    story::{Measured, Meter},
};
use crate::{
    Again, Around, Attempt, Call, Classify, Failed, Outcome, Pipeline, Retry,
    call::Bounded,
    error::Fault,
    outcome::Inside,
    policies::{Each, drive},
};
use std::{fmt, marker::PhantomData};

/// Policies in an order of your own; made by [`Pipeline::custom_order`].
///
/// ```
/// use std::time::Duration;
/// use steadfast::{Call, CancelToken, Error, Failed, Pipeline, Retry, Timeout};
///
/// # #[tokio::main(flavor = "current_thread", start_paused = true)]
/// # async fn main() {
/// // The time limit is for all attempts and the waits between them.
/// let hurried = Pipeline::custom_order::<Error>()
///     .around(Timeout::after(Duration::from_secs(3)))
///     .retry(Retry::fixed(Duration::from_secs(2)).max_attempts(9));
/// let call = Call::new("fetch", &CancelToken::root("program"));
/// let failed = hurried.run(&call, |_| async { Err::<(), _>(Error::connection_lost("weather")) }).await;
/// assert!(matches!(failed, Err(Failed::TimedOut(after)) if after == Duration::from_secs(3)));
/// # }
/// ```
pub struct CustomOrder<E, O = (), R = (), I = ()> {
    outside: O,
    retry: R,
    inside: I,
    error: PhantomData<fn() -> E>,
}

impl Pipeline {
    /// Policies in an order of your own, each one inside those before it. At most one of them retries; what comes
    /// before it is passed once, and what comes after it by each attempt. The fixed order is there because most other
    /// orders are mistakes: a breaker outside the retry sees one failure where there were three, and one inside a
    /// time-out never sees a call that hangs end.
    ///
    /// ```
    /// use std::time::Duration;
    /// use steadfast::{Breaker, Call, CancelToken, Error, Pipeline, Retry, Timeout};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Error> {
    /// let odd = Pipeline::custom_order::<Error>()
    ///     .around(Breaker::consecutive(5)) // judges the whole, not each attempt
    ///     .retry(Retry::fixed(Duration::from_millis(1)))
    ///     .around(Timeout::after(Duration::from_secs(1)));
    /// let call = Call::new("fetch", &CancelToken::root("program"));
    /// assert_eq!(odd.run(&call, |_| async { Ok(7) }).await?.value, 7);
    /// # Ok(()) }
    /// ```
    pub fn custom_order<E>() -> CustomOrder<E> {
        CustomOrder { outside: (), retry: (), inside: (), error: PhantomData }
    }
}

impl<E, O> CustomOrder<E, O> {
    /// Puts a policy inside all others. Before [`CustomOrder::retry`] it sees all attempts as one.
    ///
    /// ```
    /// use std::time::Duration;
    /// use steadfast::{Breaker, BreakerState, Call, CancelToken, Error, Pipeline, Retry};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let breaker = Breaker::consecutive(3);
    /// let outside = Pipeline::custom_order::<Error>()
    ///     .around(breaker.clone())
    ///     .retry(Retry::fixed(Duration::from_millis(1)).max_attempts(3));
    /// let call = Call::new("fetch", &CancelToken::root("program"));
    /// let failed = outside.run(&call, |_| async { Err::<(), _>(Error::unavailable("weather")) }).await;
    /// assert!(failed.is_err());
    /// assert_eq!(breaker.state(), BreakerState::Closed); // three attempts, one failure
    /// # }
    /// ```
    #[must_use]
    pub fn around<P: Around>(self, policy: P) -> CustomOrder<E, (O, P)> {
        let Self { outside, retry, inside, error } = self;
        CustomOrder { outside: (outside, policy), retry, inside, error }
    }

    /// From here on everything belongs to one attempt. It can be said once.
    ///
    /// ```
    /// use std::time::Duration;
    /// use steadfast::{Call, CancelToken, Error, Pipeline, Retry, Timeout};
    ///
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() -> Result<(), Error> {
    /// let patient = Pipeline::custom_order::<Error>()
    ///     .retry(Retry::fixed(Duration::from_secs(1)))
    ///     .around(Timeout::after(Duration::from_secs(2))); // for each attempt
    /// let call = Call::new("fetch", &CancelToken::root("program"));
    /// let outcome = patient
    ///     .run(&call, |attempt| async move {
    ///         if attempt.number == 1 { std::future::pending().await } else { Ok("sunny") }
    ///     })
    ///     .await?;
    /// assert_eq!((outcome.value, outcome.attempts), ("sunny", 2));
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn retry<W>(self, retry: Retry<W>) -> CustomOrder<E, O, Retry<W>> {
        let Self { outside, retry: (), inside, error } = self;
        CustomOrder { outside, retry, inside, error }
    }
}

impl<E, O, W, I> CustomOrder<E, O, Retry<W>, I> {
    /// Puts a policy inside all others, around each attempt.
    ///
    /// ```
    /// use std::time::Duration;
    /// use steadfast::{Breaker, BreakerState, Call, CancelToken, Error, Pipeline, Retry};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let breaker = Breaker::consecutive(3);
    /// let inside = Pipeline::custom_order::<Error>()
    ///     .retry(Retry::fixed(Duration::from_millis(1)).max_attempts(3))
    ///     .around(breaker.clone());
    /// let call = Call::new("fetch", &CancelToken::root("program"));
    /// let failed = inside.run(&call, |_| async { Err::<(), _>(Error::unavailable("weather")) }).await;
    /// assert!(failed.is_err());
    /// assert!(matches!(breaker.state(), BreakerState::Open { .. })); // three attempts, three failures
    /// # }
    /// ```
    #[must_use]
    pub fn around<P: Around>(self, policy: P) -> CustomOrder<E, O, Retry<W>, (I, P)> {
        let Self { outside, retry, inside, error } = self;
        CustomOrder { outside, retry, inside: (inside, policy), error }
    }
}

impl<E, O, R, I> CustomOrder<E, O, R, I>
where
    E: Classify + fmt::Display,
    O: Around,
    R: RetrySlot,
    I: Around,
{
    /// Runs `work` inside all of them. The attempts' futures are dropped when the time is over or the call is
    /// cancelled, so they must be cancel safe. Fails as [`Pipeline::run`] does.
    ///
    /// ```
    /// use steadfast::{Bulkhead, Call, CancelReason, CancelToken, Error, Failed, Pipeline};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let root = CancelToken::root("program");
    /// let order = Pipeline::custom_order::<Error>().around(Bulkhead::new(1));
    /// let call = Call::new("fetch", &root);
    /// let never = |_| std::future::pending::<Result<(), Error>>();
    /// let (ended, _) = tokio::join!(order.run(&call, never), async { root.cancel(CancelReason::Shutdown) });
    /// assert!(matches!(ended, Err(Failed::Cancelled(CancelReason::Shutdown))));
    /// # }
    /// ```
    pub async fn run<T, F, Fut>(&self, call: &Call, mut work: F) -> Result<Outcome<T>, Failed<E>>
    where
        F: FnMut(Attempt) -> Fut,
        Fut: Future<Output = Result<T, E>>,
        R::When: Again<T>,
    {
        let meter = Meter::new(call.clock());
        let attempts = Each(|attempt| {
            let bounded = Bounded::new(call, None, Mapped::new(work(attempt), Inside::of));
            meter.measure(self.inside.around(call, bounded))
        });
        let mut work = Measured::new(&meter, attempts);
        let all = async {
            let ran = drive(self.retry.parts(), call, &mut work).await;
            ran.output.map(|value| (ran.attempts, value)).map_err(|failed| failed.after_attempts(ran.attempts, ""))
        };
        let (attempts, value) = self.outside.around(call, all).await.map_err(Inside::out)?;
        Ok(Outcome { time: meter.read(), ..Outcome::new(value, attempts) })
    }
}

impl<E, O, R, I> fmt::Debug for CustomOrder<E, O, R, I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CustomOrder")
    }
}
