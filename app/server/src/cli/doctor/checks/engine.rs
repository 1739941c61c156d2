//! What models are made to run with: Python with pip for the package index, and the engine itself.

use std::time::Duration;

use serde_json::{Value, json};
use steadfast::Error;
use tokio::process::Command;

use super::super::Finding;
use crate::{
    cli::{
        client::Client,
        out::{Form, Out},
        patience::within,
        readiness,
        server::Server,
    },
    settings::Settings,
};

pub(super) async fn python(settings: &Settings) -> Finding {
    let python = &settings.models.python;
    let asked = Command::new(python).args(["-m", "pip", "--version"]).kill_on_drop(true).output();
    let told = within(PATIENCE, asked)
        .await
        .map_or_else(|| Err("it does not answer".to_owned()), |told| told.map_err(|error| error.to_string()));
    let missing = |why: String| {
        Finding::warning(
            "python",
            format!("{} with pip cannot be used: {why}.", python.display()),
            "It is needed only where the model hub cannot be reached. Install python3 and python3-pip, or set `models.python`.",
        )
    };
    match told {
        Ok(output) if output.status.success() => {
            let version: Vec<_> =
                String::from_utf8_lossy(&output.stdout).split_whitespace().take(2).map(str::to_owned).collect();
            Finding::good("python", format!("{} can be used for the package index.", version.join(" ")))
        }
        Ok(output) => {
            missing(String::from_utf8_lossy(&output.stderr).lines().last().unwrap_or("pip is missing").to_owned())
        }
        Err(why) => missing(why),
    }
}

/// Loads the first model and lets it write a word, if its file is here; nothing is fetched for a check.
pub(super) async fn engine(settings: &Settings) -> Finding {
    let advice = "`steadfast models` lists the models and what is wrong with each.";
    match self_test(settings).await {
        Ok(Some(name)) => Finding::good("engine", format!("{name} was loaded and has answered.")),
        Ok(None) => Finding::warning(
            "engine",
            "No model is on this disk yet.",
            "`steadfast pull` fetches the smallest and tests the engine with it.",
        ),
        Err(error) => Finding::bad("engine", error.message(), advice),
    }
}

async fn self_test(settings: &Settings) -> Result<Option<String>, Error> {
    let server = Server::find_or_start(settings).await?;
    let tested = answer_once(&server.client).await;
    server.leave().await;
    tested
}

async fn answer_once(client: &Client) -> Result<Option<String>, Error> {
    let models: Value = client.get("/api/models").await?;
    let here = models["models"].as_array().into_iter().flatten().find(|model| model["on_disk"] == true);
    let Some(info) = here.map(|model| &model["info"]) else { return Ok(None) };
    let id = info["id"].as_str().unwrap_or_default();
    readiness::make_ready(client, id, Out::new(Form::Json)).await?;
    let ask = json!({ "model": id, "messages": [{ "role": "user", "content": "Say hello." }], "max_tokens": 1 });
    client.post::<Value>("/v1/chat/completions", &ask).await?;
    Ok(info["name"].as_str().map(str::to_owned))
}

const PATIENCE: Duration = Duration::from_secs(10);
