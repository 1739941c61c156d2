//! Several policies in one place: the order that is written is the order from outside to inside.

use std::{future::pending, time::Duration};
use steadfast::{
    AdaptiveLimit, Around, Bulkhead, Call, CancelToken, Classify, Code, Error, Failed, Hedge, LoadShed, Pipeline,
    Pressure, Priority, RateLimit, RejectedBy, StreamTimeout, Timeout,
};

fn call() -> Call {
    Call::new("print", &CancelToken::root("test"))
}

#[tokio::test(start_paused = true)]
async fn what_the_outer_policy_refuses_costs_the_inner_one_nothing() {
    let (bulkhead, rate) = (Bulkhead::new(1), RateLimit::per_second(1));
    let inside = bulkhead.try_enter().unwrap();
    let outside = (bulkhead.clone(), rate.clone());
    let refused = outside.around(&call(), async { Ok::<(), Error>(()) }).await.unwrap_err();
    assert_eq!((refused.code(), rate.available()), (Code::OVERLOADED, 1));
    let turned = (rate.clone(), bulkhead.clone());
    let refused = turned.around(&call(), async { Ok::<(), Error>(()) }).await.unwrap_err();
    assert_eq!((refused.code(), rate.available()), (Code::OVERLOADED, 0));
    drop(inside);
    let refused = turned.around(&call(), async { Ok::<(), Error>(()) }).await.unwrap_err();
    assert_eq!((refused.code(), bulkhead.in_flight()), (Code::RATE_LIMITED, 0));
}

#[tokio::test(start_paused = true)]
async fn three_policies_nest_and_give_back_what_they_took() {
    let (bulkhead, adaptive) = (Bulkhead::new(1), AdaptiveLimit::aimd());
    let limits = (bulkhead.clone(), adaptive.clone(), Timeout::after(Duration::from_secs(1)));
    let call = call();
    let error = limits.around(&call, pending::<Result<(), Error>>()).await.unwrap_err();
    assert_eq!(error.code(), Code::TIMEOUT);
    // The time-out stood inside the adaptive limit, which learned from it.
    assert_eq!((bulkhead.in_flight(), adaptive.in_flight(), adaptive.limit()), (0, 0, 11));
    assert_eq!(limits.around(&call, async { Ok::<_, Error>(7) }).await.unwrap(), 7);
}

#[test]
fn every_run_can_be_spawned() {
    fn is_send<T: Send>(_: T) {}
    let (bulkhead, rate, adaptive) = (Bulkhead::new(1), RateLimit::per_second(1), AdaptiveLimit::gradient());
    let (shedder, hedge, call) = (LoadShed::watching(&Pressure::new()), Hedge::at_quantile(0.9), call());
    let work = || async { Ok::<(), Error>(()) };
    is_send(bulkhead.run(&call, work()));
    is_send(bulkhead.enter(&call));
    is_send(rate.run(&call, work()));
    is_send(rate.take(&call, 1));
    is_send(adaptive.run(&call, work()));
    is_send(adaptive.enter(&call));
    is_send(shedder.run(&call, work()));
    is_send(hedge.run(&call, |_, _| work()));
    is_send((bulkhead.clone(), (rate.clone(), adaptive.clone(), shedder.clone())).around(&call, work()));
    let mut watch = StreamTimeout::new().watch(&call);
    is_send(watch.next(work()));
    is_send(watch.ended());
}

#[derive(Debug, Classify, thiserror::Error)]
enum ShopError {
    #[error("too many")]
    #[guide(retry, blame = quota)]
    TooMany,
    #[error("no such book")]
    #[guide(never)]
    NoSuchBook,
}

#[tokio::test(start_paused = true)]
async fn in_a_pipeline_a_refusal_is_typed_and_an_error_of_ones_own_is_read() {
    let (pressure, adaptive) = (Pressure::new(), AdaptiveLimit::aimd().start(10));
    let limits = (LoadShed::watching(&pressure), RateLimit::per_second(3).named("shop"), adaptive.clone());
    let shop = Pipeline::for_error::<ShopError>("shop").limits(limits);
    let call = call().with_priority(Priority::Background);
    let result = shop.run(&call, |_| async { Err::<(), _>(ShopError::NoSuchBook) }).await;
    assert!(matches!(result, Err(Failed::Inner { error: ShopError::NoSuchBook, .. })));
    assert_eq!(adaptive.limit(), 10);
    let result = shop.run(&call, |_| async { Err::<(), _>(ShopError::TooMany) }).await;
    assert!(matches!(result, Err(Failed::Inner { error: ShopError::TooMany, .. })));
    assert_eq!(adaptive.limit(), 7);
    shop.run(&call, |_| async { Ok(()) }).await.unwrap();
    let Err(Failed::Rejected(refused)) = shop.run(&call, |_| async { Ok(()) }).await else { panic!("not refused") };
    assert_eq!((refused.by, &*refused.target), (RejectedBy::RateLimit, "shop"));
    assert_eq!(refused.retry_after, Some(Duration::from_nanos(333_333_334)));
    pressure.set(0.9);
    let Err(Failed::Rejected(refused)) = shop.run(&call, |_| async { Ok(()) }).await else { panic!("not refused") };
    assert_eq!((refused.by, refused.retry_after), (RejectedBy::LoadShed, Some(Duration::from_secs(1))));
}
