//! An upstream that is away for half a minute, asked four times a second all the while.

use std::{collections::BTreeMap, time::Duration};

use futures_util::{FutureExt as _, future::LocalBoxFuture};
use steadfast::Clock;

use super::{Row, row};
use crate::{
    Fault,
    faults::{
        outcome::{Outcome, lies, seconds},
        received::Received,
        stage::{Chain, Delivery, Stage, Way, key},
    },
};

pub(super) const COMPARED: &[Row] = &[
    row("g1", "the upstream refuses connections for 30 s; alone", || away(Chain::Alone)),
    row("g2", "the upstream refuses connections for 30 s; fallback", || away(Chain::Verified)),
];

fn away(chain: Chain) -> LocalBoxFuture<'static, Outcome> {
    async move {
        let (stage, clock) = (Stage::set(chain, Way::Proxy).await, Clock::real());
        let mut outcome = Outcome::default();
        stage.ask(&key("SCN-ok"), Delivery::Json).await;
        stage.proxy.set(Fault::Refuse);
        let (begun, mut down) = (clock.now(), vec![]);
        while clock.now() - begun < OUTAGE {
            down.push(stage.ask(&key("SCN-ok"), Delivery::Json).await);
            clock.sleep(PAUSE).await;
        }
        stage.proxy.set(Fault::None);
        let (back, calls_before) = (clock.now(), stage.calls().await);
        let mut first_well = None;
        while clock.now() - back < AFTER {
            let received = stage.ask(&key("SCN-ok"), Delivery::Json).await;
            let at_a = stage.a.calls().await.len() > calls_before.a.len();
            if received.is_finished() && at_a && first_well.is_none() {
                first_well = Some(clock.now() - back);
            }
            clock.sleep(PAUSE).await;
        }
        let calls = stage.calls().await;
        let well = down.iter().filter(|received| received.is_finished()).count();
        for received in &down {
            outcome.lies.extend(lies(received, &calls));
        }
        outcome.received = format!("down: {well}/{} whole, statuses {}", down.len(), statuses(&down));
        outcome.calls = format!("A={} B={}", calls.a.len(), calls.b.len());
        let (half, worst) = waits(&mut down);
        let again = first_well.map_or_else(|| "never".to_owned(), seconds);
        outcome.time = format!("down: p50 {}, max {}; A answers again after {again}", seconds(half), seconds(worst));
        if chain == Chain::Alone {
            let told = down.iter().all(|received| received.code().is_some());
            outcome.check(told, || "an error without a code".to_owned());
            let when = down.iter().skip(20).all(|received| received.header("retry-after").is_some());
            outcome.check(when, || "no Retry-After".to_owned());
            outcome.check(half < Duration::from_secs(1), || "not refused at once".to_owned());
        } else {
            outcome.check(well == down.len(), || format!("{} failed", down.len() - well));
            outcome.check(half < Duration::from_millis(500), || "slow".to_owned());
        }
        outcome.check(first_well.is_some_and(|time| time < Duration::from_secs(5)), || "it came back late".to_owned());
        outcome
    }
    .boxed_local()
}

fn statuses(received: &[Received]) -> String {
    let mut counts: BTreeMap<Option<u16>, usize> = BTreeMap::new();
    for received in received {
        *counts.entry(received.status).or_default() += 1;
    }
    let told = counts.iter().map(|(status, count)| {
        format!("{count}x {}", status.map_or_else(|| "none".to_owned(), |status| status.to_string()))
    });
    told.collect::<Vec<_>>().join(", ")
}

/// The half and the worst.
fn waits(received: &mut [Received]) -> (Duration, Duration) {
    received.sort_by_key(|received| received.took);
    let at = |place: usize| received.get(place).map(|received| received.took).unwrap_or_default();
    (at(received.len() / 2), at(received.len().saturating_sub(1)))
}

const OUTAGE: Duration = Duration::from_secs(30);
const AFTER: Duration = Duration::from_secs(10);
const PAUSE: Duration = Duration::from_millis(250);
