//! One method for each place of a pipeline. It is there only while the place is empty, so nothing is said twice, and
//! nothing can be said in a wrong order, because the places have theirs.

use super::Pipeline;
use crate::{Around, Breaker, Breakers, Cache, Failed, Fallback, Retry};
use std::time::Duration;

impl<E, C, F, R, L, B, A> Pipeline<E, (), C, F, R, L, B, A> {
    /// How long everything together may take, from the start of a run; the call's own deadline stays when it is
    /// earlier. It costs a look at the clock and a copy of the call in each run. The work does not see it: what has to
    /// be handed on to others belongs on the [`Call`](crate::Call).
    ///
    /// ```
    /// use std::time::Duration;
    /// use steadfast::{Call, CancelToken, Error, Failed, Pipeline, Retry};
    ///
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() {
    /// let weather = Pipeline::named("weather")
    ///     .deadline(Duration::from_secs(5))
    ///     .retry(Retry::fixed(Duration::from_secs(2)).max_attempts(9));
    /// let call = Call::new("fetch", &CancelToken::root("program"));
    /// let failed = weather.run(&call, |_| async { Err::<(), _>(Error::connection_lost("weather")) }).await;
    /// // After 0, 2 and 4 s; a fourth one would come too late, and is not waited for.
    /// assert!(matches!(failed, Err(Failed::Inner { attempts: 3, .. })));
    /// # }
    /// ```
    #[must_use]
    pub fn deadline(self, deadline: Duration) -> Pipeline<E, Duration, C, F, R, L, B, A> {
        let Self { name, deadline: (), cache, fallback, retry, limits, breaker, attempt_timeout, error } = self;
        Pipeline { name, deadline, cache, fallback, retry, limits, breaker, attempt_timeout, error }
    }
}

impl<E, D, F, R, L, B, A> Pipeline<E, D, (), F, R, L, B, A> {
    /// What keeps answers, and lets callers who want the same thing at the same time share one run. Such a pipeline is
    /// run by `run_keyed`.
    ///
    /// ```
    /// use steadfast::{Cache, Call, CancelToken, Error, Pipeline};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Error> {
    /// let prices = Pipeline::named("prices").cache(Cache::of(100));
    /// let call = Call::new("load the price", &CancelToken::root("program"));
    /// let failed = prices.run_keyed(&call, "apples", |_| async { Err(Error::unavailable("shop")) }).await;
    /// assert!(failed.is_err());
    /// // A failure is not kept, an answer is: the third one asks nobody.
    /// let loaded = prices.run_keyed(&call, "apples", |_| async { Ok(42) }).await?;
    /// let kept = prices.run_keyed(&call, "apples", |_| async { Ok(43) }).await?;
    /// assert_eq!((loaded.attempts, kept.attempts, kept.value), (1, 0, 42));
    /// # Ok(()) }
    /// ```
    #[expect(clippy::type_complexity, reason = "one parameter for each place")]
    #[must_use]
    pub fn cache<K, V>(self, cache: Cache<K, V, Failed<E>>) -> Pipeline<E, D, Cache<K, V, Failed<E>>, F, R, L, B, A> {
        let Self { name, deadline, cache: (), fallback, retry, limits, breaker, attempt_timeout, error } = self;
        Pipeline { name, deadline, cache, fallback, retry, limits, breaker, attempt_timeout, error }
    }
}

impl<E, D, C, R, L, B, A> Pipeline<E, D, C, (), R, L, B, A> {
    /// Whom to ask, one after the other: a [`Fallback`] or a [`Ranked`](crate::Ranked). Such a pipeline's work gets the
    /// target too. Its breaker should be one for each target: [`Pipeline::breakers`].
    ///
    /// ```
    /// use steadfast::{Call, CancelToken, Error, Fallback, Pipeline};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Error> {
    /// let weather = Pipeline::named("weather").fallback(Fallback::ordered(["near", "far"]));
    /// let call = Call::new("fetch", &CancelToken::root("program"));
    /// let outcome = weather
    ///     .run(&call, |station, _attempt| async move {
    ///         if *station == "near" { Err(Error::unavailable("near")) } else { Ok("sunny") }
    ///     })
    ///     .await?;
    /// assert_eq!(outcome.served_by.as_deref(), Some("far"));
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn fallback<T>(self, chain: impl Into<Fallback<T>>) -> Pipeline<E, D, C, Fallback<T>, R, L, B, A> {
        let Self { name, deadline, cache, fallback: (), retry, limits, breaker, attempt_timeout, error } = self;
        let fallback = chain.into();
        Pipeline { name, deadline, cache, fallback, retry, limits, breaker, attempt_timeout, error }
    }
}

impl<E, D, C, F, L, B, A> Pipeline<E, D, C, F, (), L, B, A> {
    /// When and how often to try again.
    ///
    /// ```
    /// use std::time::Duration;
    /// use steadfast::{Call, CancelToken, Error, Failed, Pipeline, Retry};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let library = Pipeline::named("library").retry(Retry::fixed(Duration::from_millis(1)).max_attempts(4));
    /// let call = Call::new("look up", &CancelToken::root("program"));
    /// let failed = library.run(&call, |_| async { Err::<(), _>(Error::unavailable("library")) }).await;
    /// assert!(matches!(failed, Err(Failed::Inner { attempts: 4, .. })));
    /// // The error's advice decides: what is not there is not asked for again.
    /// let failed = library.run(&call, |_| async { Err::<(), _>(Error::not_found("book", "7")) }).await;
    /// assert!(matches!(failed, Err(Failed::Inner { attempts: 1, .. })));
    /// # }
    /// ```
    #[must_use]
    pub fn retry<W>(self, retry: Retry<W>) -> Pipeline<E, D, C, F, Retry<W>, L, B, A> {
        let Self { name, deadline, cache, fallback, retry: (), limits, breaker, attempt_timeout, error } = self;
        Pipeline { name, deadline, cache, fallback, retry, limits, breaker, attempt_timeout, error }
    }
}

impl<E, D, C, F, R, B, A> Pipeline<E, D, C, F, R, (), B, A> {
    /// What each attempt has to pass: a limit, or several as a tuple, the first one outside.
    ///
    /// ```
    /// use steadfast::{Bulkhead, Call, CancelToken, Error, Failed, Pipeline, RateLimit, RejectedBy};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Error> {
    /// let counters = Bulkhead::new(1);
    /// let shop = Pipeline::named("shop").limits((counters.clone(), RateLimit::per_second(10)));
    /// let call = Call::new("buy", &CancelToken::root("program"));
    /// let _taken = counters.try_enter()?;
    /// let refused = shop.run(&call, |_| async { Ok("Emma") }).await;
    /// assert!(matches!(refused, Err(Failed::Rejected(rejection)) if rejection.by == RejectedBy::Bulkhead));
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn limits<L>(self, limits: L) -> Pipeline<E, D, C, F, R, L, B, A>
    where
        L: Around,
    {
        let Self { name, deadline, cache, fallback, retry, limits: (), breaker, attempt_timeout, error } = self;
        Pipeline { name, deadline, cache, fallback, retry, limits, breaker, attempt_timeout, error }
    }
}

impl<E, D, C, F, R, L, A> Pipeline<E, D, C, F, R, L, (), A> {
    /// What stops calling a target that keeps failing. Give a clone of the breaker that the target's other callers use.
    ///
    /// ```
    /// use steadfast::{Breaker, Call, CancelToken, Error, Failed, Pipeline};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let breaker = Breaker::consecutive(1).named("shop");
    /// let buying = Pipeline::named("buy").breaker(breaker.clone());
    /// let asking = Pipeline::named("ask").breaker(breaker);
    /// let call = Call::new("visit", &CancelToken::root("program"));
    /// let failed = buying.run(&call, |_| async { Err::<(), _>(Error::unavailable("shop")) }).await;
    /// assert!(matches!(failed, Err(Failed::Inner { .. })));
    /// // It is the same shop, so the other pipeline need not find out for itself.
    /// let refused = asking.run(&call, |_| async { Ok("open") }).await;
    /// assert!(matches!(refused, Err(Failed::Rejected(_))));
    /// # }
    /// ```
    #[must_use]
    pub fn breaker(self, breaker: Breaker) -> Pipeline<E, D, C, F, R, L, Breaker, A> {
        let Self { name, deadline, cache, fallback, retry, limits, breaker: (), attempt_timeout, error } = self;
        Pipeline { name, deadline, cache, fallback, retry, limits, breaker, attempt_timeout, error }
    }

    /// One breaker for each target of a fallback chain.
    ///
    /// ```
    /// use steadfast::{Breaker, Breakers, Call, CancelToken, Error, Fallback, Pipeline};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Error> {
    /// let breakers = Breakers::new(Breaker::consecutive(5).named("station"));
    /// breakers.of(&"near").force_open();
    /// let weather = Pipeline::named("weather").fallback(Fallback::ordered(["near", "far"])).breakers(breakers);
    /// let call = Call::new("fetch", &CancelToken::root("program"));
    /// let outcome = weather.run(&call, |_station, _attempt| async { Ok("sunny") }).await?;
    /// assert_eq!(outcome.served_by.as_deref(), Some("far"));
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn breakers<K>(self, breakers: Breakers<K>) -> Pipeline<E, D, C, F, R, L, Breakers<K>, A> {
        let Self { name, deadline, cache, fallback, retry, limits, breaker: (), attempt_timeout, error } = self;
        let breaker = breakers;
        Pipeline { name, deadline, cache, fallback, retry, limits, breaker, attempt_timeout, error }
    }
}

impl<E, D, C, F, R, L, B> Pipeline<E, D, C, F, R, L, B, ()> {
    /// How long one attempt may take, from the moment when it first has to wait. Waiting for a limit's place does not
    /// count.
    ///
    /// ```
    /// use std::time::Duration;
    /// use steadfast::{Call, CancelToken, Error, Pipeline, Retry};
    ///
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() -> Result<(), Error> {
    /// let weather = Pipeline::named("weather")
    ///     .retry(Retry::fixed(Duration::from_secs(1)))
    ///     .attempt_timeout(Duration::from_secs(2));
    /// let call = Call::new("fetch", &CancelToken::root("program"));
    /// let outcome = weather
    ///     .run(&call, |attempt| async move {
    ///         if attempt.number == 1 { std::future::pending().await } else { Ok("sunny") }
    ///     })
    ///     .await?;
    /// // The next attempt has its own two seconds.
    /// assert_eq!((outcome.value, outcome.time.in_attempts), ("sunny", Duration::from_secs(2)));
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn attempt_timeout(self, attempt_timeout: Duration) -> Pipeline<E, D, C, F, R, L, B, Duration> {
        let Self { name, deadline, cache, fallback, retry, limits, breaker, attempt_timeout: (), error } = self;
        Pipeline { name, deadline, cache, fallback, retry, limits, breaker, attempt_timeout, error }
    }
}
