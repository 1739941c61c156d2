//! One policy per key (tenant, host, model), made when the key is first asked for. The number of keys is bounded, so
//! that callers who choose the keys cannot fill the memory. Surprise: when there are too many, the key that was not
//! asked for the longest is forgotten, and begins anew when it comes back; whoever holds its policy keeps it.

use std::{
    borrow::Borrow,
    collections::HashMap,
    fmt,
    hash::Hash,
    sync::{
        Arc, PoisonError, RwLock,
        atomic::{AtomicU64, Ordering},
    },
};

/// Policies by key; clones share them. A hit is a read lock and a copy of the policy, which is a handle.
///
/// ```
/// use steadfast::{Bulkhead, Keyed};
///
/// let per_tenant = Keyed::new(|tenant: &String| Bulkhead::new(2).named(tenant.clone()));
/// let permit = per_tenant.of("alice").try_enter()?;
/// assert_eq!(per_tenant.of("alice").in_flight(), 1);
/// assert_eq!(per_tenant.of("bob").in_flight(), 0);
/// # drop(permit);
/// # Ok::<(), steadfast::Error>(())
/// ```
pub struct Keyed<K, P> {
    shared: Arc<Shared<K, P>>,
}

struct Shared<K, P> {
    make: Box<dyn Fn(&K) -> P + Send + Sync>,
    most: usize,
    /// The number of keys that were ever made: the time by which it is judged who was asked for lately.
    era: AtomicU64,
    entries: RwLock<HashMap<K, Entry<P>>>,
}

struct Entry<P> {
    policy: P,
    last_asked: AtomicU64,
}

impl<K: Eq + Hash, P: Clone> Keyed<K, P> {
    /// At most 1,024 keys; `make` makes the policy of a key. It may be called twice for a key that two callers ask
    /// for at once; one of the two is thrown away.
    ///
    /// ```
    /// use steadfast::{Bulkhead, Keyed};
    ///
    /// let per_model = Keyed::new(|model: &String| Bulkhead::new(if model == "large" { 1 } else { 8 }));
    /// assert_eq!(per_model.of("large").limit(), 1);
    /// assert_eq!(per_model.of("small").limit(), 8);
    /// ```
    pub fn new(make: impl Fn(&K) -> P + Send + Sync + 'static) -> Self {
        Self::at_most(MOST_KEYS, make)
    }

    /// Another bound on the number of keys (at least 1).
    ///
    /// ```
    /// use steadfast::{Keyed, RateLimit};
    ///
    /// let per_host = Keyed::at_most(1, |_: &String| RateLimit::per_second(5));
    /// per_host.of("east").try_take(1)?;
    /// per_host.of("west").try_take(1)?; // now the east is forgotten
    /// assert_eq!(per_host.len(), 1);
    /// assert_eq!(per_host.of("east").available(), 5);
    /// # Ok::<(), steadfast::Error>(())
    /// ```
    pub fn at_most(keys: usize, make: impl Fn(&K) -> P + Send + Sync + 'static) -> Self {
        let (make, most) = (Box::new(make), keys.max(1));
        Self { shared: Arc::new(Shared { make, most, era: AtomicU64::new(0), entries: RwLock::default() }) }
    }

    /// The policy of this key.
    ///
    /// ```
    /// use steadfast::{Budget, Keyed};
    ///
    /// let per_host = Keyed::new(|host: &String| Budget::tokens(20).named(host.clone()));
    /// assert!(per_host.of("east").try_spend(14));
    /// assert_eq!(per_host.of("east").available(), 6); // the same one, not a fresh one
    /// ```
    pub fn of<Q>(&self, key: &Q) -> P
    where
        K: Borrow<Q>,
        Q: Eq + Hash + ToOwned<Owned = K> + ?Sized,
    {
        self.get(key).unwrap_or_else(|| self.add(key.to_owned()))
    }

    /// How many keys there are now.
    ///
    /// ```
    /// use steadfast::{Bulkhead, Keyed};
    ///
    /// let per_tenant = Keyed::new(|_: &String| Bulkhead::new(2));
    /// for tenant in ["alice", "bob", "alice"] {
    ///     per_tenant.of(tenant);
    /// }
    /// assert_eq!(per_tenant.len(), 2);
    /// ```
    pub fn len(&self) -> usize {
        self.shared.entries.read().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// Whether there is no key yet.
    ///
    /// ```
    /// use steadfast::{Bulkhead, Keyed};
    ///
    /// let per_tenant = Keyed::new(|_: &String| Bulkhead::new(2));
    /// assert!(per_tenant.is_empty());
    /// per_tenant.of("alice"); // asking makes it
    /// assert!(!per_tenant.is_empty());
    /// ```
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Forgets a key; it begins anew when it is asked for again.
    ///
    /// ```
    /// use steadfast::{Budget, Keyed};
    ///
    /// let per_host = Keyed::new(|_: &String| Budget::tokens(20));
    /// let held = per_host.of("east");
    /// assert!(held.try_spend(14));
    /// per_host.forget("east");
    /// // Whoever holds the old one keeps it.
    /// assert_eq!((per_host.of("east").available(), held.available()), (20, 6));
    /// ```
    pub fn forget<Q>(&self, key: &Q)
    where
        K: Borrow<Q>,
        Q: Eq + Hash + ?Sized,
    {
        let gone = self.shared.entries.write().unwrap_or_else(PoisonError::into_inner).remove_entry(key);
        drop(gone);
    }

    fn get<Q>(&self, key: &Q) -> Option<P>
    where
        K: Borrow<Q>,
        Q: Eq + Hash + ?Sized,
    {
        let entries = self.shared.entries.read().unwrap_or_else(PoisonError::into_inner);
        let entry = entries.get(key)?;
        let era = self.shared.era.load(Ordering::Relaxed);
        // Written only when it says something new, so that hits share the line.
        if entry.last_asked.load(Ordering::Relaxed) != era {
            entry.last_asked.store(era, Ordering::Relaxed);
        }
        Some(entry.policy.clone())
    }

    fn add(&self, key: K) -> P {
        // Foreign code: not under the lock.
        let policy = (self.shared.make)(&key);
        let mut entries = self.shared.entries.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(entry) = entries.get(&key) {
            return entry.policy.clone(); // somebody was faster
        }
        let gone = if entries.len() >= self.shared.most { remove_oldest(&mut entries) } else { None };
        let last_asked = AtomicU64::new(self.shared.era.fetch_add(1, Ordering::Relaxed) + 1);
        entries.insert(key, Entry { policy: policy.clone(), last_asked });
        drop(entries);
        drop(gone);
        policy
    }
}

fn remove_oldest<K: Eq + Hash, P>(entries: &mut HashMap<K, Entry<P>>) -> Option<(K, Entry<P>)> {
    let age = |entry: &Entry<P>| entry.last_asked.load(Ordering::Relaxed);
    let oldest = entries.values().map(age).min()?;
    // Lazy: it takes out no more than it is asked for.
    entries.extract_if(|_, entry| age(entry) == oldest).next()
}

impl<K, P> Clone for Keyed<K, P> {
    fn clone(&self) -> Self {
        Self { shared: Arc::clone(&self.shared) }
    }
}

impl<K, P> fmt::Debug for Keyed<K, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keyed").field("most", &self.shared.most).finish_non_exhaustive()
    }
}

/// A choice: more tenants than one machine serves at a time, and less than a megabyte of policies.
const MOST_KEYS: usize = 1024;
