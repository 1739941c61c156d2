//! Two tasks under one call: somebody presses stop, both hear why, and the program ends only when both have
//! tidied up. `cargo run -p steadfast --example cancel_with_a_reason`
#![expect(clippy::print_stdout, reason = "an example shows its work")]

use std::time::Duration;
use steadfast::{CancelReason, CancelToken, Clock};

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let program = CancelToken::root("program");
    let call = program.child("call 7");
    for name in ["reader", "writer"] {
        let token = call.child(name);
        let _detached = call.spawn(name, async move {
            let reason = token.cancelled().await;
            println!("{name}: tidying up, because {reason}");
        });
    }

    Clock::real().sleep(Duration::from_millis(100)).await;
    println!("running: {:?}", program.running());
    call.cancel(CancelReason::UserStop);
    program.join().await;
    println!("running: {:?}", program.running());
    println!("the program itself was cancelled: {}", program.is_cancelled());
}
