//! Following a model until it is ready, with a progress bar for people who watch.

use http::Method;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressFinish, ProgressStyle};
use serde_json::{Value, json};
use steadfast::Error;
use steadfast_contract::{
    code,
    live::Live,
    model::{ModelPhase, ModelStatus},
};

use super::{
    client::{Client, Line, Lines},
    out::Out,
};

/// The id behind a tier or a model's name; `None` when it is remote, and so needs no loading.
pub(super) async fn local_id(client: &Client, name: &str) -> Result<Option<String>, Error> {
    let model: Value = client.get(&format!("/v1/models/{}", path_safe(name)?)).await?;
    let own = &model["steadfast"];
    let id = own["alias_of"].as_str().unwrap_or(name).to_owned();
    Ok((!own["status"].is_null()).then_some(id))
}

/// Asks for the model and waits; answers its last state, or why it cannot be ready.
pub(super) async fn make_ready(client: &Client, id: &str, out: Out) -> Result<ModelStatus, Error> {
    let mut status: ModelStatus = client.post(&format!("/api/models/{id}/load"), &json!({})).await?;
    // In this order: the line greets with the state of the moment, which must not be one from before the load.
    let mut changes = client.stream(Method::GET, "/api/events", None).await?;
    let bar = bar(&status.info.name, out);
    loop {
        show(&bar, &status);
        if let Some(end) = end(&status) {
            return end.map(|()| status);
        }
        status = next_of(id, &mut changes).await?;
    }
}

/// Shows whichever model is being made ready, until it is dropped. Ends only when the line is lost.
pub(super) async fn show_what_loads(client: &Client, out: Out) -> Error {
    let mut changes = match client.stream(Method::GET, "/api/events", None).await {
        Ok(changes) => changes,
        Err(error) => return error,
    };
    let bar = bar("", out);
    loop {
        match next_change(&mut changes).await {
            Ok(status) if status.progress.is_some() => {
                bar.set_prefix(status.info.name.clone());
                show(&bar, &status);
            }
            Ok(_) => {}
            Err(error) => return error,
        }
    }
}

async fn next_of(id: &str, changes: &mut Lines) -> Result<ModelStatus, Error> {
    loop {
        let status = next_change(changes).await?;
        if status.info.id == id {
            return Ok(status);
        }
    }
}

async fn next_change(changes: &mut Lines) -> Result<ModelStatus, Error> {
    while let Some(line) = changes.next().await? {
        let Line::Data(data) = line else { continue };
        if let Ok(Live::Model { model }) = serde_json::from_str(&data) {
            return Ok(*model);
        }
    }
    Err(Error::connection_lost("the server"))
}

fn end(status: &ModelStatus) -> Option<Result<(), Error>> {
    match status.phase {
        ModelPhase::Ready => Some(Ok(())),
        ModelPhase::Idle => Some(Err(code::model_not_loaded(&status.info.name))),
        ModelPhase::Failed => Some(Err(status
            .error
            .as_ref()
            .map_or_else(|| code::model_not_loaded(&status.info.name), |failure| failure.to_error()))),
        ModelPhase::Downloading
        | ModelPhase::Verifying
        | ModelPhase::Loading
        | ModelPhase::WarmingUp
        | ModelPhase::Unloading => None,
    }
}

fn bar(name: &str, out: Out) -> ProgressBar {
    let target = if out.is_watched() { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
    let bar = ProgressBar::with_draw_target(Some(100), target)
        .with_prefix(name.to_owned())
        .with_finish(ProgressFinish::AndClear);
    if let Ok(style) = ProgressStyle::with_template("{prefix}  {bar:32}  {percent:>3} %  {wide_msg}") {
        bar.set_style(style);
    }
    bar
}

fn show(bar: &ProgressBar, status: &ModelStatus) {
    let Some(progress) = &status.progress else { return };
    bar.set_position(progress.percent as u64);
    let speed = progress.bytes_per_second.map(|speed| format!("{:.1} MB/s", speed / 1e6));
    let left = progress.seconds_left.map(|left| format!("{left:.0} s left"));
    let words = [Some(progress.step.clone()), speed, left, progress.source.clone(), status.note.clone()];
    bar.set_message(words.into_iter().flatten().collect::<Vec<_>>().join(", "));
}

/// A name that can stand in an address as it is.
fn path_safe(name: &str) -> Result<&str, Error> {
    let safe = |byte: u8| byte.is_ascii_alphanumeric() || b"._:/-".contains(&byte);
    if !name.is_empty() && name.bytes().all(safe) { Ok(name) } else { Err(Error::not_found("model", name)) }
}
