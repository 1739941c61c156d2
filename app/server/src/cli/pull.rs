//! `steadfast pull`: fetches a model and starts it once, so that what is on the disk is known to work.

use serde_json::{Value, json};
use steadfast::Error;

use super::{
    client::Client,
    out::{Failed, Out},
    readiness,
    server::Server,
    signals::Signals,
};
use crate::settings::Settings;

pub(super) async fn pull(settings: &Settings, model: &str, out: Out) -> Result<(), Failed> {
    let mut signals = Signals::listen()?;
    let server = Server::find_or_start(settings).await?;
    let pulled = tokio::select! {
        pulled = fetch(&server.client, model, out) => pulled,
        () = signals.next() => cancel(&server.client, model, out).await,
    };
    server.leave().await;
    pulled
}

async fn fetch(client: &Client, model: &str, out: Out) -> Result<(), Failed> {
    let id = local_id(client, model).await?;
    let status = readiness::make_ready(client, &id, out).await?;
    if out.is_for_programs() {
        return out.json(&json!({ "model": status }));
    }
    let size = status.info.size_bytes.map_or_else(String::new, |bytes| format!(" ({} MB)", bytes / 1_000_000));
    out.line(&format!("{}{size} is on this disk, checked, and starts.", status.info.name))
}

async fn cancel(client: &Client, model: &str, out: Out) -> Result<(), Failed> {
    let id = local_id(client, model).await?;
    client.post::<Value>(&format!("/api/models/{id}/cancel"), &json!({ "reason": "user_stop" })).await?;
    out.note("Stopped. What has arrived is kept; the next pull goes on from there.");
    Err(Failed::Told)
}

async fn local_id(client: &Client, model: &str) -> Result<String, Error> {
    readiness::local_id(client, model)
        .await?
        .ok_or_else(|| Error::validation(format!("{model} runs on a remote server; there is nothing to fetch.")))
}
