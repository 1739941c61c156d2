//! What a breaker can be told beside its rules: growing pauses, probes, overrides, observing, abandoned calls, new
//! settings at run time, one breaker per target.

use crate::breaking::{SECOND, fail, is_open, manual};
use std::{collections::HashSet, sync::Arc, time::Duration};
use steadfast::{
    Abandoned, Breaker, BreakerState, Breakers, Call, CancelReason, CancelToken, Clock, Code, Deadline, Error, Events,
    RejectedBy, testing::EventLog,
};

/// How long it stays open from now on.
fn pause(breaker: &Breaker) -> Duration {
    match breaker.state() {
        BreakerState::Open { retry_after } => retry_after,
        BreakerState::Closed | BreakerState::HalfOpen => Duration::ZERO,
    }
}

#[test]
fn each_opening_lasts_longer_until_it_has_closed() {
    let pattern = Breaker::consecutive(1).open_for(SECOND).growing(2.0, SECOND * 5);
    let (breaker, clock) = manual(&pattern);
    let mut pauses = Vec::new();
    for _ in 0..5 {
        fail(&breaker);
        pauses.push(pause(&breaker).as_secs());
        clock.advance(pause(&breaker));
    }
    assert_eq!(pauses, [1, 2, 4, 5, 5]);
    breaker.enter().unwrap().success();
    fail(&breaker);
    assert_eq!(pause(&breaker), SECOND);
}

#[test]
fn jitter_spreads_the_pauses_and_a_seed_repeats_them() {
    let pauses = |seed: u64| -> Vec<Duration> {
        let (breaker, clock) = manual(&Breaker::consecutive(1).open_for(SECOND * 10).jitter(0.5).seed(seed));
        let next = |_| {
            fail(&breaker);
            let pause = pause(&breaker);
            clock.advance(pause);
            pause
        };
        (0..100).map(next).collect()
    };
    let (first, second) = (pauses(7), pauses(8));
    assert_eq!(first, pauses(7));
    assert_ne!(first, second);
    assert!(first.iter().all(|pause| (SECOND * 5..=SECOND * 15).contains(pause)), "{first:?}");
    assert!(first.iter().any(|pause| *pause < SECOND * 6) && first.iter().any(|pause| *pause > SECOND * 14));
}

#[test]
fn a_probe_that_hangs_holds_the_others_back_for_as_long_as_the_last_pause() {
    let pattern = Breaker::consecutive(1).open_for(SECOND).growing(40.0, SECOND * 60);
    for (pattern, patience) in [(pattern.clone(), SECOND * 40), (pattern.half_open_patience(SECOND * 90), SECOND * 90)]
    {
        let (breaker, clock) = manual(&pattern);
        fail(&breaker);
        clock.advance(SECOND);
        fail(&breaker);
        clock.advance(SECOND * 40);
        let hangs = breaker.enter().unwrap();
        clock.advance(patience - Duration::from_nanos(1));
        assert!(breaker.enter().is_err());
        clock.advance(Duration::from_nanos(1));
        breaker.enter().unwrap().success();
        assert_eq!(breaker.state(), BreakerState::Closed);
        drop(hangs);
    }
}

#[test]
fn a_short_pause_does_not_let_a_crowd_of_probes_in() {
    for pause in [Duration::ZERO, SECOND] {
        let (breaker, clock) = manual(&Breaker::consecutive(1).open_for(pause));
        fail(&breaker);
        clock.advance(pause);
        let probe = breaker.enter().unwrap();
        clock.advance(SECOND * 4);
        assert!(breaker.enter().is_err());
        probe.success();
        assert_eq!(breaker.state(), BreakerState::Closed);
    }
}

#[test]
fn it_closes_after_so_many_successes_however_few_probes_go_at_once() {
    let (breaker, clock) = manual(&Breaker::consecutive(1).half_open_successes(3));
    fail(&breaker);
    clock.advance(SECOND * 30);
    for _ in 0..3 {
        assert_eq!(breaker.state(), BreakerState::HalfOpen);
        let probe = breaker.enter().unwrap();
        assert!(breaker.enter().is_err());
        probe.success();
    }
    assert_eq!(breaker.state(), BreakerState::Closed);
}

#[test]
fn one_success_can_be_enough_for_several_probes() {
    let (breaker, clock) = manual(&Breaker::consecutive(1).half_open_probes(3).half_open_successes(1));
    fail(&breaker);
    clock.advance(SECOND * 30);
    let probes: Vec<_> = (0..3).map(|_| breaker.enter().unwrap()).collect();
    assert!(breaker.enter().is_err());
    for (number, probe) in probes.into_iter().enumerate() {
        // The late ones are not judged any more.
        if number == 0 { probe.success() } else { probe.failure(&Error::unavailable("shop")) }
    }
    assert_eq!(breaker.state(), BreakerState::Closed);
}

#[test]
fn an_isolated_target_stays_alone_until_it_is_released_and_is_then_probed() {
    let log = Arc::new(EventLog::new(&Clock::manual()));
    let (breaker, clock) = manual(&Breaker::consecutive(1).named("shop").with_events(Events::to(Arc::clone(&log))));
    breaker.force_open();
    clock.advance(SECOND * 3600);
    assert!(is_open(&breaker) && breaker.try_enter().is_err());
    breaker.release();
    let probe = breaker.enter().unwrap();
    assert!(breaker.enter().is_err(), "one probe at a time");
    probe.failure(&Error::unavailable("shop"));
    assert!(is_open(&breaker));
    breaker.release();
    assert!(is_open(&breaker), "only an isolation is released");
    insta::assert_snapshot!(log, @r"
    0 ms  breaker shop: opened for 30s: opened by hand
    0 ms  breaker shop: half open
    0 ms  breaker shop: opened for 30s: a probe failed
    ");
}

#[test]
fn a_breaker_that_only_observes_refuses_nobody_and_says_what_it_would_have_done() {
    let log = Arc::new(EventLog::new(&Clock::manual()));
    let pattern = Breaker::consecutive(2).named("shop").with_events(Events::to(Arc::clone(&log))).observe_only();
    let (breaker, clock) = manual(&pattern);
    (0..2).for_each(|_| fail(&breaker));
    assert!(is_open(&breaker));
    clock.advance(SECOND);
    // Lets it pass, and learns nothing from it.
    breaker.enter().unwrap().success();
    assert!(is_open(&breaker));
    clock.advance(SECOND * 29);
    breaker.enter().unwrap().success();
    assert_eq!(breaker.state(), BreakerState::Closed);
    breaker.force_open();
    assert!(breaker.enter().is_err(), "what is done by hand is done");
    insta::assert_snapshot!(log, @r"
    0 ms  breaker shop: would have opened for 30s: 2 failures in a row
    0 ms  breaker shop: would have refused a call for 29s
    0 ms  breaker shop: would have half opened
    0 ms  breaker shop: would have closed
    0 ms  breaker shop: opened for 30s: opened by hand
    ");
}

#[test]
fn a_call_that_an_observing_breaker_lets_pass_is_no_probe() {
    let (breaker, clock) = manual(&Breaker::consecutive(1).observe_only());
    fail(&breaker);
    clock.advance(SECOND * 30);
    let probe = breaker.enter().unwrap();
    breaker.enter().unwrap().success();
    assert_eq!(breaker.state(), BreakerState::HalfOpen);
    breaker.enter().unwrap().failure(&Error::unavailable("shop"));
    assert_eq!(breaker.state(), BreakerState::HalfOpen);
    probe.success();
    assert_eq!(breaker.state(), BreakerState::Closed);
}

#[test]
fn an_abandoned_call_says_what_it_was_told_to_say() {
    for (means, waited, open) in [
        (Abandoned::Neutral, 60, false),
        (Abandoned::Failure, 0, true),
        (Abandoned::FailureAfter(SECOND * 10), 9, false),
        (Abandoned::FailureAfter(SECOND * 10), 10, true),
    ] {
        let (breaker, clock) = manual(&Breaker::consecutive(1).abandoned(means));
        let permit = breaker.enter().unwrap();
        clock.advance(SECOND * waited);
        drop(permit);
        assert_eq!(is_open(&breaker), open, "{means:?} after {waited} s");
    }
}

#[test]
fn a_permit_for_a_call_is_judged_by_the_call_when_it_is_dropped() {
    for reason in CancelReason::ALL {
        let breaker = Breaker::consecutive(1).abandoned(Abandoned::Failure);
        let call = Call::new("listen", &CancelToken::root("test"));
        let permit = breaker.enter_for(&call).unwrap();
        call.token().cancel(reason);
        drop(permit);
        let by_time = matches!(reason, CancelReason::Deadline | CancelReason::AttemptTimeout);
        assert_eq!(is_open(&breaker), by_time, "{reason}");
    }
    let clock = Clock::manual();
    let deadline = Deadline::after(&clock, SECOND);
    let call = Call::new("listen", &CancelToken::root("test")).with_clock(clock.clone()).with_deadline(deadline);
    let breaker = Breaker::consecutive(1);
    let permit = breaker.enter_for(&call).unwrap();
    clock.advance(SECOND);
    drop(permit);
    assert!(is_open(&breaker));
}

#[test]
fn a_permit_reads_a_result() {
    let breaker = Breaker::consecutive(1);
    breaker.enter().unwrap().done(&Ok::<(), Error>(()));
    breaker.enter().unwrap().done(&Err::<(), _>(Error::validation("No.")));
    assert_eq!(breaker.state(), BreakerState::Closed);
    breaker.enter().unwrap().done(&Err::<(), _>(Error::unavailable("shop")));
    assert!(is_open(&breaker));
}

#[test]
fn a_refusal_names_who_refused_for_whom_and_for_how_long() {
    for name in ["shop", "a shop whose name is longer than what is copied by value"] {
        let (breaker, clock) = manual(&Breaker::consecutive(1).named(name.to_owned()));
        fail(&breaker);
        clock.advance(SECOND * 12);
        let refused = breaker.try_enter().unwrap_err();
        assert_eq!((refused.by, refused.target.as_str()), (RejectedBy::Breaker, name));
        assert_eq!(refused.retry_after, Some(SECOND * 18));
        assert_eq!(Error::from(refused).code(), Code::CIRCUIT_OPEN);
    }
}

#[test]
fn new_settings_reach_every_clone_and_lose_no_count() {
    let breaker = Breaker::consecutive(5).named("shop");
    let clone = breaker.clone();
    (0..2).for_each(|_| fail(&breaker));
    breaker.reconfigure(&Breaker::consecutive(3).open_for(SECOND).named("other"));
    assert_eq!(clone.target(), "shop");
    fail(&clone);
    assert!(pause(&clone) <= SECOND);
}

#[test]
fn a_breaker_can_be_told_to_observe_and_to_act_again() {
    let breaker = Breaker::consecutive(1);
    fail(&breaker);
    breaker.reconfigure(&breaker.observe_only());
    assert!(breaker.enter().is_ok());
    breaker.reconfigure(&Breaker::consecutive(1));
    assert!(breaker.enter().is_err());
    // Itself is as good as any other, and does not wait for itself.
    breaker.reconfigure(&breaker);
}

#[test]
fn every_key_has_a_breaker_of_its_own_by_one_pattern() {
    let breakers = Breakers::new(Breaker::consecutive(1).named("shop"));
    fail(&breakers.of(&"east"));
    assert!(is_open(&breakers.of(&"east")));
    assert_eq!(breakers.of(&"west").state(), BreakerState::Closed);
    assert_eq!(breakers.of(&"west").target(), "shop/west");
    assert_eq!(Breakers::new(Breaker::consecutive(1)).of(&7).target(), "7");
    let keys: HashSet<_> = breakers.clone().states().into_iter().map(|(key, _)| key).collect();
    assert_eq!(keys, HashSet::from(["east", "west"]));
    breakers.reconfigure(&Breaker::consecutive(2));
    for key in ["west", "north"] {
        fail(&breakers.of(&key));
        assert!(!is_open(&breakers.of(&key)), "{key}");
    }
    assert!(breakers.forget(&"east") && !breakers.forget(&"east"));
    assert_eq!(breakers.of(&"east").state(), BreakerState::Closed);
}

#[test]
fn a_flood_of_keys_forgets_the_idle_closed_ones_and_keeps_what_matters() {
    let breakers = Breakers::new(Breaker::consecutive(2)).most(16);
    let open = |key| (0..2).for_each(|_| fail(&breakers.of(&key)));
    open(0);
    let held = breakers.of(&1);
    fail(&breakers.of(&2));
    for key in 3..10_000 {
        breakers.of(&key);
        breakers.of(&2);
        assert!(breakers.len() <= 16);
    }
    assert!(is_open(&breakers.of(&0)), "what is open is not forgotten");
    fail(&breakers.of(&2));
    assert!(is_open(&breakers.of(&2)), "what is asked for all the time is not forgotten");
    (0..2).for_each(|_| fail(&held));
    assert!(is_open(&breakers.of(&1)), "the one that was held is the one in the table");
    // Even when none can be spared, the bound holds.
    (20_000..20_100).for_each(open);
    assert!(breakers.len() <= 16);
}

#[tokio::test]
async fn a_keyed_breaker_runs_work() {
    let breakers = Breakers::new(Breaker::consecutive(1));
    let call = Call::new("buy", &CancelToken::root("test"));
    breakers.run(&"east", &call, async { Err::<(), _>(Error::unavailable("shop")) }).await.unwrap_err();
    let refused = breakers.run(&"east", &call, async { Ok(()) }).await.unwrap_err();
    assert_eq!(refused.code(), Code::CIRCUIT_OPEN);
    breakers.run(&"west", &call, async { Ok(()) }).await.unwrap();
}
