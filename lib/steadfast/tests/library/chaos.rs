//! Chaos: the trouble that was ordered comes, no other, and none while it is switched off.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};
use steadfast::{
    Around, Breaker, BreakerState, CancelReason, Chaos, Code, Deadline, Error, RejectedBy, Rejection, Retry, Stop,
    Timeout, testing::Stage,
};

const SECOND: Duration = Duration::from_secs(1);

fn timed_out() -> Stop {
    Stop::TimedOut(SECOND)
}

#[tokio::test]
async fn it_is_made_switched_off_and_can_be_switched_on_and_off() {
    let (stage, chaos) = (Stage::manual(), Chaos::new().fault(1.0, timed_out()));
    let call = stage.call("buy");
    assert!(!chaos.is_on() && chaos.run(&call, async { Ok(1) }).await.is_ok());
    chaos.turn_on();
    assert_eq!(chaos.clone().run(&call, async { Ok(1) }).await.unwrap_err().code(), Code::TIMEOUT);
    chaos.turn_off();
    assert!(chaos.run(&call, async { Ok(1) }).await.is_ok());
    assert_eq!(stage.to_string(), "0 ms  buy: chaos: fault\n");
}

#[tokio::test]
async fn a_fault_does_not_begin_the_work() {
    let (stage, chaos) = (Stage::manual(), Chaos::new());
    let refused = Rejection::new(RejectedBy::Bulkhead, "shop");
    let chaos = chaos.fault(1.0, Stop::Rejected(refused));
    chaos.turn_on();
    let work = async { panic!("it was begun") };
    assert_eq!(chaos.run::<(), _>(&stage.call("buy"), work).await.unwrap_err().code(), Code::OVERLOADED);
}

#[tokio::test(start_paused = true)]
async fn a_delay_is_within_its_bounds_and_ends_with_the_call() {
    let (stage, chaos) = (Stage::paused(), Chaos::new().seed(3).latency(1.0, SECOND, 3 * SECOND));
    chaos.turn_on();
    for _ in 0..50 {
        let began = stage.clock().now();
        chaos.run(&stage.call("buy"), async { Ok(()) }).await.unwrap();
        let took = stage.clock().now() - began;
        assert!((SECOND..=3 * SECOND + Duration::from_millis(1)).contains(&took), "{took:?}");
    }
    let call = stage.call("buy").with_deadline(Deadline::after(stage.clock(), SECOND / 2));
    assert_eq!(chaos.run(&call, async { Ok(()) }).await.unwrap_err().code(), Code::TIMEOUT);
    let call = stage.call("buy");
    let (ended, _) = tokio::join!(chaos.run(&call, async { Ok(()) }), async {
        stage.clock().sleep(SECOND / 2).await;
        stage.root().cancel(CancelReason::UserStop)
    });
    assert_eq!(ended.unwrap_err().cancel_reason(), Some(CancelReason::UserStop));
}

#[tokio::test(start_paused = true)]
async fn a_hang_is_seen_by_the_breaker_around_it() {
    let (stage, chaos) = (Stage::paused(), Chaos::new().hang(1.0));
    chaos.turn_on();
    let (breaker, call) = (Breaker::consecutive(1), stage.call("buy"));
    let inside = chaos.around(&call, async { Ok::<_, Error>(()) });
    let limited = Timeout::after(SECOND).run(&call, inside);
    breaker.run(&call, limited).await.unwrap_err();
    assert!(matches!(breaker.state(), BreakerState::Open { .. }));
}

#[tokio::test]
async fn behaviour_does_what_it_is_told_before_the_work() {
    let (stage, count) = (Stage::manual(), Arc::new(AtomicU32::new(0)));
    let counted = Arc::clone(&count);
    let chaos = Chaos::new().behaviour(1.0, move |_| {
        counted.fetch_add(1, Ordering::Relaxed);
    });
    chaos.turn_on();
    let seen = chaos.run(&stage.call("buy"), async { Ok(count.load(Ordering::Relaxed)) }).await;
    assert_eq!(seen.unwrap(), 1);
}

#[tokio::test]
async fn an_outcome_takes_the_place_of_the_real_one() {
    let (stage, chaos) = (Stage::manual(), Chaos::outcome(1.0, |real: Result<u32, Error>| real.map(|real| real + 1)));
    let call = stage.call("buy");
    assert_eq!(chaos.run(&call, async { Ok(1) }).await.unwrap(), 1);
    chaos.turn_on();
    assert_eq!(chaos.run(&call, async { Ok(1) }).await.unwrap(), 2);
    chaos.turn_off();
    assert_eq!(chaos.run(&call, async { Ok(1) }).await.unwrap(), 1);
}

#[tokio::test]
async fn the_share_is_as_asked_each_kind_is_drawn_on_its_own_and_the_seed_repeats_it() {
    let faults = async |probability: f64, seed| {
        let stage = Stage::manual();
        let chaos = Chaos::new().seed(seed).behaviour(0.5, |_| {}).fault(probability, timed_out());
        chaos.turn_on();
        let call = stage.call("buy");
        let mut faults = String::new();
        for _ in 0..1000 {
            faults.push(if chaos.run(&call, async { Ok(()) }).await.is_err() { 'x' } else { '.' });
        }
        faults
    };
    let some = faults(0.2, 7).await;
    assert!((150..250).contains(&some.matches('x').count()), "{}", some.matches('x').count());
    assert_eq!(some, faults(0.2, 7).await);
    assert_ne!(some, faults(0.2, 8).await);
    for (probability, expected) in [(-1.0, 0), (f64::NAN, 0), (7.0, 1000)] {
        assert_eq!(faults(probability, 7).await.matches('x').count(), expected);
    }
}

#[tokio::test(start_paused = true)]
async fn a_retry_rides_out_what_chaos_makes() {
    let (stage, chaos) = (Stage::paused(), Chaos::new().seed(1).fault(0.5, timed_out()).latency(0.5, SECOND, SECOND));
    chaos.turn_on();
    let call = stage.call("buy");
    let retry = Retry::fixed(SECOND).max_attempts(20);
    for _ in 0..20 {
        retry.run(&call, |_| chaos.run(&call, async { Ok(()) })).await.unwrap();
    }
}
