//! Three stations, one of which is broken and one slow: the order is learnt from what happens.
//! `cargo run -p steadfast --example ranked_fallback`
#![expect(clippy::print_stdout, reason = "an example shows its work")]

use std::time::Duration;
use steadfast::{Call, CancelToken, Clock, Error, Ranked};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let stations = Ranked::new(["broken", "slow", "quick"]).explore(0.0);
    let program = CancelToken::root("program");
    for day in 1..=5 {
        let call = Call::new("fetch the weather", &program);
        let served = stations.run(&call, |station, _attempt| ask(station)).await?;
        println!("day {day}: {} from {}, {} asked", served.value, served.by, served.asked);
    }
    Ok(())
}

async fn ask(station: &str) -> Result<&'static str, Error> {
    match station {
        "broken" => return Err(Error::unavailable(station)),
        "slow" => Clock::real().sleep(Duration::from_millis(80)).await,
        _ => Clock::real().sleep(Duration::from_millis(5)).await,
    }
    Ok("sunny")
}
