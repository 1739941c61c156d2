//! A call that fails twice: retry with growing waits, a time-out for each attempt, a breaker around the target,
//! and a sink that prints the story. `cargo run -p steadfast --example retry_a_flaky_call`
#![expect(clippy::print_stdout, reason = "an example shows its work")]

use std::time::Duration;
use steadfast::{Attempt, Breaker, Call, CancelToken, Clock, Deadline, Error, Event, Events, Retry, Sink, Timeout};

#[derive(Debug)]
struct Print;

impl Sink for Print {
    fn emit(&self, event: &Event) {
        println!("{event}");
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let program = CancelToken::root("program").with_events(Events::to(Print));
    let deadline = Deadline::after(&Clock::real(), Duration::from_secs(10));
    let call = Call::new("fetch the weather", &program).with_deadline(deadline);

    let retry = Retry::exponential(Duration::from_millis(200)).max_attempts(4);
    let breaker = Breaker::consecutive(5).named("weather station");
    let per_attempt = Timeout::after(Duration::from_secs(1));

    let weather = retry
        .run(&call, |attempt| {
            let (call, breaker) = (call.clone(), breaker.clone());
            // The time-out is inside the breaker, so that a station that hangs is judged.
            async move { breaker.run(&call, per_attempt.run(&call, ask_the_station(attempt))).await }
        })
        .await?;
    println!("the weather is {weather}");
    Ok(())
}

async fn ask_the_station(attempt: Attempt) -> Result<&'static str, Error> {
    match attempt.number {
        1 => Err(Error::connection_lost("weather station")),
        2 => std::future::pending().await,
        _ => Ok("sunny"),
    }
}
