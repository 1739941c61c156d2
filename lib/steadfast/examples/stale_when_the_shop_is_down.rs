//! The shop goes down; its last price is still given out, and said to be old.
//! `cargo run -p steadfast --example stale_when_the_shop_is_down`
#![expect(clippy::print_stdout, reason = "an example shows its work")]

use std::time::Duration;
use steadfast::{Cache, Call, CancelToken, Clock, Error, Freshness};

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let clock = Clock::manual();
    let prices = Cache::of(100).fresh_for(Duration::from_secs(60)).stale_for(Duration::from_secs(3600));
    for (minute, shop_is_up) in [(0, true), (0, false), (5, false), (90, false)] {
        clock.advance(Duration::from_secs(60 * minute));
        let call = Call::new("load the price", &CancelToken::root("program")).with_clock(clock.clone());
        let load = || async move { if shop_is_up { Ok(42) } else { Err(Error::unavailable("shop")) } };
        match prices.run(&call, "apples", load).await {
            Ok(price) => println!("{minute} min later: {} ({})", price.value, age(price.freshness)),
            Err(error) => println!("{minute} min later: {}", error.message()),
        }
    }
}

fn age(freshness: Freshness) -> String {
    match freshness {
        Freshness::Stale { age } => format!("{} min old, the shop cannot be reached", age.as_secs() / 60),
        _ => "good".to_owned(),
    }
}
