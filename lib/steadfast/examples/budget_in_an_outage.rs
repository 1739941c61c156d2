//! What an outage costs the server: a thousand calls that fail, with three attempts each, without and with a budget.
//! `cargo run -p steadfast --example budget_in_an_outage`
#![expect(clippy::print_stdout, reason = "an example shows its work")]

use std::{cell::Cell, time::Duration};
use steadfast::{Budget, Call, CancelToken, Error, Retry};

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let three_attempts = Retry::fixed(Duration::ZERO).max_attempts(3);
    println!("without a budget: {} requests", requests(&three_attempts).await);
    println!("with a budget:    {} requests", requests(&three_attempts.budget(Budget::default())).await);
}

async fn requests(retry: &Retry) -> u32 {
    let requests = Cell::new(0);
    let program = CancelToken::root("program");
    for _ in 0..1000 {
        let call = Call::new("order", &program);
        let failing = |_| {
            requests.set(requests.get() + 1);
            async { Err::<(), _>(Error::unavailable("shop")) }
        };
        let _always_fails = retry.run(&call, failing).await;
    }
    requests.get()
}
