//! Can the conversations be read and written? A server that has them open answers for them.

use steadfast::{CancelReason, CancelToken, Clock, Error, Events};
use steadfast_store::StoreSettings;

use super::super::Finding;
use crate::{app, cli::server, settings::Settings};

pub(super) async fn store(settings: &Settings) -> Finding {
    if let Some(address) = server::running(settings).await {
        return Finding::good("store", format!("A server at {address} has it open."));
    }
    match open_and_check(settings).await {
        Ok(()) => Finding::good("store", "Conversations can be read and written."),
        Err(error) => Finding::bad("store", error.message(), error.suggestion()),
    }
}

async fn open_and_check(settings: &Settings) -> Result<(), Error> {
    let token = CancelToken::root("doctor");
    let place = StoreSettings::Sqlite { path: app::database(settings) };
    let checked = match steadfast_store::open(place, &token, Clock::real(), Events::none()).await {
        Ok(store) => store.check(&token).await,
        Err(error) => Err(error),
    };
    token.cancel(CancelReason::Shutdown);
    token.join().await;
    checked
}
