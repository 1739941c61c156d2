//! A cache that loads once for all who ask, and gives an old price when the shop is closed.
//! `cargo run -p steadfast --example give_an_old_answer_rather_than_none`
#![expect(clippy::print_stdout, reason = "an example shows its work")]

use std::{
    future::{Ready, ready},
    time::Duration,
};
use steadfast::{Cache, Call, CancelToken, Clock, Error, Freshness};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    // Moved by hand, so that the example is done at once.
    let clock = Clock::manual();
    let call = Call::new("load the price", &CancelToken::root("program")).with_clock(clock.clone());
    let prices = Cache::of(1000).fresh_for(Duration::from_secs(60)).stale_for(Duration::from_secs(3600));

    // Two ask at once, one loads.
    let (first, second) = tokio::join!(prices.run(&call, "apples", open_shop), prices.run(&call, "apples", open_shop));
    println!("{} and {}", first?.value, second?.value);

    for minutes in [0, 1, 30, 60] {
        clock.advance(Duration::from_secs(60 * minutes));
        match prices.run(&call, "apples", closed_shop).await.map(|cached| (cached.value, cached.freshness)) {
            Ok((price, Freshness::Stale { age })) => println!("{price}, but that was {age:?} ago"),
            Ok((price, _)) => println!("{price}"),
            Err(error) => println!("{}", error.message()),
        }
    }
    Ok(())
}

async fn open_shop() -> Result<u32, Error> {
    tokio::task::yield_now().await;
    println!("the shop is asked");
    Ok(42)
}

fn closed_shop() -> Ready<Result<u32, Error>> {
    ready(Err(Error::unavailable("the shop")))
}
