//! Does `/healthz` answer within 10 ms at p99 while a model loads and writes? (Requirement M1.) Asks at a bounded
//! rate, from its own connection, and fails when the answer is no.

#![expect(clippy::print_stdout, reason = "a measuring program prints what it measured")]

use std::time::Duration;

use steadfast::Clock;
use steadfast_benches::Times;
use steadfast_house_tests::{House, Models, Setup, question};

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let house = House::start(Setup { models: Models::QuickWhenAsked, ..Setup::default() }).await;
    let idle = ask_for(&house, SECONDS_IDLE).await?;
    println!("idle              {}", idle.told());

    let (busy, answered) = tokio::join!(ask_for(&house, SECONDS_BUSY), keep_busy(&house));
    let busy = busy?;
    println!("loads and writes  {}   ({} answers meanwhile)", busy.told(), answered?);

    anyhow::ensure!(busy.percentile(0.99) <= LIMIT, "p99 is over {LIMIT:?}");
    Ok(())
}

/// Asks `RATE` times a second. A question that is late is not made up for, so the rate stays bounded.
async fn ask_for(house: &House, seconds: u32) -> anyhow::Result<Times> {
    let (clock, mut times) = (Clock::real(), Times::default());
    let mut next = clock.now();
    for _ in 0..seconds * RATE {
        clock.sleep_until(next).await;
        let begun = clock.now();
        next = begun + Duration::from_secs(1) / RATE;
        let report = house.get("/healthz").await;
        anyhow::ensure!(report.status().is_success(), "{}", report.status());
        report.bytes().await?;
        times.add(clock.now() - begun);
    }
    Ok(times)
}

/// Loads the model, then writes two answers at a time until the others have measured enough.
async fn keep_busy(house: &House) -> anyhow::Result<u32> {
    let clock = Clock::real();
    let end = clock.now() + Duration::from_secs(u64::from(SECONDS_BUSY));
    house.load_quick().await;
    let mut answers = 0;
    while clock.now() < end {
        let mut ask = question("quick", "Write a long story about a lighthouse.");
        ask["max_tokens"] = 128.into();
        let (one, other) = tokio::join!(
            house.post("/v1/chat/completions", ask.clone()),
            house.post("/v1/chat/completions", ask.clone())
        );
        anyhow::ensure!(
            one.status().is_success() && other.status().is_success(),
            "{} {}",
            one.status(),
            other.status()
        );
        answers += 2;
    }
    Ok(answers)
}

const RATE: u32 = 200;
const SECONDS_IDLE: u32 = 5;
const SECONDS_BUSY: u32 = 20;
const LIMIT: Duration = Duration::from_millis(10);
