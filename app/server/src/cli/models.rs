//! `steadfast models`: every model and where it is in its life.

use serde::Deserialize;
use serde_json::json;
use steadfast_contract::model::{ModelPhase, ModelStatus, Place};

use super::{
    out::{Failed, Out},
    server::Server,
};
use crate::settings::Settings;

#[derive(Deserialize)]
struct Listed {
    models: Vec<ModelStatus>,
}

pub(super) async fn list(settings: &Settings, out: Out) -> Result<(), Failed> {
    let server = Server::find_or_start(settings).await?;
    let is_inside = server.is_inside();
    let listed = server.client.get::<Listed>("/api/models").await;
    server.leave().await;
    let models = listed?.models;
    if out.is_for_programs() {
        return out.json(&json!({ "models": models }));
    }
    for model in &models {
        out.line(&line(model))?;
    }
    if is_inside {
        out.note("No server is running; this is what is on this disk.");
    }
    Ok(())
}

fn line(model: &ModelStatus) -> String {
    let size = model.info.size_bytes.map_or_else(String::new, |bytes| format!("{} MB", bytes / 1_000_000));
    format!("{:<10} {:<32} {:>8}  {}", model.info.name, model.info.id, size, state(model))
}

fn state(model: &ModelStatus) -> String {
    let trouble = model.error.as_ref().map(|error| error.message.clone()).or_else(|| model.does_not_fit.clone());
    match (model.phase, model.info.place) {
        (_, Place::Remote) => format!("on {}", model.info.upstream.as_deref().unwrap_or("a remote server")),
        (ModelPhase::Ready, _) => "ready".to_owned(),
        (ModelPhase::Failed, _) => trouble.unwrap_or_else(|| "failed".to_owned()),
        (ModelPhase::Idle, _) if model.on_disk => "on this disk".to_owned(),
        (ModelPhase::Idle, _) => trouble.unwrap_or_else(|| "not fetched yet".to_owned()),
        _ => model
            .progress
            .as_ref()
            .map_or_else(|| "on its way".to_owned(), |progress| format!("{} {:.0} %", progress.step, progress.percent)),
    }
}
