//! What goes wrong below HTTP: refused, reset, swallowed, unnamed, sliced.

use std::time::Duration;

use futures_util::{FutureExt as _, future::LocalBoxFuture};

use super::{Row, row};
use crate::{
    Fault,
    faults::{
        outcome::{Outcome, Promise},
        stage::{Chain, Delivery, Stage, Way, key},
    },
};

pub(super) const ROWS: &[Row] = &[
    row("1", "the connection is refused; fallback", || through(Fault::Refuse, 2.0)),
    row("2", "reset right after accept; fallback", || through(Fault::ResetAtOnce, 2.0)),
    row("3", "the connection is swallowed (no answer to SYN); fallback", || unreachable(Way::Swallowed, 5.0)),
    row("4", "the name does not exist; fallback", || unreachable(Way::NoName, 2.0)),
    row("14 (line)", "the line goes dead after 5 words; fallback", || goes_dead().boxed_local()),
    row("17 (line)", "the line is reset after 1,500 bytes; fallback", || through(Fault::ResetAfter(1500), 3.0)),
    row("22 (line)", "a good answer, one byte at a time; alone", || sliced().boxed_local()),
];

fn through(fault: Fault, limit: f64) -> LocalBoxFuture<'static, Outcome> {
    async move {
        let stage = Stage::set(Chain::Verified, Way::Proxy).await;
        stage.proxy.set(fault);
        answered(&stage, limit).await
    }
    .boxed_local()
}

fn unreachable(way: Way, limit: f64) -> LocalBoxFuture<'static, Outcome> {
    async move { answered(&Stage::set(Chain::Verified, way).await, limit).await }.boxed_local()
}

async fn answered(stage: &Stage, limit: f64) -> Outcome {
    let received = stage.ask(&key("SCN-ok"), Delivery::Stream).await;
    Outcome::of(&received, &stage.calls().await, Promise::Whole).within(&received, Duration::from_secs_f64(limit))
}

async fn goes_dead() -> Outcome {
    let stage = Stage::set(Chain::Verified, Way::Proxy).await;
    let scenario = key("SCN-long");
    let asking = stage.ask(&scenario, Delivery::Stream);
    let cutting = async {
        crate::until("the call to A", Duration::from_secs(10), async || {
            (!stage.a.calls().await.is_empty()).then_some(())
        })
        .await;
        tokio::time::sleep(Duration::from_millis(300)).await;
        stage.proxy.set(Fault::BlackHole);
    };
    let (received, ()) = tokio::join!(asking, cutting);
    let mut outcome = Outcome::of(&received, &stage.calls().await, Promise::Whole);
    // A went on writing into the dead line, so its log has more words than anybody could get.
    outcome = outcome.within(&received, Duration::from_secs(25));
    outcome
}

async fn sliced() -> Outcome {
    let stage = Stage::set(Chain::Alone, Way::Proxy).await;
    stage.proxy.set(Fault::Slices);
    let received = stage.ask(&key("SCN-ok"), Delivery::Stream).await;
    Outcome::of(&received, &stage.calls().await, Promise::Whole).at_most(&stage.calls().await, 1)
}
