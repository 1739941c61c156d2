//! Work that borrows, inside a spawned task, answered by a trait object. Each test is that it compiles: rustc compares
//! lifetimes when it asks whether a task is `Send`, and a policy's future that names its answer twice fails there.

use std::{pin::Pin, time::Duration};
use steadfast::{
    Breaker, Bulkhead, Call, CancelToken, Error, Fallback, Hedge, Pipeline, RateLimit, Retry, SingleFlight,
};

type Answer = Pin<Box<dyn Future<Output = u32> + Send>>;

const SECOND: Duration = Duration::from_secs(1);

async fn ask(question: &str, call: &Call) -> Result<Answer, Error> {
    call.check()?;
    tokio::task::yield_now().await;
    let letters = question.len() as u32;
    Ok(Box::pin(async move { letters }))
}

fn call() -> Call {
    Call::new("ask", &CancelToken::root("test"))
}

#[tokio::test]
async fn a_retry_around_a_breaker() {
    let task = CancelToken::root("test").spawn("task", async {
        let (call, question, breaker) = (call(), String::from("why?"), Breaker::consecutive(3));
        let (call, question, breaker) = (&call, &question, &breaker);
        let retry = Retry::fixed(SECOND);
        let answer = retry.run(call, |_| async move { breaker.run(call, ask(question, call)).await });
        answer.await.unwrap().await
    });
    assert_eq!(task.await.unwrap(), 4);
}

#[tokio::test]
async fn a_whole_pipeline() {
    let task = CancelToken::root("test").spawn("task", async {
        let (call, question) = (call(), String::from("why?"));
        let (call, question) = (&call, &question);
        let pipeline = Pipeline::named("oracle")
            .deadline(SECOND)
            .retry(Retry::fixed(SECOND))
            .limits((Bulkhead::new(3), RateLimit::per_second(10)))
            .breaker(Breaker::consecutive(3))
            .attempt_timeout(SECOND);
        pipeline.run(call, |_| async move { ask(question, call).await }).await.unwrap().value.await
    });
    assert_eq!(task.await.unwrap(), 4);
}

#[tokio::test]
async fn a_chain_of_targets() {
    let task = CancelToken::root("test").spawn("task", async {
        let call = call();
        let call = &call;
        let chain = Fallback::ordered(["near", "far"]);
        chain.run(call, |target, _| async move { ask(target, call).await }).await.unwrap().value.await
    });
    assert_eq!(task.await.unwrap(), 4);
}

#[tokio::test]
async fn a_chain_inside_a_pipeline() {
    let task = CancelToken::root("test").spawn("task", async {
        let call = call();
        let call = &call;
        let pipeline =
            Pipeline::named("oracle").fallback(Fallback::ordered(["near", "far"])).retry(Retry::fixed(SECOND));
        pipeline.run(call, |target, _| async move { ask(target, call).await }).await.unwrap().value.await
    });
    assert_eq!(task.await.unwrap(), 4);
}

#[tokio::test]
async fn hedging_and_single_flight() {
    let task = CancelToken::root("test").spawn("task", async {
        let (call, question) = (call(), String::from("why?"));
        let (call, question) = (&call, &question);
        let hedge = Hedge::after(SECOND);
        let hedged = hedge.run(call, |_, call| async move { ask(question, &call).await }).await.unwrap().await;
        let flights = SingleFlight::new();
        let shared = flights.run(call, "key", || async move { Ok(ask(question, call).await?.await) }).await.unwrap();
        (hedged, shared)
    });
    assert_eq!(task.await.unwrap(), (4, 4));
}
