//! Every interleaving (with up to three preemptions) of a breaker's probes, counters and moves, by loom's model
//! checker. It runs only under `RUSTFLAGS="--cfg loom" cargo test -p steadfast --test loom_breaker --release`.
//! Surprise: in the model only the first thread that counts owns its cell, so that two more must share one.
#![cfg(loom)]

use loom::thread;
use std::time::Duration;
use steadfast::{Breaker, BreakerState, Clock, Error};

const PAUSE: Duration = Duration::from_secs(30);

fn model(run: impl Fn() + Sync + Send + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(3);
    builder.check(run);
}

fn fail(breaker: &Breaker) {
    let entered = breaker.enter().map(|permit| permit.failure(&Error::unavailable("shop")));
    assert!(entered.is_ok(), "{entered:?}");
}

fn is_open(breaker: &Breaker) -> bool {
    matches!(breaker.state(), BreakerState::Open { .. })
}

/// A breaker whose next call is a probe.
fn ready_to_probe(pattern: &Breaker) -> Breaker {
    let clock = Clock::manual();
    let breaker = pattern.with_clock(clock.clone());
    fail(&breaker);
    clock.advance(PAUSE);
    breaker
}

#[test]
fn no_more_probes_are_under_way_than_allowed() {
    for allowed in [1, 2] {
        model(move || {
            let breaker = ready_to_probe(&Breaker::consecutive(1).half_open_probes(allowed));
            let callers = [0, 1].map(|_| {
                let breaker = breaker.clone();
                thread::spawn(move || breaker.try_enter().ok())
            });
            let ours = breaker.try_enter().ok();
            let theirs = callers.map(|caller| caller.join().unwrap());
            // All permits are still held here.
            let under_way = theirs.iter().chain([&ours]).flatten().count();
            assert_eq!(under_way, allowed as usize);
        });
    }
}

#[test]
fn a_place_that_is_given_back_lets_the_next_one_in() {
    model(|| {
        let breaker = ready_to_probe(&Breaker::consecutive(1));
        let other = breaker.clone();
        let caller = thread::spawn(move || drop(other.try_enter()));
        drop(breaker.try_enter());
        caller.join().unwrap();
        // Nobody is inside, so nobody may be refused.
        breaker.try_enter().unwrap().success();
        assert_eq!(breaker.state(), BreakerState::Closed);
    });
}

#[test]
fn failures_of_two_threads_are_counted_exactly() {
    model(|| {
        let breaker = Breaker::consecutive(3).with_clock(Clock::manual());
        let other = breaker.clone();
        let caller = thread::spawn(move || fail(&other));
        fail(&breaker);
        caller.join().unwrap();
        assert_eq!(breaker.state(), BreakerState::Closed);
        fail(&breaker);
        assert!(is_open(&breaker));
    });
}

#[test]
fn a_success_forgets_the_failures_before_it_and_no_others() {
    model(|| {
        let breaker = Breaker::consecutive(2).with_clock(Clock::manual());
        let other = breaker.clone();
        let caller = thread::spawn(move || other.enter().unwrap().success());
        fail(&breaker);
        caller.join().unwrap();
        // The success was before or after the failure; the next two failures are certainly after it.
        fail(&breaker);
        if !is_open(&breaker) {
            fail(&breaker);
        }
        assert!(is_open(&breaker));
    });
}

#[test]
fn a_success_beside_a_failure_forgets_nothing_that_comes_later() {
    model(|| {
        let breaker = Breaker::consecutive(3).with_clock(Clock::manual());
        fail(&breaker);
        let other = breaker.clone();
        let caller = thread::spawn(move || other.enter().unwrap().success());
        fail(&breaker);
        caller.join().unwrap();
        // At most one failure came after the success, so this is the second in a row.
        fail(&breaker);
        assert_eq!(breaker.state(), BreakerState::Closed);
    });
}

#[test]
fn a_success_beside_an_opening_failure_does_not_let_anybody_in() {
    model(|| {
        let breaker = Breaker::consecutive(2).with_clock(Clock::manual());
        fail(&breaker);
        let late = breaker.enter().unwrap();
        let caller = thread::spawn(move || late.success());
        fail(&breaker);
        caller.join().unwrap();
        assert_eq!(is_open(&breaker), breaker.try_enter().is_err());
    });
}

/// Five calls are needed before the window is judged: so it opens when, and only when, none was lost.
fn no_success_is_lost(pattern: impl Fn() -> Breaker + Sync + Send + 'static) {
    model(move || {
        let breaker = pattern().min_calls(5).with_clock(Clock::manual());
        let callers = [0, 1].map(|_| {
            let breaker = breaker.clone();
            thread::spawn(move || breaker.enter().unwrap().success())
        });
        breaker.enter().unwrap().success();
        fail(&breaker);
        callers.into_iter().for_each(|caller| caller.join().unwrap());
        assert_eq!(breaker.state(), BreakerState::Closed);
        fail(&breaker);
        assert!(is_open(&breaker));
    });
}

#[test]
fn no_success_is_lost_in_a_window_of_calls() {
    no_success_is_lost(|| Breaker::failure_rate(0.0));
}

#[test]
fn no_success_is_lost_in_a_window_of_time() {
    no_success_is_lost(|| Breaker::failure_rate(0.0).window(PAUSE));
}

/// In both orders of birth, because loom looks more closely at what the younger thread does.
#[test]
fn nothing_is_lost_while_it_closes() {
    for probe_is_younger in [false, true] {
        model(move || {
            let breaker = ready_to_probe(&Breaker::failure_rate(0.0).min_calls(1));
            breaker.reconfigure(&Breaker::failure_rate(0.0).min_calls(2));
            let probe = breaker.try_enter().unwrap();
            let other = breaker.clone();
            // While the probe is out, only a closed breaker lets anybody in.
            let call = move || other.try_enter().map(|permit| permit.success()).is_ok();
            let counted = if probe_is_younger {
                let prober = thread::spawn(move || probe.success());
                let counted = call();
                prober.join().unwrap();
                counted
            } else {
                let caller = thread::spawn(call);
                probe.success();
                caller.join().unwrap()
            };
            fail(&breaker);
            assert_eq!(is_open(&breaker), counted);
        });
    }
}

#[test]
fn what_is_isolated_stays_isolated() {
    model(|| {
        let breaker = ready_to_probe(&Breaker::consecutive(1));
        let other = breaker.clone();
        let caller = thread::spawn(move || other.try_enter().map(|probe| probe.success()).is_ok());
        breaker.force_open();
        caller.join().unwrap();
        assert!(is_open(&breaker) && breaker.try_enter().is_err());
    });
}
