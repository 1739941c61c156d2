//! As memory fills up, background work is refused first and people last.
//! `cargo run -p steadfast --example shed_by_priority`
#![expect(clippy::print_stdout, reason = "an example shows its work")]

use steadfast::{Call, CancelToken, LoadShed, Pressure, Priority};

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let memory = Pressure::new();
    let shedder = LoadShed::watching(&memory).named("memory");
    let call = Call::new("work", &CancelToken::root("program"));
    for used in [0.5, 0.92, 0.97, 0.7] {
        memory.set(used);
        for priority in [Priority::Interactive, Priority::Background] {
            let call = call.clone().with_priority(priority);
            let done = shedder.run(&call, async { Ok("done") }).await;
            println!("memory {:.0} %, {priority:?}: {}", used * 100.0, done.unwrap_or("refused"));
        }
    }
}
