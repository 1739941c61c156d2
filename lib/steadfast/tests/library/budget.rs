//! The budget: a slow model of the same rules, many threads at once, and the numbers of AWS and gRPC.

use proptest::prelude::*;
use std::{
    sync::{
        Barrier,
        atomic::{AtomicU32, Ordering},
    },
    thread,
    time::Duration,
};
use steadfast::{Budget, Classify, Clock, Error};

#[test]
fn the_bucket_of_the_aws_sdks_pays_for_35_transient_or_100_throttled_retries() {
    for (error, retries) in [(Error::unavailable("shop"), 35), (Error::rate_limited("shop", None), 100)] {
        let budget = Budget::default();
        let cost = budget.cost_after(error.guidance());
        assert_eq!((0..1000).filter(|_| budget.try_spend(cost)).count(), retries);
    }
}

#[test]
fn a_named_wait_is_a_throttled_retry_whoever_is_to_blame() {
    let budget = Budget::tokens(100).costs(9, 4);
    let waits = Error::unavailable("shop").with_retry_after(Duration::from_secs(1));
    assert_eq!(budget.cost_after(waits.guidance()), 4);
    assert_eq!(budget.cost_after(Error::unavailable("shop").guidance()), 9);
}

#[test]
fn clones_share_tokens_and_a_builder_starts_anew() {
    let budget = Budget::tokens(10);
    let clone = budget.clone();
    assert!(clone.try_spend(7));
    assert_eq!((budget.available(), budget.named("other").available()), (3, 10));
    assert!(budget == clone && budget != budget.named("other"));
}

#[test]
fn what_does_not_fit_is_not_taken_in_part_and_what_runs_over_is_lost() {
    let budget = Budget::tokens(10);
    assert!(!budget.try_spend(11));
    assert_eq!(budget.available(), 10);
    budget.refund(u32::MAX);
    assert_eq!(budget.available(), 10);
    assert!(budget.try_spend(10) && budget.try_spend(0) && !budget.try_spend(1));
}

#[test]
fn a_ratio_grants_one_retry_for_five_successes() {
    let budget = Budget::ratio(0.2);
    assert!(budget.try_spend(10));
    for _ in 0..4 {
        budget.succeeded();
        assert!(!budget.try_spend(1));
    }
    budget.succeeded_after(1);
    assert!(budget.try_spend(1) && !budget.try_spend(1));
}

#[test]
fn nonsense_ratios_are_moved_to_the_nearest_sense() {
    for (share, earned) in [(f64::NAN, 0), (-3.0, 0), (7.0, 1), (f64::INFINITY, 1)] {
        let budget = Budget::ratio(share);
        assert!(budget.try_spend(10));
        budget.succeeded();
        assert_eq!(budget.available(), earned, "{share}");
    }
    assert_eq!(Budget::tokens(0).available(), 1);
    assert!(Budget::ratio(0.1).floor_per_sec(u32::MAX).try_spend(u32::MAX));
}

#[test]
fn a_floor_grants_by_the_clock_and_keeps_ten_seconds_in_hand() {
    let clock = Clock::manual();
    let budget = Budget::ratio(0.2).floor_per_sec(10).with_clock(clock.clone());
    assert_eq!(budget.available(), 100);
    assert!(budget.try_spend(100));
    clock.advance(Duration::from_millis(99));
    assert!(!budget.try_spend(1));
    clock.advance(Duration::from_millis(1));
    assert!(budget.try_spend(1) && !budget.try_spend(1));
    clock.advance(Duration::from_secs(3600));
    assert_eq!(budget.available(), 100);
}

#[tokio::test(start_paused = true)]
async fn a_floor_follows_paused_time() {
    let budget = Budget::ratio(0.0).floor_per_sec(1);
    assert!(budget.try_spend(10) && !budget.try_spend(1));
    Clock::real().sleep(Duration::from_secs(2)).await;
    assert_eq!(budget.available(), 2);
}

#[test]
fn many_threads_never_get_out_more_than_was_in() {
    let budget = Budget::tokens(1000);
    let (taken, put, start) = (AtomicU32::new(0), AtomicU32::new(0), Barrier::new(4));
    thread::scope(|scope| {
        for thread in 0..4u32 {
            let (budget, taken, put, start) = (budget.clone(), &taken, &put, &start);
            scope.spawn(move || {
                start.wait();
                for round in 0..20_000 {
                    let cost = 1 + (round + thread) % 7;
                    if budget.try_spend(cost) {
                        taken.fetch_add(cost, Ordering::Relaxed);
                        if round % 3 == 0 {
                            put.fetch_add(cost, Ordering::Relaxed);
                            budget.refund(cost);
                        }
                    }
                }
            });
        }
    });
    // Nothing earned, nothing ran over: what went in is exactly what came out and what is left.
    assert_eq!(taken.into_inner() + budget.available(), 1000 + put.into_inner());
}

#[test]
fn many_threads_are_granted_each_moment_once() {
    let clock = Clock::manual();
    let budget = Budget::ratio(0.0).floor_per_sec(1000).with_clock(clock.clone());
    assert!(budget.try_spend(10_000));
    let taken = AtomicU32::new(0);
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..1_000 {
                    clock.advance(Duration::from_millis(1));
                    while budget.try_spend(1) {
                        taken.fetch_add(1, Ordering::Relaxed);
                    }
                }
            });
        }
    });
    assert_eq!(taken.into_inner() + budget.available(), 4_000);
}

/// The same rules with fractions and without any cleverness.
struct Slow {
    tokens: f64,
    capacity: f64,
    earned: f64,
    floor_per_sec: f64,
    refunds_cost: bool,
}

impl Slow {
    fn add(&mut self, tokens: f64) {
        self.tokens = (self.tokens + tokens).min(self.capacity);
    }
}

#[derive(Debug, Clone, Copy)]
enum Step {
    Spend(u32),
    Refund(u32),
    Succeed,
    SucceedAfter(u32),
    Wait(u64),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (0..30u32).prop_map(Step::Spend),
        1 => (0..30u32).prop_map(Step::Refund),
        4 => Just(Step::Succeed),
        1 => (0..30u32).prop_map(Step::SucceedAfter),
        2 => (0..400u64).prop_map(Step::Wait),
    ]
}

proptest! {
    #[test]
    fn it_does_what_the_slow_model_does(
        capacity in 1..200u32,
        share in prop::option::of(0..=1000u32),
        floor in 0..40u32,
        steps in prop::collection::vec(step(), 1..200),
    ) {
        let clock = Clock::manual();
        let budget = match share {
            Some(share) => Budget::ratio(f64::from(share) / 1000.0),
            None => Budget::tokens(capacity),
        };
        let budget = budget.floor_per_sec(floor).with_clock(clock.clone());
        let base = if share.is_some() { 10 } else { capacity };
        let capacity = f64::from(base.max(floor * 10));
        let mut slow = Slow {
            tokens: capacity,
            capacity,
            earned: share.map_or(1.0, |share| f64::from(share) / 1000.0),
            floor_per_sec: f64::from(floor),
            refunds_cost: share.is_none(),
        };
        for step in steps {
            match step {
                Step::Spend(cost) => {
                    let fits = slow.tokens + 1e-6 >= f64::from(cost);
                    prop_assert_eq!(budget.try_spend(cost), fits, "{} of {}", cost, slow.tokens);
                    slow.tokens -= if fits { f64::from(cost) } else { 0.0 };
                }
                Step::Refund(tokens) => {
                    budget.refund(tokens);
                    slow.add(f64::from(tokens));
                }
                Step::Succeed => {
                    budget.succeeded();
                    slow.add(slow.earned);
                }
                Step::SucceedAfter(cost) => {
                    budget.succeeded_after(cost);
                    slow.add(if slow.refunds_cost { f64::from(cost) } else { slow.earned });
                }
                Step::Wait(ms) => {
                    clock.advance(Duration::from_millis(ms));
                    slow.add(slow.floor_per_sec * ms as f64 / 1000.0);
                    // The model grants at once, the budget when it is asked: ask, so that both cap at the same time.
                    budget.available();
                }
            }
            prop_assert_eq!(budget.available(), (slow.tokens + 1e-6).floor() as u32);
        }
    }
}
