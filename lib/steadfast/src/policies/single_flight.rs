//! Callers who want the same thing at the same time share one execution and its outcome. It keeps nothing
//! afterwards: that is the cache. Surprise: when the caller who does the work is cancelled or runs out of time, the
//! next one in line does it again with its own work; nobody is failed by somebody else's stop.

use crate::{Call, Error, Event, call::Bounded, error::Fault};
use std::{
    collections::HashMap,
    fmt,
    hash::Hash,
    sync::{
        Arc, Mutex, MutexGuard, OnceLock, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
};
use tokio::sync::Semaphore;

/// One execution at a time for each key; clones share the executions.
///
/// ```
/// use steadfast::{Call, CancelToken, Error, SingleFlight};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Error> {
/// let call = Call::new("load the price", &CancelToken::root("program"));
/// let flights = SingleFlight::new();
/// let slow = || async {
///     tokio::task::yield_now().await;
///     Ok(42)
/// };
/// let never = || async { Err(Error::internal("the first caller does the work for both")) };
/// let (first, second) = tokio::join!(flights.run(&call, "apples", slow), flights.run(&call, "apples", never));
/// assert_eq!((first?, second?), (42, 42));
/// # Ok(()) }
/// ```
pub struct SingleFlight<K, V, X = Error> {
    flights: Arc<Mutex<Flights<K, V, X>>>,
    max_keys: usize,
}

type Flights<K, V, X> = HashMap<K, Arc<Flight<V, X>>>;

/// One execution. Whoever holds the permit does the work; the gate is closed when there is an outcome.
#[derive(Debug)]
struct Flight<V, X> {
    gate: Semaphore,
    outcome: OnceLock<Result<V, X>>,
    /// How many callers there are. Changed only under the map's lock.
    seats: AtomicUsize,
}

impl<K, V, X> SingleFlight<K, V, X> {
    /// Nothing under way, at most 1024 keys at once.
    ///
    /// ```
    /// let flights: steadfast::SingleFlight<&str, u32> = steadfast::SingleFlight::new();
    /// assert_eq!(flights.under_way(), 0);
    /// ```
    pub fn new() -> Self {
        Self { flights: Arc::default(), max_keys: MAX_KEYS }
    }

    /// How many different keys may be under way and shared at once. A call for one key more does its own work and
    /// shares it with nobody, as if there were no single flight; so 0 switches it off.
    ///
    /// ```
    /// use steadfast::{Call, CancelToken, Error, SingleFlight};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Error> {
    /// let flights = SingleFlight::new().max_keys(0);
    /// let call = Call::new("load the price", &CancelToken::root("program"));
    /// let load = |price: u32| async move {
    ///     tokio::task::yield_now().await;
    ///     Ok(price)
    /// };
    /// let (first, second) =
    ///     tokio::join!(flights.run(&call, "apples", || load(42)), flights.run(&call, "apples", || load(43)));
    /// assert_eq!((first?, second?), (42, 43)); // nothing was shared
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn max_keys(self, max_keys: usize) -> Self {
        Self { max_keys, ..self }
    }

    /// How many keys are under way.
    ///
    /// ```
    /// use steadfast::{Call, CancelToken, Error, SingleFlight};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Error> {
    /// let flights = SingleFlight::new();
    /// let call = Call::new("load the price", &CancelToken::root("program"));
    /// let during = flights.run(&call, "apples", || async { Ok(flights.under_way()) }).await?;
    /// assert_eq!((during, flights.under_way()), (1, 0)); // it keeps nothing afterwards
    /// # Ok(()) }
    /// ```
    pub fn under_way(&self) -> usize {
        self.lock().len()
    }

    fn lock(&self) -> MutexGuard<'_, Flights<K, V, X>> {
        // Every change under the lock is one map operation, so a poisoned map is still whole.
        self.flights.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<K: Eq + Hash + Clone, V: Clone> SingleFlight<K, V> {
    /// Does `work`, or waits for whoever is already doing it for `key`, and gives everybody the same outcome, error
    /// or value. Each caller waits only as long as its own call allows. When the one at work is dropped, cancelled or
    /// out of time, or panics, the one who has waited longest goes on with its own `work`.
    ///
    /// Cancel safe. It takes a short lock at the beginning and at the end.
    ///
    /// ```
    /// use steadfast::{Call, CancelReason, CancelToken, Error, SingleFlight};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Error> {
    /// let (impatient, patient) = (CancelToken::root("impatient"), CancelToken::root("patient"));
    /// let [first, second] = [&impatient, &patient].map(|token| Call::new("load the price", token));
    /// let flights = SingleFlight::new();
    /// let (stopped, served, _) = tokio::join!(
    ///     flights.run(&first, "apples", std::future::pending),
    ///     flights.run(&second, "apples", || async { Ok(42) }),
    ///     async { impatient.cancel(CancelReason::UserStop) },
    /// );
    /// assert!(stopped.is_err());
    /// assert_eq!(served?, 42); // not failed by somebody else's stop
    /// # Ok(()) }
    /// ```
    pub async fn run<F, Fut>(&self, call: &Call, key: K, work: F) -> Result<V, Error>
    where
        F: FnOnce() -> Fut,
        Fut: Future<Output = Result<V, Error>>,
    {
        self.around(call, key, work).await
    }
}

impl<K: Eq + Hash + Clone, V: Clone, X: Fault + Clone> SingleFlight<K, V, X> {
    /// `run` for any error type that can be shared.
    pub(crate) async fn around<F, Fut>(&self, call: &Call, key: K, work: F) -> Result<V, X>
    where
        F: FnOnce() -> Fut,
        Fut: Future<Output = Result<V, X>>,
    {
        let Some(seat) = self.board(key) else { return Bounded::new(call, None, work()).await };
        // Ready in `Ok`: the outer result is the call's, the inner one the gate's.
        let turn = async { Ok::<_, X>(seat.flight.gate.acquire().await) };
        let turn = match seat.flight.gate.try_acquire() {
            Ok(first) => Ok(first),
            Err(_taken) => {
                call.events().emit(|| Event::FlightJoined { operation: call.operation_name() });
                Bounded::new(call, None, turn).await?
            }
        };
        if let Some(shared) = seat.flight.outcome.get() {
            return shared.clone();
        }
        // The outcome is there before the gate closes, so what is left is a permit: it is our turn.
        let _at_work = turn;
        let outcome = Bounded::new(call, None, work()).await;
        if outcome.is_ok() || !is_over(call) {
            seat.land(&outcome);
        }
        outcome
    }

    fn board(&self, key: K) -> Option<Seat<'_, K, V, X>> {
        let mut flights = self.lock();
        let flight = match flights.get(&key) {
            Some(flight) => Arc::clone(flight),
            None if flights.len() >= self.max_keys => return None,
            None => {
                let flight = Arc::new(Flight::new());
                flights.insert(key.clone(), Arc::clone(&flight));
                flight
            }
        };
        flight.seats.fetch_add(1, Ordering::Relaxed);
        drop(flights);
        Some(Seat { flights: self, key, flight })
    }
}

/// Then the error speaks of this caller's time and not of the work.
fn is_over(call: &Call) -> bool {
    call.token().is_cancelled() || call.deadline().is_some_and(|deadline| deadline.is_past(call.clock()))
}

/// One caller's part in a flight; the last one out forgets the key.
struct Seat<'a, K: Eq + Hash, V, X> {
    flights: &'a SingleFlight<K, V, X>,
    key: K,
    flight: Arc<Flight<V, X>>,
}

impl<K: Eq + Hash, V: Clone, X: Clone> Seat<'_, K, V, X> {
    /// Hands the outcome to everybody who waits. Whoever comes later begins anew.
    fn land(&self, outcome: &Result<V, X>) {
        self.forget(&mut self.flights.lock());
        // Nobody can board any more, so who is alone now stays alone and needs no copy.
        if self.flight.seats.load(Ordering::Relaxed) > 1 {
            // Only the holder of the permit sets it, so it was empty.
            let _first = self.flight.outcome.set(outcome.clone());
        }
        self.flight.gate.close();
    }
}

impl<K: Eq + Hash, V, X> Seat<'_, K, V, X> {
    /// Unless a newer flight has taken the key.
    fn forget(&self, flights: &mut Flights<K, V, X>) {
        if flights.get(&self.key).is_some_and(|flight| Arc::ptr_eq(flight, &self.flight)) {
            flights.remove(&self.key);
        }
    }
}

impl<K: Eq + Hash, V, X> Drop for Seat<'_, K, V, X> {
    fn drop(&mut self) {
        let mut flights = self.flights.lock();
        if self.flight.seats.fetch_sub(1, Ordering::Relaxed) == 1 {
            self.forget(&mut flights);
        }
    }
}

impl<V, X> Flight<V, X> {
    fn new() -> Self {
        Self { gate: Semaphore::new(1), outcome: OnceLock::new(), seats: AtomicUsize::new(0) }
    }
}

impl<K, V, X> Default for SingleFlight<K, V, X> {
    fn default() -> Self {
        Self::new()
    }
}

impl<K, V, X> Clone for SingleFlight<K, V, X> {
    fn clone(&self) -> Self {
        Self { flights: Arc::clone(&self.flights), max_keys: self.max_keys }
    }
}

impl<K, V, X> fmt::Debug for SingleFlight<K, V, X> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SingleFlight").field("under_way", &self.under_way()).finish_non_exhaustive()
    }
}

/// A choice: far more different things than one program does at once, and a bound all the same.
const MAX_KEYS: usize = 1024;
