//! A target that could not be connected is used again soon after it is back, long before its rest is over.

use std::{sync::Arc, time::Duration};

use steadfast::Error;
use steadfast_providers::scripted::{Act, Scripted};

use crate::{
    house::House,
    talk::{ask, chain, hear},
};

/// `a` cannot be connected until its breaker opens, and would answer afterwards; `b` answers always.
async fn a_is_away() -> (House, Arc<Scripted>) {
    let refused = || Act::Refuse(Error::unavailable("a").with_detail("failed_at", "connect"));
    let acts = (0..5).map(|_| refused()).chain([Act::says(&["a is back"])]);
    let a = Arc::new(Scripted::upstream("a", "big", acts));
    let b = Arc::new(Scripted::upstream("b", "big", (0..9).map(|_| Act::says(&["b"]))));
    let house = chain(&a, &b).start().await;
    for _ in 0..4 {
        assert_eq!(hear(&house, ask("genius")).await.text, "b");
    }
    assert_eq!(a.asked().len(), 5, "two, two, one: then it rests");
    (house, a)
}

#[tokio::test(start_paused = true)]
async fn once_it_can_be_connected_it_is_asked_again() {
    let (house, a) = a_is_away().await;
    a.set_reachable(true);
    tokio::time::sleep(Duration::from_millis(2100)).await;
    assert_eq!(hear(&house, ask("genius")).await.text, "a is back");
}

#[tokio::test(start_paused = true)]
async fn while_it_cannot_be_connected_nobody_pays_for_trying() {
    let (house, a) = a_is_away().await;
    tokio::time::sleep(Duration::from_secs(25)).await;
    assert_eq!(hear(&house, ask("genius")).await.text, "b");
    assert_eq!(a.asked().len(), 5);
}
