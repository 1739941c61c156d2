//! Everything around a call in one value; the target fails for a while and the breaker rests.
//! `cargo run -p steadfast --example one_pipeline`
#![expect(clippy::print_stdout, reason = "an example shows its work")]

use std::time::Duration;
use steadfast::{Breaker, Budget, Bulkhead, Call, CancelToken, Clock, Error, Failed, Pipeline, Retry};

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let shop = Pipeline::named("shop")
        .deadline(Duration::from_secs(5))
        .retry(Retry::exponential(Duration::from_millis(50)).budget(Budget::default()))
        .limits(Bulkhead::new(8).queue(16).named("shop"))
        .breaker(Breaker::consecutive(4).open_for(Duration::from_millis(300)).named("shop"))
        .attempt_timeout(Duration::from_secs(1));
    let program = CancelToken::root("program");

    for order in 1..=6 {
        let call = Call::new("order", &program);
        match shop.run(&call, |_attempt| sell(order)).await {
            Ok(outcome) => println!("order {order}: {} after {} attempts", outcome.value, outcome.attempts),
            Err(Failed::Rejected(refusal)) => {
                println!("order {order}: {refusal}");
                Clock::real().sleep(refusal.retry_after.unwrap_or_default()).await;
            }
            Err(other) => println!("order {order}: {other}"),
        }
    }
}

fn sell(order: u32) -> impl Future<Output = Result<&'static str, Error>> {
    std::future::ready(if order <= 2 { Err(Error::unavailable("shop")) } else { Ok("sold") })
}
