//! The cache: fresh, stale, gone; bounded; and one load for all who miss.

use std::time::Duration;
use steadfast::{
    Cache, Cached, Call, CancelReason, Code, Deadline, Error, Freshness,
    testing::{Script, Stage, Step},
};

const MINUTE: Duration = Duration::from_secs(60);

fn prices() -> Cache<&'static str, u32> {
    Cache::of(2).fresh_for(MINUTE).stale_for(10 * MINUTE)
}

async fn ask(prices: &Cache<&'static str, u32>, call: &Call, key: &'static str, outcome: Result<u32, Error>) -> Answer {
    prices
        .run(call, key, || std::future::ready(outcome))
        .await
        .map(|Cached { value, freshness, .. }| (value, freshness))
}

type Answer = Result<(u32, Freshness), Error>;

fn down() -> Result<u32, Error> {
    Err(Error::unavailable("shop"))
}

#[tokio::test]
async fn a_value_is_fresh_then_stale_then_gone() {
    let (stage, prices) = (Stage::manual(), prices());
    let call = stage.call("load");
    assert_eq!(ask(&prices, &call, "a", Ok(1)).await.unwrap(), (1, Freshness::Loaded));
    stage.advance(MINUTE - Duration::from_nanos(1));
    let age = MINUTE - Duration::from_nanos(1);
    assert_eq!(ask(&prices, &call, "a", Ok(2)).await.unwrap(), (1, Freshness::Fresh { age }));
    stage.advance(Duration::from_nanos(1));
    assert_eq!(ask(&prices, &call, "a", down()).await.unwrap(), (1, Freshness::Stale { age: MINUTE }));
    stage.advance(10 * MINUTE - Duration::from_nanos(1));
    assert!(ask(&prices, &call, "a", down()).await.is_ok());
    stage.advance(Duration::from_nanos(1));
    assert_eq!(ask(&prices, &call, "a", down()).await.unwrap_err().code(), Code::UNAVAILABLE);
    assert_eq!(ask(&prices, &call, "a", Ok(3)).await.unwrap(), (3, Freshness::Loaded));
    insta::assert_snapshot!(stage, @r"
    0 ms  load: nothing fresh was kept
    59999 ms  load: served a kept value from 59.999999999s ago
    60000 ms  load: nothing fresh was kept
    60000 ms  load: served a value from 60s ago: UNAVAILABLE
    659999 ms  load: nothing fresh was kept
    659999 ms  load: served a value from 659.999999999s ago: UNAVAILABLE
    660000 ms  load: nothing fresh was kept
    660000 ms  load: nothing fresh was kept
    ");
}

#[tokio::test]
async fn what_can_be_loaded_again_is_not_given_out_stale() {
    let (stage, prices) = (Stage::manual(), prices());
    let call = stage.call("load");
    ask(&prices, &call, "a", Ok(1)).await.unwrap();
    stage.advance(2 * MINUTE);
    assert_eq!(ask(&prices, &call, "a", Ok(2)).await.unwrap(), (2, Freshness::Loaded));
    stage.advance(MINUTE / 2);
    assert_eq!(ask(&prices, &call, "a", down()).await.unwrap(), (2, Freshness::Fresh { age: MINUTE / 2 }));
}

#[tokio::test]
async fn an_error_that_is_the_answer_is_not_covered_up() {
    for (error, stale) in [
        (Error::not_found("price", "a"), false),
        (Error::forbidden("shop"), false),
        (Error::internal("ours"), true),
        (Error::circuit_open("shop", MINUTE), true),
        (Error::rate_limited("shop", None), true),
        (Error::retry_exhausted(3, Error::unavailable("shop")), true),
    ] {
        let (stage, prices) = (Stage::manual(), prices());
        let call = stage.call("load");
        ask(&prices, &call, "a", Ok(1)).await.unwrap();
        stage.advance(2 * MINUTE);
        assert_eq!(ask(&prices, &call, "a", Err(error.clone())).await.is_ok(), stale, "{error}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_load_that_hangs_until_the_deadline_is_replaced_by_the_stale_value_and_a_cancelled_one_is_not() {
    let (stage, prices) = (Stage::paused(), prices());
    ask(&prices, &stage.call("load"), "a", Ok(1)).await.unwrap();
    stage.clock().sleep(2 * MINUTE).await;
    let call = stage.call("load").with_deadline(Deadline::after(stage.clock(), MINUTE));
    let stale = prices.run(&call, "a", std::future::pending).await.unwrap();
    assert_eq!(stale.freshness, Freshness::Stale { age: 3 * MINUTE });
    stage.root().cancel(CancelReason::Deadline);
    assert_eq!(ask(&prices, &stage.call("load"), "a", Ok(2)).await.unwrap_err().code(), Code::CANCELLED);
}

#[tokio::test]
async fn errors_are_not_kept() {
    let (stage, prices) = (Stage::manual(), prices());
    let call = stage.call("load");
    ask(&prices, &call, "a", down()).await.unwrap_err();
    assert_eq!((ask(&prices, &call, "a", Ok(1)).await.unwrap().0, prices.kept()), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn all_who_miss_together_load_once() {
    let (stage, prices) = (Stage::paused(), prices());
    let call = stage.call("load");
    let shop = Script::new([Step::value(1).after(MINUTE / 2), Step::value(2)]);
    let load = || prices.run(&call, "a", || shop.play());
    let (a, b) = tokio::join!(load(), load());
    assert_eq!((a.unwrap().value, b.unwrap().value, shop.played()), (1, 1, 1));
    assert_eq!(load().await.unwrap().freshness, Freshness::Fresh { age: Duration::ZERO });
}

#[tokio::test]
async fn it_keeps_no_more_than_its_bound_and_rather_what_is_asked_for() {
    let (stage, prices) = (Stage::manual(), prices());
    let call = stage.call("load");
    for key in ["a", "b", "a", "c"] {
        ask(&prices, &call, key, Ok(1)).await.unwrap();
    }
    assert_eq!(prices.kept(), 2);
    assert!(matches!(ask(&prices, &call, "a", Ok(2)).await.unwrap(), (1, Freshness::Fresh { .. })));
    assert_eq!(ask(&prices, &call, "b", Ok(2)).await.unwrap(), (2, Freshness::Loaded));
}

#[tokio::test]
async fn a_forgotten_value_is_loaded_again_and_a_cache_of_nothing_keeps_nothing() {
    let (stage, prices) = (Stage::manual(), prices());
    let call = stage.call("load");
    ask(&prices, &call, "a", Ok(1)).await.unwrap();
    prices.forget(&"a");
    assert_eq!(ask(&prices, &call, "a", Ok(2)).await.unwrap(), (2, Freshness::Loaded));
    let nothing = Cache::of(0).fresh_for(MINUTE);
    ask(&nothing, &call, "a", Ok(1)).await.unwrap();
    assert_eq!(ask(&nothing, &call, "a", Ok(2)).await.unwrap(), (2, Freshness::Loaded));
}
