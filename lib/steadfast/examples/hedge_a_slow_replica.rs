//! Three hundred questions to a replica that is slow once in twenty times, with and without hedging.
//! `cargo run -p steadfast --example hedge_a_slow_replica`
#![expect(clippy::print_stdout, reason = "an example shows its work")]

use std::time::Duration;
use steadfast::{Budget, Call, CancelToken, Error, Hedge};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let call = Call::new("look up", &CancelToken::root("program"));
    let never = Hedge::after(Duration::from_secs(60));
    let hedged = Hedge::at_quantile(0.9).min_delay(Duration::from_millis(2)).budget(Budget::ratio(0.1));
    for (name, hedge) in [("alone", never), ("hedged", hedged)] {
        let mut times = Vec::new();
        for question in 0..300 {
            let start = call.clock().now();
            hedge.run(&call, |attempt, call| replica(question, attempt.number, call)).await?;
            times.push(call.clock().now() - start);
        }
        times.sort();
        println!("{name}: median {:?}, slowest in a hundred {:?}", times[150], times[297]);
    }
    Ok(())
}

/// Every twentieth question finds it busy, unless it is asked again.
async fn replica(question: u32, copy: u32, call: Call) -> Result<(), Error> {
    let busy = question % 20 == 7 && copy == 1;
    call.clock().sleep(Duration::from_millis(if busy { 100 } else { 1 })).await;
    Ok(())
}
