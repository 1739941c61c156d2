//! Mistakes that other breakers make, measured or read in their source, each by its name. Ours must not make them.
//! The names are those of the crates' versions of 2026-11: tower-resilience 0.13, recloser 1.4, failsafe 1.3,
//! seatbelt 0.11; Polly 8.7, Resilience4j 2.4 and opossum 10 for other languages.

use crate::breaking::{SECOND, fail, is_open, succeed};
use std::sync::{
    Barrier,
    atomic::{AtomicU32, Ordering},
};
use steadfast::{Abandoned, Breaker, BreakerState, Call, CancelReason, CancelToken, Clock, Deadline, Error, Timeout};

fn call() -> Call {
    Call::new("buy", &CancelToken::root("test"))
}

fn hangs() -> impl Future<Output = Result<(), Error>> {
    std::future::pending()
}

/// tower-resilience: 100 / 1,000 / 10,000 / 100,000 failures after as many successes.
#[test]
fn a_window_that_never_slides() {
    for successes in [100, 1_000, 10_000, 100_000] {
        let breaker = Breaker::failure_rate(0.5).window_calls(100);
        (0..successes).for_each(|_| succeed(&breaker));
        let needed = (1..=200_000).find(|_| {
            fail(&breaker);
            is_open(&breaker)
        });
        assert_eq!(needed, Some(50), "after {successes} successes");
    }
}

/// tower-resilience: 0.7 microseconds with 100 calls in the window, 300 with 50,000.
#[test]
fn a_time_window_that_costs_more_the_more_calls_are_in_it() {
    #[expect(clippy::disallowed_methods, reason = "it measures the machine")]
    let fastest = |calls: u32| {
        let breaker = Breaker::failure_rate(1.0).window(SECOND * 3600).with_clock(Clock::manual());
        (0..calls).for_each(|number| if number % 2 == 0 { succeed(&breaker) } else { fail(&breaker) });
        let timed = |_| {
            let began = std::time::Instant::now();
            fail(&breaker);
            succeed(&breaker);
            began.elapsed()
        };
        (0..500).map(timed).min().unwrap()
    };
    let (few, many) = (fastest(100), fastest(50_000));
    assert!(many < few * 20, "{few:?} with 100 calls, {many:?} with 50,000");
}

/// recloser and failsafe: 100 of 100.
#[test]
fn half_open_calls_that_all_reach_the_backend() {
    let clock = Clock::manual();
    let breaker = Breaker::consecutive(1).with_clock(clock.clone());
    fail(&breaker);
    clock.advance(SECOND * 30);
    let (reached, together) = (AtomicU32::new(0), Barrier::new(100));
    std::thread::scope(|threads| {
        for _ in 0..100 {
            threads.spawn(|| {
                together.wait();
                let permit = breaker.enter();
                reached.fetch_add(permit.is_ok().into(), Ordering::Relaxed);
                // Nobody leaves before everybody has asked.
                together.wait();
            });
        }
    });
    assert_eq!(reached.into_inner(), 1);
}

/// Polly 8 counts a cancelled call as a success, and closes on it.
#[tokio::test(start_paused = true)]
async fn a_cancelled_call_that_closes_a_half_open_breaker() {
    for reason in [CancelReason::UserStop, CancelReason::HedgeLost, CancelReason::Shutdown] {
        let breaker = Breaker::consecutive(1);
        fail(&breaker);
        Clock::real().sleep(SECOND * 30).await;
        let call = call();
        let (run, stop) = (breaker.run(&call, hangs()), async { call.token().cancel(reason) });
        let (ended, _) = tokio::join!(run, stop);
        assert_eq!(ended.unwrap_err().cancel_reason(), Some(reason));
        assert_eq!(breaker.state(), BreakerState::HalfOpen, "{reason}");
        // Its place is free again.
        succeed(&breaker);
        assert_eq!(breaker.state(), BreakerState::Closed);
    }
}

/// PostHog #58090 and others: users who leave hide an outage, or make one.
#[tokio::test(start_paused = true)]
async fn cancelled_calls_that_count_at_all() {
    let breaker = Breaker::failure_rate(0.5).window_calls(20).min_calls(10);
    let cancel = async |reason| {
        let call = call();
        let (ended, _) = tokio::join!(breaker.run(&call, hangs()), async { call.token().cancel(reason) });
        ended.unwrap_err();
    };
    for _ in 0..50 {
        cancel(CancelReason::ClientGone).await;
    }
    assert_eq!(breaker.state(), BreakerState::Closed);
    (0..9).for_each(|_| fail(&breaker));
    for _ in 0..50 {
        cancel(CancelReason::ClientGone).await;
    }
    fail(&breaker);
    assert!(is_open(&breaker));
}

/// Every Rust breaker that was measured stays closed after 50 panics.
#[tokio::test]
async fn panics_that_are_not_counted() {
    let breaker = Breaker::failure_rate(0.5).min_calls(50);
    let token = CancelToken::root("test");
    for _ in 0..50 {
        let (breaker, call) = (breaker.clone(), call());
        let clumsy = async move { if call.operation() == "buy" { panic!("slipped") } else { Ok::<(), Error>(()) } };
        let outer = Call::new("outer", &token);
        let work = async move { breaker.run(&outer, clumsy).await };
        token.spawn("clumsy", work).await.unwrap_err();
    }
    assert!(is_open(&breaker));
}

/// tower-resilience, in the order of its own documentation; recloser and failsafe: 200 of 200 hang, it stays closed.
/// Whoever puts the time-out outside tells nobody why the work was dropped; three ways to see it all the same.
#[tokio::test(start_paused = true)]
async fn hung_calls_with_the_time_out_outside() {
    let rate = Breaker::failure_rate(0.5);
    for breaker in [
        rate.abandoned(Abandoned::Failure),
        rate.abandoned(Abandoned::FailureAfter(SECOND)),
        rate.slow_calls(SECOND, 0.5),
    ] {
        for _ in 0..20 {
            assert_eq!(breaker.state(), BreakerState::Closed);
            tokio::time::timeout(SECOND * 2, breaker.run(&call(), hangs())).await.unwrap_err();
        }
        assert!(is_open(&breaker));
    }
}

/// The same with the call's own deadline, and with the time-out inside: no setting is needed.
#[tokio::test(start_paused = true)]
async fn hung_calls_with_a_deadline_or_the_time_out_inside() {
    let breaker = Breaker::failure_rate(0.5);
    for number in 0..20 {
        let call = call().with_deadline(Deadline::after(&Clock::real(), SECOND));
        let inside = Timeout::after(SECOND).run(&call, hangs());
        if number % 2 == 0 {
            breaker.run(&call, inside).await.unwrap_err();
        } else {
            tokio::time::timeout(SECOND * 2, breaker.run(&call, hangs())).await.unwrap().unwrap_err();
        }
    }
    assert!(is_open(&breaker));
}

/// seatbelt's default: 180 of 200 hang, 20 succeed, it stays closed.
#[tokio::test(start_paused = true)]
async fn a_default_that_wants_every_call_to_hang() {
    let breaker = Breaker::failure_rate(0.5);
    let call = call();
    let mut refused = 0;
    for number in 0..200 {
        let answers = number % 10 == 0;
        let work = async move { if answers { Ok(()) } else { hangs().await } };
        let ended = breaker.run(&call, Timeout::after(SECOND).run(&call, work)).await;
        refused += u32::from(ended.is_err_and(|error| error.code() == steadfast::Code::CIRCUIT_OPEN));
    }
    assert!(refused > 100, "{refused}");
}

/// opossum #119 and #613, Resilience4j #935 and #1432: nobody is let in ever again.
#[tokio::test(start_paused = true)]
async fn a_half_open_breaker_that_is_stuck() {
    let breaker = Breaker::consecutive(1);
    let probe_again = async || {
        fail(&breaker);
        Clock::real().sleep(SECOND * 30).await;
    };
    // The probe's future is dropped.
    probe_again().await;
    drop(tokio::time::timeout(SECOND, breaker.run(&call(), hangs())).await);
    succeed(&breaker);
    // The probe is never polled.
    probe_again().await;
    let call = call();
    let never_polled = breaker.run(&call, hangs());
    succeed(&breaker);
    drop(never_polled);
    // The probe is forgotten, place and all.
    probe_again().await;
    std::mem::forget(breaker.enter().unwrap());
    Clock::real().sleep(SECOND * 30).await;
    succeed(&breaker);
    assert_eq!(breaker.state(), BreakerState::Closed);
}

/// acton-service #33: a layer that is applied for each request begins anew each time. Here a clone is the same
/// breaker, and only the methods that make one begin anew.
#[test]
fn state_that_is_reset_by_cloning() {
    let breaker = Breaker::consecutive(4);
    (0..4).for_each(|_| fail(&breaker.clone()));
    assert!(is_open(&breaker));
    assert!(!is_open(&breaker.open_for(SECOND)), "a new breaker is closed");
}

/// tower-resilience, recloser and failsafe: tokio's paused time does not move them.
#[tokio::test(start_paused = true)]
async fn paused_time_that_does_not_reach_the_breaker() {
    let breaker = Breaker::consecutive(1).open_for(SECOND);
    fail(&breaker);
    tokio::time::advance(SECOND).await;
    assert_eq!(breaker.state(), BreakerState::HalfOpen);
}

/// A breaker in a proxy (its issue 220): it does not trip before 100 calls, whatever the minimum says.
#[test]
fn a_minimum_of_calls_that_is_not_heard() {
    let breaker = Breaker::failure_rate(0.5).window_calls(100).min_calls(10);
    (0..10).for_each(|_| fail(&breaker));
    assert!(is_open(&breaker));
}

/// opossum #780: one call that is too slow ends all the others.
#[tokio::test(start_paused = true)]
async fn a_time_out_that_ends_the_neighbours() {
    let breaker = Breaker::consecutive(1);
    let call = call();
    let slow = breaker.run(&call, Timeout::after(SECOND).run(&call, hangs()));
    let neighbour = breaker.run(&call, async {
        Clock::real().sleep(SECOND * 2).await;
        Ok::<(), Error>(())
    });
    let (slow, neighbour) = tokio::join!(slow, neighbour);
    slow.unwrap_err();
    neighbour.unwrap();
}

/// librefang #7770: judged by the text of the error. Here only the kind of error counts.
#[test]
fn errors_that_are_judged_by_their_text() {
    let breaker = Breaker::consecutive(1);
    let text = "The connection was lost, 503, unavailable.";
    breaker.enter().unwrap().failure(&Error::validation(text));
    assert_eq!(breaker.state(), BreakerState::Closed);
}
