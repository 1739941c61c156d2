//! A bounded map that evicts by second chance (the "clock" of Corbató, "A Paging Experiment with the Multics System",
//! 1968): close to least-recently-used, but a hit only sets a mark. It knows no time and no lock.

use std::{collections::HashMap, hash::Hash};

#[derive(Debug)]
pub(super) struct Store<K, V> {
    places: HashMap<K, usize>,
    /// Every kept value, in the order in which the hand comes past them.
    ring: Vec<Entry<K, V>>,
    hand: usize,
    capacity: usize,
}

#[derive(Debug)]
struct Entry<K, V> {
    key: K,
    value: V,
    /// Asked for since the hand last came past.
    used: bool,
}

impl<K, V> Store<K, V> {
    pub(super) fn new(capacity: usize) -> Self {
        Self { places: HashMap::new(), ring: Vec::new(), hand: 0, capacity }
    }

    pub(super) fn len(&self) -> usize {
        self.ring.len()
    }
}

impl<K: Eq + Hash + Clone, V> Store<K, V> {
    pub(super) fn get(&mut self, key: &K) -> Option<&V> {
        let entry = self.ring.get_mut(*self.places.get(key)?)?;
        entry.used = true;
        Some(&entry.value)
    }

    /// Keeps `value`, and gives back what it replaced or pushed out, to be dropped outside a lock.
    pub(super) fn insert(&mut self, key: K, value: V) -> Option<V> {
        if let Some(entry) = self.places.get(&key).and_then(|place| self.ring.get_mut(*place)) {
            return Some(std::mem::replace(&mut entry.value, value));
        }
        if self.capacity == 0 {
            return Some(value);
        }
        let entry = Entry { key: key.clone(), value, used: false };
        if self.ring.len() < self.capacity {
            self.places.insert(key, self.ring.len());
            self.ring.push(entry);
            return None;
        }
        let place = self.victim();
        let old = std::mem::replace(self.ring.get_mut(place)?, entry);
        self.places.remove(&old.key);
        self.places.insert(key, place);
        Some(old.value)
    }

    pub(super) fn remove(&mut self, key: &K) -> Option<V> {
        let place = self.places.remove(key)?;
        let old = self.ring.swap_remove(place);
        // The last one has taken its place.
        if let Some(moved) = self.ring.get(place) {
            self.places.insert(moved.key.clone(), place);
        }
        Some(old.value)
    }

    /// Takes the mark from those that the hand passes and stops at one without: after one round at the latest.
    fn victim(&mut self) -> usize {
        loop {
            let place = self.hand % self.ring.len().max(1);
            self.hand = place + 1;
            match self.ring.get_mut(place) {
                Some(entry) if entry.used => entry.used = false,
                Some(_) | None => return place,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::VecDeque;

    #[derive(Debug, Clone, Copy)]
    enum Step {
        Get(u8),
        Insert(u8, u32),
    }

    /// Second chance as a textbook draws it: the front of a queue goes, or to the back when it was used.
    #[derive(Default)]
    struct Queue(VecDeque<(u8, u32, bool)>);

    impl Queue {
        fn get(&mut self, key: u8) -> Option<u32> {
            let entry = self.0.iter_mut().find(|entry| entry.0 == key)?;
            entry.2 = true;
            Some(entry.1)
        }

        fn insert(&mut self, key: u8, value: u32, capacity: usize) {
            if let Some(entry) = self.0.iter_mut().find(|entry| entry.0 == key) {
                entry.1 = value;
                return;
            }
            while self.0.len() >= capacity {
                match self.0.pop_front() {
                    Some((key, value, true)) => self.0.push_back((key, value, false)),
                    _ => break,
                }
            }
            self.0.push_back((key, value, false));
        }
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![(0..12u8).prop_map(Step::Get), (0..12u8, any::<u32>()).prop_map(|(k, v)| Step::Insert(k, v))]
    }

    proptest! {
        #[test]
        fn it_keeps_what_the_textbook_keeps(capacity in 1..6usize, steps in prop::collection::vec(step(), 0..200)) {
            let (mut store, mut queue) = (Store::new(capacity), Queue::default());
            for step in steps {
                match step {
                    Step::Get(key) => prop_assert_eq!(store.get(&key).copied(), queue.get(key)),
                    Step::Insert(key, value) => {
                        store.insert(key, value);
                        queue.insert(key, value, capacity);
                    }
                }
                prop_assert_eq!(store.len(), queue.0.len());
            }
        }

        #[test]
        fn what_was_removed_is_gone_and_nothing_else(
            keys in prop::collection::vec(0..12u8, 0..30),
            removed in prop::collection::vec(0..12u8, 0..10),
        ) {
            let mut store = Store::new(12);
            for key in &keys {
                store.insert(*key, u32::from(*key));
            }
            for key in &removed {
                store.remove(key);
            }
            for key in 0..12u8 {
                let stays = keys.contains(&key) && !removed.contains(&key);
                prop_assert_eq!(store.get(&key).copied(), stays.then_some(u32::from(key)));
            }
        }
    }
}
