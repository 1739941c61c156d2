//! One call in ten is slow; asking a second time when the first answer is late takes the slowness away.
//! `cargo run -p steadfast --example hedge_the_slow_one`
#![expect(clippy::print_stdout, reason = "an example shows its work")]

use std::time::Duration;
use steadfast::{Budget, Call, CancelToken, Clock, Error, Hedge};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let hedge = Hedge::after(Duration::from_millis(10)).budget(Budget::ratio(0.2));
    let (program, clock) = (CancelToken::root("program"), Clock::real());
    let mut slowest = Duration::ZERO;
    for number in 1..=50_u32 {
        let call = Call::new("look up", &program);
        let began = clock.now();
        hedge
            .run(&call, |attempt, call| async move {
                let stuck = number % 10 == 0 && attempt.number == 1;
                call.clock().sleep(Duration::from_millis(if stuck { 500 } else { 2 })).await;
                Ok(())
            })
            .await?;
        slowest = slowest.max(clock.now() - began);
    }
    println!("the slowest of 50 took {slowest:?}; without hedging it is 500 ms");
    Ok(())
}
