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
    /// Puts a policy inside all others.
    #[must_use]
    pub fn around<P: Around>(self, policy: P) -> CustomOrder<E, (O, P)> {
        let Self { outside, retry, inside, error } = self;
        CustomOrder { outside: (outside, policy), retry, inside, error }
    }

    /// From here on everything belongs to one attempt.
    #[must_use]
    pub fn retry<W>(self, retry: Retry<W>) -> CustomOrder<E, O, Retry<W>> {
        let Self { outside, retry: (), inside, error } = self;
        CustomOrder { outside, retry, inside, error }
    }
}

impl<E, O, W, I> CustomOrder<E, O, Retry<W>, I> {
    /// Puts a policy inside all others, around each attempt.
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
    /// cancelled, so they must be cancel safe.
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
