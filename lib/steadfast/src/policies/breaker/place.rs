//! Which of a tally's cells a thread writes. The first sixteen threads own theirs, so that counting is a load and
//! a store without a locked instruction; later threads share eight more. A place is given back when its thread ends.

#[cfg(loom)]
pub(super) use modelled::here;
#[cfg(not(loom))]
pub(super) use real::here;

/// How many threads own a cell; more than most machines run at once.
pub(super) const OWNED: usize = if cfg!(loom) { 1 } else { 16 };

/// How many cells the other threads share.
pub(super) const SHARED: usize = if cfg!(loom) { 1 } else { 8 };

/// The number of a cell; below `OWNED` no other thread writes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place(pub(super) usize);

impl Place {
    pub(super) fn is_owned(self) -> bool {
        self.0 < OWNED
    }
}

#[cfg(not(loom))]
mod real {
    use super::{OWNED, Place, SHARED};
    use std::{
        cell::Cell,
        sync::atomic::{AtomicU32, AtomicUsize, Ordering},
    };

    /// A bit for each place that has an owner.
    static OWNERS: AtomicU32 = AtomicU32::new(0);
    /// Deals the shared places out in turn.
    static NEXT: AtomicUsize = AtomicUsize::new(0);

    thread_local! {
        // Two, because the one that is read on every call must not need a destructor.
        static PLACE: Cell<usize> = const { Cell::new(usize::MAX) };
        static OWNER: Owner = Owner::new();
    }

    #[inline]
    pub(in super::super) fn here() -> Place {
        match PLACE.get() {
            usize::MAX => take(),
            place => Place(place),
        }
    }

    #[cold]
    fn take() -> Place {
        // A thread that is ending has no place of its own any more.
        let place = OWNER.try_with(|owner| owner.0).ok().flatten().unwrap_or_else(shared);
        PLACE.set(place);
        Place(place)
    }

    fn shared() -> usize {
        OWNED + NEXT.fetch_add(1, Ordering::Relaxed) % SHARED
    }

    struct Owner(Option<usize>);

    impl Owner {
        fn new() -> Self {
            let lowest_free = |owners: u32| (owners.trailing_ones() < OWNED as u32).then_some(owners | (owners + 1));
            // Acquire: what the last owner counted must be seen.
            let before = OWNERS.fetch_update(Ordering::AcqRel, Ordering::Acquire, lowest_free).ok();
            Self(before.map(|owners| owners.trailing_ones() as usize))
        }
    }

    impl Drop for Owner {
        fn drop(&mut self) {
            if let Some(place) = self.0 {
                // Whatever this thread still counts while it ends goes to a shared place.
                PLACE.set(shared());
                OWNERS.fetch_and(!(1 << place), Ordering::AcqRel);
            }
        }
    }

    #[cfg(test)]
    mod tests {
        use super::*;
        use std::sync::Barrier;

        #[test]
        fn no_two_living_threads_own_the_same_place_and_a_dead_one_gives_its_place_back() {
            for _ in 0..3 {
                let together = Barrier::new(40);
                let places: Vec<(Place, Place)> = std::thread::scope(|threads| {
                    let keep = || {
                        let places = (here(), here());
                        together.wait();
                        places
                    };
                    let threads: Vec<_> = (0..40).map(|_| threads.spawn(keep)).collect();
                    threads.into_iter().map(|thread| thread.join().unwrap()).collect()
                });
                assert!(places.iter().all(|(first, second)| first == second), "{places:?}");
                let places: Vec<usize> = places.into_iter().map(|(place, _)| place.0).collect();
                let mut owned: Vec<_> = places.iter().filter(|place| **place < OWNED).collect();
                owned.sort_unstable();
                let before = owned.len();
                owned.dedup();
                assert_eq!(before, owned.len(), "{places:?}");
                // Other tests of this program may hold a few.
                assert!(before > 1 && places.iter().all(|place| *place < OWNED + SHARED), "{places:?}");
            }
        }
    }
}

/// Loom forgets its threads between two runs, so the model's threads count themselves anew each time.
#[cfg(loom)]
mod modelled {
    use super::{OWNED, Place, SHARED};
    use loom::sync::atomic::{AtomicUsize, Ordering};

    loom::lazy_static! {
        static ref NEXT: AtomicUsize = AtomicUsize::new(0);
    }

    loom::thread_local! {
        static PLACE: usize = NEXT.fetch_add(1, Ordering::Relaxed).min(OWNED + SHARED - 1);
    }

    pub(in super::super) fn here() -> Place {
        Place(PLACE.with(|place| *place))
    }
}
