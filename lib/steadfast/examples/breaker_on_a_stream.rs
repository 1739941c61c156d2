//! A stream is no single call: the permit is taken before it opens, told of the first byte, and settled at its end.
//! `cargo run -p steadfast --example breaker_on_a_stream`
#![expect(clippy::print_stdout, reason = "an example shows its work")]

use std::time::Duration;
use steadfast::{Breaker, Call, CancelToken, Error, StreamTimeout};
use tokio::sync::mpsc;

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let radio = Breaker::consecutive(2).named("radio");
    let program = CancelToken::root("program");
    for evening in 1..=3 {
        let call = Call::new("listen", &program);
        match listen(&radio, &call).await {
            Ok(()) => println!("evening {evening}: heard it to the end"),
            Err(error) => println!("evening {evening}: {}", error.message()),
        }
    }
}

/// Reads to the end, or until nothing has come for 50 ms.
async fn listen(radio: &Breaker, call: &Call) -> Result<(), Error> {
    let mut permit = radio.enter_for(call)?;
    let (_station, mut words) = open();
    let mut watch = StreamTimeout::new().idle(Duration::from_millis(50)).watch(call);
    loop {
        match watch.next(words.recv()).await {
            Ok(Some(word)) => {
                permit.first_byte();
                println!("  {word}");
            }
            Ok(None) => {
                permit.success();
                return Ok(());
            }
            Err(silence) => {
                permit.failure(&silence);
                return Err(silence);
            }
        }
    }
}

/// A station that says three words and then nothing, without hanging up: its end of the line is kept.
fn open() -> (mpsc::Sender<&'static str>, mpsc::Receiver<&'static str>) {
    let (words, listener) = mpsc::channel(3);
    for word in ["Good", "evening,", "dear"] {
        let _listening = words.try_send(word);
    }
    (words, listener)
}
