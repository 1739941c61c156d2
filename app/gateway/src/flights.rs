//! Equal work, done once for everybody who wants it at the same time, in a task of its own. Whoever leaves takes
//! nothing from the others; with the last one the work ends.
//!
//! The library's `SingleFlight` hands over by beginning anew, which is right for short work; a model's answer that is
//! half there must not be paid for twice. Surprise: what is shared may be told before the work has ended.

use std::{
    collections::HashMap,
    hash::Hash,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
};

use steadfast::{CancelReason, CancelToken, Error};
use tokio::sync::watch;

/// What is under way, by key; clones share it.
pub(crate) struct Flights<K, T> {
    flying: Flying<K, T>,
    token: CancelToken,
}

type Flying<K, T> = Arc<Mutex<HashMap<K, Arc<Flight<T>>>>>;

struct Flight<T> {
    told: watch::Sender<Option<Result<T, Error>>>,
    /// Cancelled when nobody wants it any more.
    token: CancelToken,
    /// Changed only under the map's lock.
    seats: AtomicUsize,
}

/// One caller's part in it. Dropping it is leaving.
pub(crate) struct Seat<K: Eq + Hash, T> {
    flying: Flying<K, T>,
    key: K,
    flight: Arc<Flight<T>>,
}

/// How a caller came to its seat.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Boarded {
    First,
    Joined,
}

/// The right to tell everybody, and the duty: what ends without a word is told as a failure.
pub(crate) struct Teller<K: Eq + Hash, T> {
    flying: Flying<K, T>,
    key: K,
    flight: Arc<Flight<T>>,
}

impl<K, T> Flights<K, T>
where
    K: Eq + Hash + Clone + Send + 'static,
    T: Clone + Send + Sync + 'static,
{
    pub(crate) fn new(token: CancelToken) -> Self {
        Self { flying: Arc::default(), token }
    }

    /// A seat in the flight for `key`; when there is none, `work` begins one.
    pub(crate) fn board<F, Fut>(&self, key: &K, work: F) -> (Seat<K, T>, Boarded)
    where
        F: FnOnce(Teller<K, T>) -> Fut,
        Fut: Future<Output = ()> + Send + 'static,
    {
        let mut flying = lock(&self.flying);
        if let Some(flight) = flying.get(key) {
            return (self.sit(key, flight), Boarded::Joined);
        }
        let token = self.token.child("shared work");
        let flight =
            Arc::new(Flight { told: watch::Sender::new(None), token: token.clone(), seats: AtomicUsize::new(0) });
        let seat = self.sit(key, &flight);
        flying.insert(key.clone(), Arc::clone(&flight));
        drop(flying);
        let work = work(Teller { flying: Arc::clone(&self.flying), key: key.clone(), flight });
        drop(token.clone().spawn("shared work", async move {
            // Stopped or done: its teller falls with it, and has told everybody.
            let _ended = token.run(work).await;
        }));
        (seat, Boarded::First)
    }

    /// A seat in the flight for `key`, if there is one.
    pub(crate) fn join(&self, key: &K) -> Option<Seat<K, T>> {
        lock(&self.flying).get(key).map(|flight| self.sit(key, flight))
    }

    /// Called under the map's lock.
    fn sit(&self, key: &K, flight: &Arc<Flight<T>>) -> Seat<K, T> {
        flight.seats.fetch_add(1, Ordering::Relaxed);
        Seat { flying: Arc::clone(&self.flying), key: key.clone(), flight: Arc::clone(flight) }
    }
}

impl<K: Eq + Hash, T: Clone> Seat<K, T> {
    /// Waits for what is told. Cancel safe.
    pub(crate) async fn told(&self) -> Result<T, Error> {
        match self.flight.told.subscribe().wait_for(Option::is_some).await {
            Ok(told) => told.clone().unwrap_or_else(|| Err(ended_without_a_word())),
            Err(_gone) => Err(ended_without_a_word()), // not while this seat holds the flight
        }
    }
}

impl<K: Eq + Hash, T> Teller<K, T> {
    /// The first word counts.
    pub(crate) fn tell(&self, what: Result<T, Error>) {
        self.flight.told.send_if_modified(|told| {
            let is_first = told.is_none();
            if is_first {
                *told = Some(what);
            }
            is_first
        });
    }

    /// From here on nobody can join; whoever comes begins anew.
    pub(crate) fn close(&self) {
        forget(&mut lock(&self.flying), &self.key, &self.flight);
    }

    /// Cancelled when nobody wants it any more.
    pub(crate) fn token(&self) -> &CancelToken {
        &self.flight.token
    }
}

impl<K: Eq + Hash, T> Drop for Teller<K, T> {
    fn drop(&mut self) {
        self.close();
        let why = self.flight.token.reason().map_or_else(ended_without_a_word, Error::cancelled);
        self.tell(Err(why)); // changes nothing when something was told
    }
}

impl<K: Eq + Hash, T> Drop for Seat<K, T> {
    fn drop(&mut self) {
        let mut flying = lock(&self.flying);
        if self.flight.seats.fetch_sub(1, Ordering::Relaxed) == 1 {
            forget(&mut flying, &self.key, &self.flight);
            drop(flying);
            self.flight.token.cancel(CancelReason::ClientGone); // changes nothing when the work has ended
        }
    }
}

impl<K, T> Clone for Flights<K, T> {
    fn clone(&self) -> Self {
        Self { flying: Arc::clone(&self.flying), token: self.token.clone() }
    }
}

/// Unless a newer flight has taken the key.
fn forget<K: Eq + Hash, T>(flying: &mut HashMap<K, Arc<Flight<T>>>, key: &K, flight: &Arc<Flight<T>>) {
    if flying.get(key).is_some_and(|newest| Arc::ptr_eq(newest, flight)) {
        flying.remove(key);
    }
}

fn lock<K, T>(flying: &Flying<K, T>) -> MutexGuard<'_, HashMap<K, Arc<Flight<T>>>> {
    // Every change under the lock is one map operation, so a poisoned map is still whole.
    flying.lock().unwrap_or_else(PoisonError::into_inner)
}

fn ended_without_a_word() -> Error {
    Error::internal("shared work ended without a word")
}

#[cfg(test)]
mod tests {
    use steadfast::Code;
    use tokio::sync::oneshot;

    use super::*;

    type Numbers = Flights<&'static str, u32>;

    fn flights() -> Numbers {
        Flights::new(CancelToken::root("test"))
    }

    /// Work that tells what it is sent.
    fn waiting(told: oneshot::Receiver<u32>) -> impl FnOnce(Teller<&'static str, u32>) -> BoxedWork {
        |teller| Box::pin(async move { teller.tell(told.await.map_err(|_| Error::unavailable("x"))) })
    }

    type BoxedWork = std::pin::Pin<Box<dyn Future<Output = ()> + Send>>;

    fn never(_: Teller<&'static str, u32>) -> std::future::Ready<()> {
        unreachable!("somebody does it already")
    }

    #[tokio::test]
    async fn everybody_who_asks_at_the_same_time_gets_what_one_worked_for() {
        let (flights, (tell, told)) = (flights(), oneshot::channel());
        let (first, how) = flights.board(&"a", waiting(told));
        let (second, also) = flights.board(&"a", never);
        assert_eq!((how, also), (Boarded::First, Boarded::Joined));
        tell.send(7).unwrap();
        assert_eq!((first.told().await.unwrap(), second.told().await.unwrap()), (7, 7));
    }

    #[tokio::test]
    async fn whoever_began_it_may_leave_and_with_the_last_one_it_ends() {
        let (flights, (tell, told)) = (flights(), oneshot::channel());
        let (first, _) = flights.board(&"a", waiting(told));
        let (second, _) = flights.board(&"a", never);
        let token = first.flight.token.clone();
        drop(first);
        assert!(!token.is_cancelled());
        drop(second);
        assert_eq!(token.reason(), Some(CancelReason::ClientGone));
        assert!(flights.join(&"a").is_none());
        drop(tell);
    }

    #[tokio::test]
    async fn a_failure_is_told_to_all_and_the_next_one_begins_anew() {
        let (flights, (tell, told)) = (flights(), oneshot::channel());
        let (first, _) = flights.board(&"a", waiting(told));
        let (second, _) = flights.board(&"a", never);
        drop(tell);
        for seat in [&first, &second] {
            assert_eq!(seat.told().await.unwrap_err().code(), Code::UNAVAILABLE);
        }
        tokio::task::yield_now().await;
        assert_eq!(flights.board(&"a", |_| std::future::ready(())).1, Boarded::First);
    }

    #[tokio::test]
    async fn work_that_ends_without_a_word_fails_everybody() {
        let flights = flights();
        let (seat, _) = flights.board(&"a", |_teller| std::future::ready(()));
        assert_eq!(seat.told().await.unwrap_err().code(), Code::INTERNAL);
    }

    #[tokio::test]
    async fn a_stop_from_above_is_told_as_what_it_is() {
        let root = CancelToken::root("test");
        let flights: Numbers = Flights::new(root.child("flights"));
        let (seat, _) = flights.board(&"a", |teller| async move {
            std::future::pending::<()>().await;
            drop(teller);
        });
        root.cancel(CancelReason::Shutdown);
        assert_eq!(seat.told().await.unwrap_err().cancel_reason(), Some(CancelReason::Shutdown));
    }
}
