//! `steadfast serve`: until a signal says otherwise.

use serde_json::json;
use steadfast::Error;
use tracing::warn;

use super::{
    out::{Failed, Out},
    server,
    signals::Signals,
};
use crate::{
    app::{App, ReloadNow},
    settings::{Settings, WhenTaken},
};

pub(super) async fn serve(settings: &Settings, out: Out) -> Result<(), Failed> {
    let reload = ReloadNow::default();
    let mut signals = Signals::listen()?.reloading(reload.clone())?;
    let app = tokio::select! {
        app = App::start(settings, reload) => app?,
        () = signals.next() => return Ok(()),
    };
    let _card = server::leave_card(&settings.data_dir, app.address)?;
    announce(settings, &app, out)?;
    signals.next().await;
    tokio::select! {
        late = app.stop() => told(&late),
        () = signals.next() => {
            warn!("ended at once, on the second signal");
            Ok(())
        }
    }
}

/// The first line is for tests and scripts, and stays as it is.
fn announce(settings: &Settings, app: &App, out: Out) -> Result<(), Failed> {
    let url = format!("http://{}", app.address);
    if out.is_for_programs() {
        return out.json(&json!({ "listening": url }));
    }
    out.line(&format!("steadfast is listening on {url}"))?;
    if settings.listen.when_taken == WhenTaken::TakeTheNext && settings.listen.address.port() != app.address.port() {
        out.note(&format!(
            "Port {} is taken by another program, so this is the next free one.",
            settings.listen.address.port()
        ));
    }
    Ok(())
}

fn told(late: &[String]) -> Result<(), Failed> {
    if late.is_empty() {
        return Ok(());
    }
    Err(Error::internal(format!("not ended in time: {}", late.join(", "))).into())
}
