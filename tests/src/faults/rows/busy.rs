//! Many callers at a bad time: everything down, flapping, the first probe after a rest, a storm of errors.

use std::time::Duration;

use futures_util::{FutureExt as _, future::join_all};
use steadfast::Clock;

use super::{Row, row};
use crate::faults::{
    outcome::{Outcome, Promise, lies, seconds},
    stage::{Chain, Delivery, Stage, Way, key},
};

pub(super) const ROWS: &[Row] = &[
    row("23", "all targets down", || all_down().boxed_local()),
    row("24", "up 2 s, down 2 s, for 20 s; fallback", || flapping().boxed_local()),
    row("25", "100 callers when the rest of a broken target is over; alone", || stampede().boxed_local()),
    row("26", "nothing but errors, 50 questions a second for 15 s; alone", || storm().boxed_local()),
];

async fn all_down() -> Outcome {
    let stage = Stage::set(Chain::Verified, Way::Straight).await;
    stage.b.set_mood("SCN-503").await;
    let received = stage.ask(&key("SCN-503"), Delivery::Stream).await;
    let calls = stage.calls().await;
    let mut outcome = Outcome::of(&received, &calls, Promise::Typed).within(&received, Duration::from_secs(3));
    outcome.check(received.status.is_some_and(|status| status >= 500), || "not an error with a status".to_owned());
    outcome.check(received.header("retry-after").is_some(), || "no Retry-After".to_owned());
    outcome
}

async fn flapping() -> Outcome {
    let (stage, clock) = (Stage::set(Chain::Verified, Way::Straight).await, Clock::real());
    stage.a.set_mood("SCN-flap").await;
    let (begun, mut all) = (clock.now(), vec![]);
    while clock.now() - begun < Duration::from_secs(20) {
        all.push(stage.ask(&key("SCN-ok"), Delivery::Json).await);
        clock.sleep(Duration::from_millis(200)).await;
    }
    let calls = stage.calls().await;
    let well = all.iter().filter(|received| received.is_finished()).count();
    let mut outcome = Outcome {
        received: format!("{well}/{} whole", all.len()),
        calls: format!("A={} B={}", calls.a.len(), calls.b.len()),
        time: seconds(all.iter().map(|received| received.took).max().unwrap_or_default()) + " at worst",
        lies: all.iter().flat_map(|received| lies(received, &calls)).collect(),
        ..Outcome::default()
    };
    outcome.check(well == all.len(), || format!("{} failed", all.len() - well));
    outcome
}

/// The one probe hangs, so that whoever else is let through is seen.
async fn stampede() -> Outcome {
    let stage = Stage::set(Chain::Alone, Way::Straight).await;
    stage.a.set_mood("SCN-503").await;
    for _ in 0..12 {
        stage.ask(&key("SCN-ok"), Delivery::Json).await;
    }
    let before = stage.calls().await.a.len();
    stage.a.set_mood("SCN-hang").await;
    tokio::time::sleep(Duration::from_millis(3300)).await;
    let callers = join_all((0..100).map(|_| async {
        let mut question = stage.question(&key("SCN-ok"), Delivery::Json);
        question.patience = Duration::from_secs(2);
        question.ask(stage.house.address).await
    }))
    .await;
    let probes = stage.a.calls().await.len() - before;
    let told = callers.iter().filter(|caller| caller.code().is_some()).count();
    let mut outcome = Outcome {
        received: format!("{told} told at once to wait, {} waiting", callers.len() - told),
        calls: format!("{before} until the breaker opened, then {probes}"),
        time: "-".to_owned(),
        ..Outcome::default()
    };
    outcome.check(probes == 1, || format!("{probes} probes, not one"));
    outcome.check(told >= 99, || "not everybody else is told at once".to_owned());
    outcome
}

async fn storm() -> Outcome {
    let (stage, clock) = (Stage::set(Chain::Alone, Way::Straight).await, Clock::real());
    stage.a.set_mood("SCN-503").await;
    let begun = clock.now();
    let asked = join_all((0..750_u32).map(|number| {
        let (stage, clock) = (&stage, &clock);
        async move {
            clock.sleep_until(begun + Duration::from_millis(20) * number).await;
            stage.ask(&key("SCN-ok"), Delivery::Json).await
        }
    }))
    .await;
    let calls = stage.a.calls().await.len();
    stage.a.set_mood("").await;
    let fixed = clock.now();
    let well = loop {
        if stage.ask(&key("SCN-ok"), Delivery::Json).await.is_finished()
            || clock.now() - fixed > Duration::from_secs(60)
        {
            break clock.now() - fixed;
        }
        clock.sleep(Duration::from_millis(100)).await;
    };
    let told = asked.iter().filter(|received| received.code().is_some()).count();
    let mut outcome = Outcome {
        received: format!("{told}/{} told with a code", asked.len()),
        calls: format!("A={calls}"),
        time: format!("well again {} after the fix", seconds(well)),
        ..Outcome::default()
    };
    outcome.check(told == asked.len(), || "some were told nothing".to_owned());
    outcome.check(calls * 10 <= asked.len() * 12, || "more than 1.2 calls a question".to_owned());
    outcome.check(well < Duration::from_secs(60), || "not well within 60 s".to_owned());
    outcome
}
