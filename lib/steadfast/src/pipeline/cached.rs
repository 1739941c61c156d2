//! Pipelines with a cache: an answer that is kept asks nobody, and callers who want the same thing share one run.

use super::{
    Held, Pipeline,
    slots::{BreakerFor, BreakerSlot, RetrySlot, TimeLimit},
};
use crate::{Again, Around, Attempt, Cache, Call, Classify, Degraded, Failed, Fallback, Freshness, Outcome};
use std::{fmt, hash::Hash, sync::OnceLock};

/// Using it, with a cache.
impl<E, D, K, V, R, L, B, A> Pipeline<E, D, Cache<K, V, Failed<E>>, (), R, L, B, A>
where
    E: Classify + fmt::Display + Clone,
    D: TimeLimit,
    K: Eq + Hash + Clone,
    V: Clone,
    R: RetrySlot,
    R::When: Again<V>,
    L: Around,
    B: BreakerSlot,
    A: TimeLimit,
{
    /// Gives the answer that is kept for `key`, or runs `work` through all places and keeps what comes
    /// ([`Cache::run`]). An answer that was kept took no attempt; an old one is [`Degraded::Stale`]. The attempts'
    /// futures must be cancel safe.
    ///
    /// ```
    /// use std::time::Duration;
    /// use steadfast::{Cache, Call, CancelToken, Error, Pipeline, Retry};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Error> {
    /// let prices = Pipeline::named("prices").cache(Cache::of(100)).retry(Retry::fixed(Duration::from_millis(1)));
    /// let call = Call::new("price", &CancelToken::root("program"));
    /// let asked = prices.run_keyed(&call, "apples", |_| async { Ok(42) }).await?;
    /// let kept = prices.run_keyed(&call, "apples", |_| async { Err(Error::unavailable("shop")) }).await?;
    /// assert_eq!((asked.value, asked.attempts, kept.value, kept.attempts), (42, 1, 42, 0));
    /// # Ok(()) }
    /// ```
    pub async fn run_keyed<W, Fut>(&self, call: &Call, key: K, work: W) -> Result<Outcome<V>, Failed<E>>
    where
        W: FnMut(Attempt) -> Fut,
        Fut: Future<Output = Result<V, E>>,
    {
        let held = Held::new(call, self.deadline.limit());
        let call = held.call();
        keep(&self.cache, call, key, || self.attempts(call, work)).await
    }
}

/// Using it, with a cache in front of a chain.
impl<E, D, K, V, T, R, L, B, A> Pipeline<E, D, Cache<K, V, Failed<E>>, Fallback<T>, R, L, B, A>
where
    E: Classify + fmt::Display + Clone,
    D: TimeLimit,
    K: Eq + Hash + Clone,
    V: Clone,
    T: fmt::Display,
    R: RetrySlot,
    R::When: Again<V>,
    L: Around,
    B: BreakerFor<T>,
    A: TimeLimit,
{
    /// Gives the answer that is kept for `key`, or asks the targets of the chain and keeps what comes. The outcome says
    /// who served when somebody was asked; of an answer that was kept it no longer knows.
    /// The attempts' futures must be cancel safe.
    ///
    /// ```
    /// use steadfast::{Cache, Call, CancelToken, Error, Fallback, Pipeline};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Error> {
    /// let prices = Pipeline::named("prices").cache(Cache::of(100)).fallback(Fallback::ordered(["near", "far"]));
    /// let call = Call::new("load the price", &CancelToken::root("program"));
    /// let ask = |shop: &&str, _| {
    ///     std::future::ready(if *shop == "far" { Ok(42) } else { Err(Error::unavailable("near")) })
    /// };
    /// let loaded = prices.run_keyed(&call, "apples", ask).await?;
    /// assert_eq!((loaded.value, loaded.served_by.as_deref()), (42, Some("far")));
    /// let kept = prices.run_keyed(&call, "apples", ask).await?;
    /// assert_eq!((kept.value, kept.served_by), (42, None));
    /// # Ok(()) }
    /// ```
    pub async fn run_keyed<'a, W, Fut>(&'a self, call: &Call, key: K, work: W) -> Result<Outcome<V>, Failed<E>>
    where
        W: FnMut(&'a T, Attempt) -> Fut,
        Fut: Future<Output = Result<V, E>>,
    {
        let held = Held::new(call, self.deadline.limit());
        let call = held.call();
        keep(&self.cache, call, key, || self.along(call, work)).await
    }
}

async fn keep<K, V, E, F, Fut>(
    cache: &Cache<K, V, Failed<E>>,
    call: &Call,
    key: K,
    run: F,
) -> Result<Outcome<V>, Failed<E>>
where
    E: Classify + fmt::Display + Clone,
    K: Eq + Hash + Clone,
    V: Clone,
    F: FnOnce() -> Fut,
    Fut: Future<Output = Result<Outcome<V>, Failed<E>>>,
{
    // The cache keeps the value; the story belongs to the caller who asked.
    let story = OnceLock::new();
    let load = || async {
        let outcome = run().await?;
        let value = outcome.value.clone();
        // Set once, because a caller runs its work at most once.
        let _first = story.set(outcome.map(|_| ()));
        Ok(value)
    };
    let cached = cache.around(call, key, load).await?;
    Ok(match (cached.freshness, story.into_inner()) {
        (Freshness::Loaded, Some(story)) => story.map(|()| cached.value),
        (Freshness::Loaded | Freshness::Fresh { .. }, _) => Outcome::new(cached.value, 0),
        (Freshness::Stale { .. }, _) => Outcome { degraded: Some(Degraded::Stale), ..Outcome::new(cached.value, 0) },
    })
}
