//! The tally, cell by cell and against a map of buckets that never forgets.

use super::*;
use proptest::prelude::*;
use std::collections::BTreeMap;

const OWN: Place = Place(0);
const LENT: Place = Place(OWNED);

fn count_of(tally: &Tally, epoch: Epoch) -> u64 {
    tally.within(|other| other == epoch)
}

#[test]
fn a_tally_that_is_off_takes_no_room_and_asks_for_no_time() {
    let tally = Tally::new(Scale::OFF);
    tally.success(|| unreachable!("nobody asked"));
    assert_eq!((tally.calls(), tally.cells.get().is_some()), (0, false));
    let calls = Tally::new(Scale::CALLS);
    calls.success(|| unreachable!("nobody asked"));
    assert_eq!(calls.calls(), 1);
}

#[test]
fn a_late_call_does_not_take_the_place_of_a_newer_bucket() {
    let scale = Scale::time(10, 0);
    let tally = Tally::new(scale);
    for place in [OWN, LENT] {
        tally.success_at(place, scale, || 100);
        tally.success_at(place, scale, || 0);
    }
    assert_eq!((count_of(&tally, scale.epoch(100)), count_of(&tally, scale.epoch(0))), (2, 0));
}

#[test]
fn a_full_bucket_stays_full() {
    let epoch = Scale::time(10, 3).epoch(70);
    let full = epoch.0 << COUNT_BITS | MOST;
    assert_eq!(epoch.one_more(full), None);
    assert_eq!(epoch.one_more(full - 1), Some(full));
}

#[test]
fn epochs_of_another_edition_are_never_lately() {
    for (now, then) in [(0, 0), (95, 90), (u64::MAX, 0)] {
        let (old, new) = (Scale::time(10, 15).epoch(then), Scale::time(10, 16).epoch(now));
        assert!(new.since(old) >= BUCKETS as u64 && old.since(new) >= BUCKETS as u64);
        // And the new edition takes the place of the old one.
        assert_eq!(new.one_more(old.0 << COUNT_BITS | 7), Some(new.0 << COUNT_BITS | 1));
    }
}

proptest! {
    /// Against a map of buckets that never forgets, in the order of time, on both kinds of cells.
    #[test]
    fn every_bucket_that_is_still_there_is_exact(
        steps in prop::collection::vec((0..OWNED + SHARED, 0..40u64), 0..300),
    ) {
        let scale = Scale::time(10, 5);
        let tally = Tally::new(scale);
        let (mut now, mut slow) = (0, BTreeMap::new());
        for (place, pass) in steps {
            now += pass;
            tally.success_at(Place(place), scale, || now);
            *slow.entry(now / 10).or_insert(0) += 1;
            let present = scale.epoch(now);
            let lately = tally.within(|epoch| present.since(epoch) < BUCKETS as u64);
            let expected: u64 = slow.range((now / 10).saturating_sub(9)..).map(|(_, count)| count).sum();
            prop_assert_eq!(lately, expected);
        }
    }
}
