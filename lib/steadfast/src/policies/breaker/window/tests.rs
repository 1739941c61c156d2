//! The windows by themselves: how much room they take, and what survives a change.

use super::*;

#[test]
fn a_window_of_calls_holds_no_more_runs_than_calls_however_long_it_lives() {
    let mut calls = Calls::new(10);
    for healthy in 0..100_000u64 {
        calls.record(healthy / 3, Mark { failed: true, slow: false });
        assert!(calls.runs() <= 11);
    }
    // A very long run of successes is one run.
    let totals = calls.totals(u64::MAX / 2);
    assert_eq!((totals, calls.runs()), (Totals { calls: 10, failures: 0, slow: 0 }, 1));
}

#[test]
fn a_tally_that_wraps_around_is_read_on() {
    let mut calls = Calls::new(10);
    calls.clear(u64::MAX - 1);
    let totals = calls.record(1, Mark { failed: true, slow: true });
    assert_eq!(totals, Totals { calls: 4, failures: 1, slow: 1 });
}

#[test]
fn what_is_carried_over_keeps_its_numbers_as_far_as_they_fit() {
    let mut calls = Calls::new(4);
    calls.carry(Totals { calls: 100, failures: 2, slow: 3 }, 50);
    assert_eq!(calls.totals(50), Totals { calls: 4, failures: 2, slow: 3 });
    calls.carry(Totals { calls: 3, failures: 0, slow: 1 }, 50);
    assert_eq!(calls.totals(51), Totals { calls: 4, failures: 0, slow: 1 });
}

#[test]
fn a_bucket_is_a_tenth_of_the_window_rounded_up() {
    assert_eq!(bucket(Duration::from_secs(30)), 3_000_000_000);
    assert_eq!(bucket(Duration::from_nanos(10_000_001)), 1_000_001);
    assert_eq!(bucket(Duration::MAX), u64::MAX);
}
