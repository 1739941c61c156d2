//! Load shedding: who is refused first, and that the door does not flap.

use proptest::prelude::*;
use std::{sync::Arc, time::Duration};
use steadfast::{
    Blame, Call, CancelToken, Clock, Code, Error, Events, LoadShed, Pressure, Priority, testing::EventLog,
};

fn passing(shedder: &LoadShed) -> Vec<Priority> {
    Priority::ALL.into_iter().filter(|priority| shedder.check(*priority).is_ok()).collect()
}

fn watched() -> (LoadShed, Pressure) {
    let pressure = Pressure::new();
    (LoadShed::watching(&pressure).named("memory"), pressure)
}

#[test]
fn the_least_important_is_refused_first_and_comes_back_last() {
    use Priority::{Api, Background, Interactive};
    let (shedder, pressure) = watched();
    let at = |value| {
        pressure.set(value);
        passing(&shedder)
    };
    assert_eq!(at(0.89), [Background, Api, Interactive]);
    assert_eq!(at(0.90), [Api, Interactive]);
    assert_eq!(at(0.95), [Interactive]);
    assert_eq!(at(0.98), []);
    // Only clearly less pressure lets a class in again: each door is 0.05 lower now.
    assert_eq!(at(0.94), []);
    assert_eq!(at(0.92), [Interactive]);
    assert_eq!(at(0.89), [Api, Interactive]);
    assert_eq!(at(0.84), [Background, Api, Interactive]);
    // And the doors are where they were.
    assert_eq!(at(0.89), [Background, Api, Interactive]);
}

#[tokio::test]
async fn a_refused_call_is_told_when_to_come_back_and_each_change_is_told_once() {
    let log = Arc::new(EventLog::new(&Clock::manual()));
    let (shedder, pressure) = watched();
    let shedder = shedder.retry_after(Duration::from_secs(5));
    let call = Call::new("index", &CancelToken::root("test"))
        .with_priority(Priority::Background)
        .with_events(Events::to(Arc::clone(&log)));
    shedder.run(&call, async { Ok(()) }).await.unwrap();
    pressure.set(0.93);
    for _ in 0..2 {
        let refused = shedder.run::<(), _>(&call, async { unreachable!("never begun") }).await.unwrap_err();
        assert_eq!((refused.code(), refused.blame()), (Code::OVERLOADED, Blame::Local));
        assert_eq!(refused.retry_after(), Some(Duration::from_secs(5)));
    }
    assert!(shedder.sheds(Priority::Background) && !shedder.sheds(Priority::Interactive));
    pressure.set(0.1);
    shedder.run(&call, async { Ok(()) }).await.unwrap();
    assert!(!shedder.sheds(Priority::Background));
    insta::assert_snapshot!(log, @r"
    0 ms  shedding memory: background work is refused
    0 ms  index: refused by the load_shed of memory, again in 5s
    0 ms  index: refused by the load_shed of memory, again in 5s
    0 ms  shedding memory: background work passes again
    ");
}

#[tokio::test]
async fn work_that_is_inside_is_not_asked_again() {
    let (shedder, pressure) = watched();
    let call = Call::new("chat", &CancelToken::root("test"));
    let inside = pressure.clone();
    shedder
        .run(&call, async move {
            inside.set(1.0);
            tokio::task::yield_now().await;
            Ok::<(), Error>(())
        })
        .await
        .unwrap();
}

#[test]
fn clones_share_what_is_refused_and_builders_do_not() {
    let (shedder, pressure) = watched();
    pressure.set(0.91);
    assert!(shedder.check(Priority::Background).is_err());
    pressure.set(0.87); // within the margin
    assert!(shedder.clone().check(Priority::Background).is_err());
    assert!(shedder.named("other").check(Priority::Background).is_ok());
}

#[test]
fn nonsense_numbers_become_the_nearest_sense() {
    for broken in [f64::NAN, -1.0, f64::NEG_INFINITY] {
        assert_eq!(passing(&LoadShed::by(move || broken)).len(), 3, "{broken}");
    }
    assert_eq!(passing(&LoadShed::by(|| f64::INFINITY)).len(), 0);
    let never = LoadShed::by(|| 1.0).threshold(Priority::Api, f64::NAN).threshold(Priority::Background, 2.0);
    assert_eq!(passing(&never), [Priority::Background, Priority::Api]);
    // A margin as wide as everything still lets in who comes without pressure.
    let pressure = Pressure::new();
    let wide = LoadShed::watching(&pressure).margin(7.0).threshold(Priority::Api, -3.0);
    pressure.set(0.99);
    assert_eq!(passing(&wide), []);
    pressure.set(0.01);
    assert_eq!(passing(&wide), []);
    pressure.set(f64::NAN);
    assert_eq!(passing(&wide).len(), 3);
}

proptest! {
    #[test]
    fn nobody_is_refused_while_somebody_less_important_passes(
        pressures in prop::collection::vec(0.0..=1.0, 1..50),
    ) {
        let (shedder, pressure) = watched();
        for value in pressures {
            pressure.set(value);
            let passing = passing(&shedder);
            prop_assert!(passing.iter().copied().eq(Priority::ALL.into_iter().skip(3 - passing.len())));
            prop_assert!(value >= 0.85 || passing.len() == 3);
            prop_assert!(value < 0.98 || passing.is_empty());
        }
    }
}
