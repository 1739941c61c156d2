//! A loop that keeps a connection: the table says what is legal, the back-off says when to dial again, and the health
//! registry hears of it. `cargo run -p steadfast --example keep_a_connection`
#![expect(clippy::print_stdout, reason = "an example shows its work")]

use steadfast::{
    CancelToken, Clock, Connection, ConnectionPhase, ConnectionSignal, Error, Event, Events, Health, Sink,
};

#[derive(Debug)]
struct Print;

impl Sink for Print {
    fn emit(&self, event: &Event) {
        println!("{event}");
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let (clock, events) = (Clock::real(), Events::to(Print));
    let program = CancelToken::root("program");
    let health = Health::new(clock.clone()).with_events(events.clone());
    let status = health.essential("database");
    let connection = Connection::new("database").with_clock(clock.clone()).with_events(events).seed(7);

    let mut tries = 0;
    while connection.phase() != ConnectionPhase::Ready {
        // Sleeps through the back-off, and wakes when the program ends.
        program.run(clock.sleep(connection.dial_wait().unwrap_or_default())).await.map_err(Error::cancelled)?;
        tries += 1;
        let result = connection.signal(ConnectionSignal::Dial, "the database is needed").and_then(|_| match tries {
            1..=3 => connection.signal(ConnectionSignal::Lost, "nobody answers"),
            _ => connection.signal(ConnectionSignal::Connected, "it greeted"),
        });
        match result {
            Ok(_) if connection.phase() == ConnectionPhase::Ready => status.up(),
            Ok(_) => status.down("nobody answers"),
            Err(refused) => return Err(Error::internal(refused.to_string())),
        }
    }
    print!("{}", health.report());
    Ok(())
}
