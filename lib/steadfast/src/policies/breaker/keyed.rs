//! A breaker for each target, made when first asked for, all by one pattern. The number of keys is bounded, so that
//! callers who choose the keys cannot fill the memory: the closed ones that nobody holds and that were not asked for
//! lately are forgotten first. Surprise: a breaker that somebody holds lives on after it was forgotten, alone.

use super::{Breaker, BreakerState, state::NO_TARGET};
use crate::{Call, Error, Name};
use std::{
    collections::HashMap,
    fmt,
    hash::Hash,
    sync::{
        Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard,
        atomic::{AtomicU64, Ordering},
    },
};

/// One breaker per key; clones share their keys.
///
/// ```
/// use steadfast::{Breaker, Breakers, BreakerState, Error};
///
/// let breakers = Breakers::new(Breaker::consecutive(1).named("shop"));
/// breakers.of(&"east").enter()?.failure(&Error::unavailable("shop"));
/// assert!(matches!(breakers.of(&"east").state(), BreakerState::Open { .. }));
/// assert_eq!(breakers.of(&"west").state(), BreakerState::Closed);
/// assert_eq!(breakers.of(&"west").target(), "shop/west");
/// # Ok::<(), Error>(())
/// ```
pub struct Breakers<K> {
    shared: Arc<Shared<K>>,
}

struct Shared<K> {
    most: usize,
    /// The number of keys ever made; the time by which it is judged who was asked for lately.
    era: AtomicU64,
    table: RwLock<Table<K>>,
}

struct Table<K> {
    pattern: Breaker,
    entries: HashMap<K, Entry>,
}

struct Entry {
    breaker: Breaker,
    last_asked: AtomicU64,
}

impl<K: Eq + Hash + Clone + fmt::Display> Breakers<K> {
    /// Breakers like `pattern`, for at most 1,024 keys. Each is named after the pattern and its key.
    ///
    /// ```
    /// use std::time::Duration;
    /// use steadfast::{Breaker, Breakers};
    ///
    /// let pattern = Breaker::failure_rate(0.5).window(Duration::from_secs(30)).named("provider");
    /// let breakers: Breakers<String> = Breakers::new(pattern);
    /// # let _ = breakers;
    /// ```
    pub fn new(pattern: Breaker) -> Self {
        Self::with_most(pattern, MOST_KEYS)
    }

    /// Another bound on the number of keys (at least 1). Gives a new collection without keys. A breaker with a
    /// window takes about 3 KiB.
    ///
    /// ```
    /// use steadfast::{Breaker, Breakers};
    ///
    /// let breakers = Breakers::new(Breaker::consecutive(3)).most(2);
    /// (0..100).for_each(|key| drop(breakers.of(&key)));
    /// assert_eq!(breakers.len(), 2);
    /// ```
    #[must_use]
    pub fn most(&self, keys: usize) -> Self {
        Self::with_most(self.read().pattern.clone(), keys)
    }

    fn with_most(pattern: Breaker, most: usize) -> Self {
        let table = RwLock::new(Table { pattern, entries: HashMap::new() });
        Self { shared: Arc::new(Shared { most: most.max(1), era: AtomicU64::new(0), table }) }
    }

    /// The breaker of this key. Keep it if you need it often: finding it takes a shared lock and a look into a map.
    ///
    /// ```
    /// use steadfast::{Breaker, Breakers, Error};
    ///
    /// let breakers = Breakers::new(Breaker::consecutive(3));
    /// breakers.of(&"east").enter()?.success();
    /// # Ok::<(), Error>(())
    /// ```
    pub fn of(&self, key: &K) -> Breaker {
        if let Some(entry) = self.read().entries.get(key) {
            return entry.ask(&self.shared.era);
        }
        let mut table = self.write();
        if let Some(entry) = table.entries.get(key) {
            return entry.ask(&self.shared.era);
        }
        if table.entries.len() >= self.shared.most {
            table.make_room(self.shared.most);
        }
        let era = self.shared.era.fetch_add(1, Ordering::Relaxed) + 1;
        let breaker = table.pattern.for_key(key);
        table.entries.insert(key.clone(), Entry { breaker: breaker.clone(), last_asked: AtomicU64::new(era) });
        breaker
    }

    /// [`Breaker::run`] with the breaker of this key.
    ///
    /// ```
    /// use steadfast::{Breaker, Breakers, Call, CancelToken, Error};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Error> {
    /// let breakers = Breakers::new(Breaker::consecutive(3));
    /// let call = Call::new("add", &CancelToken::root("program"));
    /// assert_eq!(breakers.run(&"east", &call, async { Ok(2) }).await?, 2);
    /// # Ok(()) }
    /// ```
    pub fn run<'a, T, F>(
        &self,
        key: &K,
        call: &'a Call,
        work: F,
    ) -> impl Future<Output = Result<T, Error>> + use<'a, K, T, F>
    where
        F: Future<Output = Result<T, Error>>,
    {
        let breaker = self.of(key);
        async move { breaker.run(call, work).await }
    }

    /// Every key and how it stands, in no order.
    ///
    /// ```
    /// use steadfast::{Breaker, Breakers, BreakerState};
    ///
    /// let breakers = Breakers::new(Breaker::consecutive(3));
    /// breakers.of(&"east");
    /// assert_eq!(breakers.states(), [("east", BreakerState::Closed)]);
    /// ```
    pub fn states(&self) -> Vec<(K, BreakerState)> {
        let table = self.read();
        table.entries.iter().map(|(key, entry)| (key.clone(), entry.breaker.state())).collect()
    }

    /// How many keys it knows.
    ///
    /// ```
    /// use steadfast::{Breaker, Breakers};
    ///
    /// assert_eq!(Breakers::<u32>::new(Breaker::consecutive(3)).len(), 0);
    /// ```
    pub fn len(&self) -> usize {
        self.read().entries.len()
    }

    /// Whether it knows no key.
    ///
    /// ```
    /// use steadfast::{Breaker, Breakers};
    ///
    /// assert!(Breakers::<u32>::new(Breaker::consecutive(3)).is_empty());
    /// ```
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Forgets a key; the next time it begins closed. False when there was none.
    ///
    /// ```
    /// use steadfast::{Breaker, Breakers};
    ///
    /// let breakers = Breakers::new(Breaker::consecutive(3));
    /// breakers.of(&"east").force_open();
    /// assert!(breakers.forget(&"east"));
    /// assert!(breakers.of(&"east").enter().is_ok());
    /// ```
    pub fn forget(&self, key: &K) -> bool {
        self.write().entries.remove(key).is_some()
    }

    /// [`Breaker::reconfigure`] for every key of now and later.
    ///
    /// ```
    /// use steadfast::{Breaker, Breakers};
    ///
    /// let breakers = Breakers::<u32>::new(Breaker::consecutive(3));
    /// breakers.reconfigure(&Breaker::consecutive(5));
    /// ```
    pub fn reconfigure(&self, like: &Breaker) {
        let table = self.write();
        table.pattern.reconfigure(like);
        table.entries.values().for_each(|entry| entry.breaker.reconfigure(like));
    }

    fn read(&self) -> RwLockReadGuard<'_, Table<K>> {
        self.shared.table.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Table<K>> {
        self.shared.table.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<K: Eq + Hash + Clone> Table<K> {
    /// Several at a time, so that a flood of new keys does not sort the table for each.
    fn make_room(&mut self, most: usize) {
        let mut order: Vec<_> = self.entries.iter().map(|(key, entry)| (entry.worth(), key.clone())).collect();
        order.sort_unstable_by_key(|(worth, _)| *worth);
        for (_, key) in order.into_iter().take((most / 8).max(1)) {
            self.entries.remove(&key);
        }
    }
}

impl Entry {
    fn ask(&self, era: &AtomicU64) -> Breaker {
        let now = era.load(Ordering::Relaxed);
        // Written only when it changed, so that a busy key is not fought over.
        if self.last_asked.load(Ordering::Relaxed) != now {
            self.last_asked.store(now, Ordering::Relaxed);
        }
        self.breaker.clone()
    }

    /// Whether it refuses or probes, whether somebody holds it, and when it was asked for; the least goes first.
    fn worth(&self) -> (bool, bool, u64) {
        let closed = self.breaker.state() == BreakerState::Closed;
        (!closed, Arc::strong_count(&self.breaker.shared) > 1, self.last_asked.load(Ordering::Relaxed))
    }
}

impl Breaker {
    fn for_key(&self, key: &impl fmt::Display) -> Self {
        let target = if self.target() == NO_TARGET { key.to_string() } else { format!("{}/{key}", self.target()) };
        self.named(Name::from(target))
    }
}

impl<K> Clone for Breakers<K> {
    fn clone(&self) -> Self {
        Self { shared: Arc::clone(&self.shared) }
    }
}

impl<K: Eq + Hash + Clone + fmt::Display + fmt::Debug> fmt::Debug for Breakers<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.states()).finish()
    }
}

/// A guess: more targets than most programs have, and a few megabytes.
const MOST_KEYS: usize = 1024;
