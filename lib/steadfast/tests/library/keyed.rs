//! Policies by key: one per key, shared by all who ask, and never more than allowed.

use proptest::prelude::*;
use std::sync::{
    Arc, Barrier,
    atomic::{AtomicUsize, Ordering},
};
use steadfast::{Bulkhead, Keyed};

#[test]
fn a_key_keeps_its_policy_and_two_keys_share_nothing() {
    let limits = Keyed::new(|key: &String| Bulkhead::new(1).named(key.clone()));
    let permit = limits.of("a").try_enter().unwrap();
    assert!(limits.clone().of("a").try_enter().is_err());
    assert!(limits.of("b").try_enter().is_ok());
    assert_eq!((limits.of("a").target(), limits.len(), limits.is_empty()), ("a", 2, false));
    drop(permit);
    assert!(limits.of("a").try_enter().is_ok());
}

#[test]
fn a_forgotten_key_begins_anew_and_who_holds_the_old_policy_keeps_it() {
    let limits = Keyed::new(|_: &u32| Bulkhead::new(1));
    let old = limits.of(&7);
    let permit = old.try_enter().unwrap();
    limits.forget(&7);
    assert!(limits.of(&7).try_enter().is_ok());
    assert!(old.try_enter().is_err());
    drop(permit);
    assert_eq!(limits.len(), 1);
}

#[test]
fn many_callers_of_a_new_key_get_the_same_policy() {
    let limits = Keyed::new(|_: &u32| Bulkhead::new(1_000));
    let (together, inside) = (Barrier::new(8), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                for key in 0..200 {
                    together.wait();
                    let permit = limits.of(&key).try_enter().unwrap();
                    together.wait();
                    inside.fetch_max(limits.of(&key).in_flight() as usize, Ordering::SeqCst);
                    assert_eq!(limits.of(&key).in_flight(), 8);
                    together.wait();
                    drop(permit);
                }
            });
        }
    });
    assert_eq!((inside.into_inner(), limits.len()), (8, 200));
}

proptest! {
    /// The model is a list, the key that was asked for last at its end. Only a new key moves the time on, so two old
    /// keys may be equally old; then either may go.
    #[test]
    fn it_holds_so_many_keys_and_forgets_an_oldest(most in 0_usize..5, keys in prop::collection::vec(0_u32..9, 0..80)) {
        let made = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&made);
        let limits = Keyed::at_most(most, move |_: &u32| {
            counter.fetch_add(1, Ordering::SeqCst);
            Bulkhead::new(1)
        });
        let most = most.max(1);
        let (mut era, mut model) = (0_u64, Vec::<(u32, u64)>::new());
        for key in keys {
            let before = made.load(Ordering::SeqCst);
            limits.of(&key);
            let is_new = made.load(Ordering::SeqCst) > before;
            if let Some(known) = model.iter_mut().find(|(known, _)| *known == key) {
                if is_new {
                    // It may be gone only if it was among the oldest when something had to go.
                    prop_assert_eq!(known.1, u64::MAX, "{} was forgotten too early", key);
                    era += 1;
                }
                known.1 = era;
            } else {
                prop_assert!(is_new);
                era += 1;
                model.push((key, era));
            }
            prop_assert!(limits.len() <= most);
            if is_new && era > most as u64 {
                // Somebody went; the model does not know which of the oldest, so it marks them all.
                let oldest = model.iter().filter(|(other, age)| *other != key && *age != u64::MAX).map(|(_, age)| *age).min();
                model.iter_mut().filter(|(other, age)| *other != key && Some(*age) == oldest).for_each(|(_, age)| *age = u64::MAX);
            }
        }
    }
}
