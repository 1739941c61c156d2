//! A task that shows what happens while it happens, beside the work. It is a sink's reader: it decides nothing.
//! `cargo run -p steadfast --example live_view`
#![expect(clippy::print_stdout, reason = "an example shows its work")]

use std::{sync::Arc, time::Duration};
use steadfast::{BroadcastSink, Call, CancelReason, CancelToken, Error, Events, Retry};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let feed = Arc::new(BroadcastSink::new(64));
    let program = CancelToken::root("program").with_events(Events::to(Arc::clone(&feed)));
    let mut reader = feed.subscribe();
    let token = program.clone();
    let _view = program.spawn("live view", async move {
        while let Ok(Ok(event)) = token.run(reader.recv()).await {
            println!("{event}");
        }
    });

    let call = Call::new("buy", &program);
    Retry::exponential(Duration::from_millis(20))
        .run(&call, |attempt| async move { if attempt.is_last() { Ok(()) } else { Err(Error::unavailable("shop")) } })
        .await?;
    program.cancel(CancelReason::Shutdown);
    program.join().await;
    Ok(())
}
