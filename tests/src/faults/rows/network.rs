//! What goes wrong below HTTP: refused, reset, swallowed, unnamed, sliced.

use std::time::Duration;

use futures_util::{FutureExt as _, future::LocalBoxFuture};

use super::{Row, row};
use crate::{
    Certificate, Fault, TlsDoor,
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
    row("5 (good)", "a secure connection whose certificate is good; alone", || trusted().boxed_local()),
    row("5", "the certificate has expired; fallback", || unreachable(Way::Tls(Certificate::Expired), 2.0)),
    row("5 (expired)", "the certificate has expired; alone", || distrusted(Certificate::Expired)),
    row("5 (name)", "the certificate is another server's; alone", || distrusted(Certificate::OtherName)),
    row("5 (authority)", "nobody known stands behind the certificate; alone", || {
        distrusted(Certificate::UnknownAuthority)
    }),
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

async fn trusted() -> Outcome {
    let stage = Stage::set(Chain::Alone, Way::Tls(Certificate::Good)).await;
    let received = stage.ask(&key("SCN-ok"), Delivery::Stream).await;
    Outcome::of(&received, &stage.calls().await, Promise::Whole)
}

/// One attempt, the key stays here, and the sentence says what is wrong with what.
fn distrusted(certificate: Certificate) -> LocalBoxFuture<'static, Outcome> {
    async move {
        let stage = Stage::set(Chain::Alone, Way::Tls(certificate)).await;
        let received = stage.ask(&key("SCN-ok"), Delivery::Stream).await;
        let calls = stage.calls().await;
        let knocks = stage.door.as_ref().map_or(0, TlsDoor::knocks);
        let mut outcome = Outcome::of(&received, &calls, Promise::Typed).within(&received, Duration::from_secs(2));
        outcome.calls = format!("{knocks} connections, A={}", calls.a.len());
        outcome.check(knocks == 1, || format!("{knocks} connections, not one"));
        outcome.check(calls.a.is_empty(), || "the key was sent".to_owned());
        let told = received.error.as_ref().map(ToString::to_string).unwrap_or_default();
        outcome.check(told.contains("certificate") && told.contains("cloud-a"), || format!("it says only {told}"));
        outcome
    }
    .boxed_local()
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
