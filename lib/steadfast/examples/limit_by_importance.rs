//! Ten visitors for a printer that takes two at once and has three chairs: the others are told at once.
//! `cargo run -p steadfast --example limit_by_importance`
#![expect(clippy::print_stdout, reason = "an example shows its work")]

use std::time::Duration;
use steadfast::{Bulkhead, Call, CancelToken, Error, LoadShed, Priority, Timeout};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let program = CancelToken::root("program");
    let printer = Bulkhead::new(2).queue(3).named("printer");

    // Background work is refused as soon as somebody would have to wait.
    let inside = printer.clone();
    let shedder = LoadShed::by(move || f64::from(inside.in_flight()) / f64::from(inside.limit())).named("printer");
    let shedder = shedder.threshold(Priority::Api, 2.0).threshold(Priority::Background, 1.0);

    let visitors = (1..=10).map(|number| {
        let (printer, shedder) = (printer.clone(), shedder.clone());
        let priority = if number % 2 == 0 { Priority::Background } else { Priority::Api };
        let call = Call::new(format!("visitor {number}"), &program).with_priority(priority);
        program.spawn("visitor", async move {
            let page = async {
                call.clock().sleep(Duration::from_millis(20)).await;
                Ok("a page")
            };
            let work = printer.run(&call, Timeout::after(Duration::from_secs(1)).run(&call, page));
            (call.operation().to_owned(), shedder.run(&call, work).await)
        })
    });
    for visitor in visitors.collect::<Vec<_>>() {
        match visitor.await? {
            (name, Ok(page)) => println!("{name} has {page}"),
            (name, Err(error)) => println!("{name} goes home: {} ({})", error.message(), error.code()),
        }
    }
    Ok(())
}
