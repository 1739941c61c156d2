//! Three stations, of which one is down and one is slow: the ranking finds the good one and keeps an eye on the
//! others. `cargo run -p steadfast --example ask_whoever_serves_best`
#![expect(clippy::print_stdout, reason = "an example shows its work")]

use std::time::Duration;
use steadfast::{Call, CancelToken, Clock, Error, Ranked};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    // Moved by hand, so that the example is done at once.
    let clock = Clock::manual();
    let call = Call::new("fetch the weather", &CancelToken::root("program")).with_clock(clock.clone());
    let stations = Ranked::new(["broken", "slow", "quick"]).seed(7);

    for number in 1..=20 {
        let served = stations.run(&call, |station, _attempt| std::future::ready(ask(&clock, station))).await?;
        let note = if served.degraded { ", not the first choice" } else { "" };
        println!("call {number}: {} from {}{note}", served.value, served.by);
    }
    for standing in stations.standings(&clock) {
        println!("{}: {:.0} % served, {:?}", standing.target, 100.0 * standing.success, standing.latency);
    }
    Ok(())
}

fn ask(clock: &Clock, station: &str) -> Result<&'static str, Error> {
    clock.advance(Duration::from_secs(if station == "slow" { 8 } else { 1 }));
    if station == "broken" { Err(Error::unavailable(station)) } else { Ok("sunny") }
}
