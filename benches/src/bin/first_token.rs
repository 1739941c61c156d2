//! How long until the first word? From the server being up, with the model on this disk (requirement M3: within
//! 3 s), and again with the model loaded.

#![expect(clippy::print_stdout, reason = "a measuring program prints what it measured")]

use std::time::Duration;

use steadfast::Clock;
use steadfast_benches::Times;
use steadfast_house_tests::{Events, House, Models, Setup, question};

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let (mut cold, mut warm) = (Times::default(), Times::default());
    for _ in 0..ROUNDS {
        let house = House::start(Setup { models: Models::Quick, ..Setup::default() }).await;
        cold.add(first_word(&house, "Say hello.").await?);
        for _ in 0..ROUNDS {
            warm.add(first_word(&house, "Say hello again.").await?);
        }
    }
    println!("model on this disk  {}", cold.told());
    println!("model loaded        {}", warm.told());
    anyhow::ensure!(cold.percentile(0.5) <= LIMIT, "the median is over {LIMIT:?}");
    Ok(())
}

async fn first_word(house: &House, text: &str) -> anyhow::Result<Duration> {
    let clock = Clock::real();
    let begun = clock.now();
    let mut ask = question("quick", text);
    (ask["stream"], ask["max_tokens"]) = (true.into(), 8.into());
    let mut events = Events::of(house.post("/v1/chat/completions", ask).await);
    while let Some((_, chunk)) = events.data().await {
        if chunk["choices"][0]["delta"]["content"].as_str().is_some_and(|text| !text.is_empty()) {
            return Ok(clock.now() - begun);
        }
    }
    anyhow::bail!("there was no first word")
}

const ROUNDS: usize = 5;
const LIMIT: Duration = Duration::from_secs(3);
