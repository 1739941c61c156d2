//! Keeps answers for a while; when the answer is old and a new one cannot be had, gives the old one and says how old
//! it is (stale-if-error, RFC 5861 section 4). Errors are not kept. It does not wrap moka: moka has a clock of its
//! own, which neither paused time nor a manual clock moves. `store.rs` is the bounded map.

use super::SingleFlight;
use crate::{Blame, Call, Error, Event, error::Fault};
use std::{
    fmt,
    hash::Hash,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use store::Store;
use tokio::time::Instant;

mod store;

/// A bounded cache with single flight on a miss; clones share what is kept.
///
/// ```
/// use std::time::Duration;
/// use steadfast::{Cache, Call, CancelToken, Clock, Error, Freshness};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Error> {
/// let clock = Clock::manual();
/// let call = Call::new("load the price", &CancelToken::root("program")).with_clock(clock.clone());
/// let prices = Cache::of(100).fresh_for(Duration::from_secs(60)).stale_for(Duration::from_secs(3600));
/// let loaded = prices.run(&call, "apples", || async { Ok(42) }).await?;
/// assert_eq!((loaded.value, loaded.freshness), (42, Freshness::Loaded));
///
/// clock.advance(Duration::from_secs(300));
/// let kept = prices.run(&call, "apples", || async { Err(Error::unavailable("shop")) }).await?;
/// assert_eq!((kept.value, kept.freshness), (42, Freshness::Stale { age: Duration::from_secs(300) }));
/// # Ok(()) }
/// ```
pub struct Cache<K, V, X = Error> {
    kept: Arc<Mutex<Store<K, Kept<V>>>>,
    loading: SingleFlight<K, V, X>,
    fresh_for: Duration,
    stale_for: Duration,
}

/// A value from the cache or for it.
///
/// ```
/// use steadfast::{Cache, Cached, Call, CancelToken, Error, Freshness};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Error> {
/// let prices = Cache::of(100);
/// let call = Call::new("load the price", &CancelToken::root("program"));
/// let Cached { value, freshness, .. } = prices.run(&call, "apples", || async { Ok(42) }).await?;
/// assert_eq!((value, freshness), (42, Freshness::Loaded));
/// # Ok(()) }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Cached<V> {
    /// The value.
    pub value: V,
    /// How old it is.
    pub freshness: Freshness,
}

/// How old a value is.
///
/// ```
/// use std::time::Duration;
/// use steadfast::Freshness;
///
/// fn note(freshness: Freshness) -> String {
///     match freshness {
///         Freshness::Loaded | Freshness::Fresh { .. } => String::new(),
///         Freshness::Stale { age } => format!("as of {} minutes ago", age.as_secs() / 60),
///     }
/// }
/// assert_eq!(note(Freshness::Stale { age: Duration::from_secs(300) }), "as of 5 minutes ago");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Freshness {
    /// It was loaded for this call, or for one that this call joined.
    Loaded,
    /// It was kept and is good.
    Fresh {
        /// The time since it was loaded.
        age: Duration,
    },
    /// It is past its time, and a new one could not be had.
    Stale {
        /// The time since it was loaded.
        age: Duration,
    },
}

#[derive(Debug, Clone)]
struct Kept<V> {
    value: V,
    at: Instant,
}

impl<K, V, X> Cache<K, V, X> {
    /// Keeps at most this many values, each fresh for a minute and never given out later. Of 0, nothing is kept, and
    /// what is left is single flight.
    ///
    /// ```
    /// use steadfast::{Cache, Call, CancelToken, Error};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Error> {
    /// let prices = Cache::of(2);
    /// let call = Call::new("load the price", &CancelToken::root("program"));
    /// for fruit in ["apples", "pears", "plums"] {
    ///     prices.run(&call, fruit, || async { Ok(42) }).await?;
    /// }
    /// assert_eq!(prices.kept(), 2);
    /// # Ok(()) }
    /// ```
    pub fn of(values: usize) -> Self {
        Self {
            kept: Arc::new(Mutex::new(Store::new(values))),
            loading: SingleFlight::new(),
            fresh_for: FRESH_FOR,
            stale_for: Duration::ZERO,
        }
    }

    /// How long a value is given out without loading it again. Default 60 s.
    ///
    /// ```
    /// use std::time::Duration;
    /// use steadfast::{Cache, Call, CancelToken, Clock, Error};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Error> {
    /// let clock = Clock::manual();
    /// let call = Call::new("load the price", &CancelToken::root("program")).with_clock(clock.clone());
    /// let prices = Cache::of(100).fresh_for(Duration::from_secs(5));
    /// assert_eq!(prices.run(&call, "apples", || async { Ok(42) }).await?.value, 42);
    /// clock.advance(Duration::from_secs(4));
    /// assert_eq!(prices.run(&call, "apples", || async { Ok(43) }).await?.value, 42);
    /// clock.advance(Duration::from_secs(1));
    /// assert_eq!(prices.run(&call, "apples", || async { Ok(43) }).await?.value, 43);
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn fresh_for(self, fresh_for: Duration) -> Self {
        Self { fresh_for, ..self }
    }

    /// For how long after that it may still be given out when it cannot be loaded. Default: not at all.
    ///
    /// ```
    /// use std::time::Duration;
    /// use steadfast::{Cache, Call, CancelToken, Clock, Error};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Error> {
    /// let clock = Clock::manual();
    /// let call = Call::new("load the price", &CancelToken::root("program")).with_clock(clock.clone());
    /// let prices = Cache::of(100).fresh_for(Duration::from_secs(5)).stale_for(Duration::from_secs(60));
    /// prices.run(&call, "apples", || async { Ok(42) }).await?;
    /// // The stale time begins where the fresh one ends: 65 s in all.
    /// clock.advance(Duration::from_secs(64));
    /// assert!(prices.run(&call, "apples", || async { Err(Error::unavailable("shop")) }).await.is_ok());
    /// clock.advance(Duration::from_secs(1));
    /// assert!(prices.run(&call, "apples", || async { Err(Error::unavailable("shop")) }).await.is_err());
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn stale_for(self, stale_for: Duration) -> Self {
        Self { stale_for, ..self }
    }

    fn lock(&self) -> MutexGuard<'_, Store<K, Kept<V>>> {
        // The store keeps its map and its ring in step before anything of the caller's runs.
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<K: Eq + Hash + Clone, V: Clone> Cache<K, V> {
    /// Gives the kept value while it is fresh; otherwise does `work` once for everybody who asks at the same time,
    /// and keeps what comes. When `work` fails and an older value is still within its stale time, gives that one,
    /// unless the caller is to blame (then the error is the answer) or the call was cancelled.
    ///
    /// Cancel safe: who is at work and is dropped hands over to the next one, see [`SingleFlight::run`].
    ///
    /// ```
    /// use std::time::Duration;
    /// use steadfast::{Cache, Call, CancelToken, Clock, Code, Error};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Error> {
    /// let clock = Clock::manual();
    /// let call = Call::new("load the price", &CancelToken::root("program")).with_clock(clock.clone());
    /// let prices = Cache::of(100).stale_for(Duration::from_secs(3600));
    /// prices.run(&call, "apples", || async { Ok(42) }).await?;
    /// clock.advance(Duration::from_secs(300));
    /// // The caller's own mistake is not papered over with an old value.
    /// let error = prices.run(&call, "apples", || async { Err(Error::forbidden("shop")) }).await.unwrap_err();
    /// assert_eq!(error.code(), Code::FORBIDDEN);
    /// # Ok(()) }
    /// ```
    pub async fn run<F, Fut>(&self, call: &Call, key: K, work: F) -> Result<Cached<V>, Error>
    where
        F: FnOnce() -> Fut,
        Fut: Future<Output = Result<V, Error>>,
    {
        self.around(call, key, work).await
    }
}

impl<K: Eq + Hash + Clone, V: Clone, X: Fault + Clone> Cache<K, V, X> {
    /// `run` for any error type that can be shared.
    pub(crate) async fn around<F, Fut>(&self, call: &Call, key: K, work: F) -> Result<Cached<V>, X>
    where
        F: FnOnce() -> Fut,
        Fut: Future<Output = Result<V, X>>,
    {
        if let Some((value, age)) = self.within(call, &key, self.fresh_for) {
            call.events().emit(|| Event::ServedKept { operation: call.operation_name(), age });
            return Ok(Cached { value, freshness: Freshness::Fresh { age } });
        }
        call.events().emit(|| Event::CacheMissed { operation: call.operation_name() });
        let load = || async {
            // A second look: a load may have ended between the first one and our turn.
            if let Some((value, _age)) = self.within(call, &key, self.fresh_for) {
                return Ok(value);
            }
            let value = work().await?;
            // Before the flight lands, so that whoever comes after it finds the value here.
            let kept = Kept { value: value.clone(), at: call.clock().now() };
            let _old = self.lock().insert(key.clone(), kept);
            Ok(value)
        };
        let error = match self.loading.around(call, key.clone(), load).await {
            Ok(value) => return Ok(Cached { value, freshness: Freshness::Loaded }),
            Err(error) => error,
        };
        if call.token().is_cancelled() || error.guidance().blame == Blame::Caller {
            return Err(error);
        }
        match self.within(call, &key, self.fresh_for.saturating_add(self.stale_for)) {
            Some((value, age)) => {
                call.events().emit(|| Event::ServedStale { operation: call.operation_name(), age, code: error.code() });
                Ok(Cached { value, freshness: Freshness::Stale { age } })
            }
            None => Err(error),
        }
    }

    /// The value and its age, when it is younger than `limit`.
    fn within(&self, call: &Call, key: &K, limit: Duration) -> Option<(V, Duration)> {
        let mut kept = self.lock();
        let found = kept.get(key)?;
        let age = call.clock().now().saturating_duration_since(found.at);
        (age < limit).then(|| (found.value.clone(), age))
    }
}

impl<K: Eq + Hash + Clone, V, X> Cache<K, V, X> {
    /// Forgets one value. A load that is under way still keeps its own.
    ///
    /// ```
    /// use steadfast::{Cache, Call, CancelToken, Error};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Error> {
    /// let prices = Cache::of(100);
    /// let call = Call::new("load the price", &CancelToken::root("program"));
    /// prices.run(&call, "apples", || async { Ok(42) }).await?;
    /// prices.forget(&"apples"); // somebody changed it
    /// assert_eq!(prices.run(&call, "apples", || async { Ok(43) }).await?.value, 43);
    /// # Ok(()) }
    /// ```
    pub fn forget(&self, key: &K) {
        let _old = self.lock().remove(key);
    }

    /// How many values are kept, the stale ones included.
    ///
    /// ```
    /// use std::time::Duration;
    /// use steadfast::{Cache, Call, CancelToken, Clock, Error};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Error> {
    /// let clock = Clock::manual();
    /// let call = Call::new("load the price", &CancelToken::root("program")).with_clock(clock.clone());
    /// let prices = Cache::of(100);
    /// prices.run(&call, "apples", || async { Ok(42) }).await?;
    /// clock.advance(Duration::from_secs(3600));
    /// assert_eq!(prices.kept(), 1); // age removes nothing, only want of room does
    /// # Ok(()) }
    /// ```
    pub fn kept(&self) -> usize {
        self.lock().len()
    }
}

impl<K, V, X> Clone for Cache<K, V, X> {
    fn clone(&self) -> Self {
        Self { kept: Arc::clone(&self.kept), loading: self.loading.clone(), ..*self }
    }
}

impl<K, V, X> fmt::Debug for Cache<K, V, X> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cache")
            .field("fresh_for", &self.fresh_for)
            .field("stale_for", &self.stale_for)
            .finish_non_exhaustive()
    }
}

/// A choice: short enough that nobody wonders about an old value, long enough to take the edge off a rush.
const FRESH_FOR: Duration = Duration::from_secs(60);
