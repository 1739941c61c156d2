//! `steadfast check --probe`: asks every model of every upstream whether it goes on from a begun answer, which is what
//! `continuation = "verified"` in the settings says. One short question a model.

use std::time::Duration;

use serde_json::{Map, json};
use steadfast::{CancelToken, Clock, Error};
use steadfast_contract::provider::{Continuation, Provider};

use super::out::{Failed, Out};
use crate::settings::Settings;

pub(super) async fn probe(settings: &Settings, out: Out) -> Result<(), Failed> {
    let (clock, token) = (Clock::real(), CancelToken::root("probe"));
    let mut found = Map::new();
    for upstream in &settings.upstreams {
        let provider = steadfast_providers::open(upstream.clone(), clock.clone())?;
        for model in &upstream.models {
            let name = format!("{}/{}", upstream.name, model.id);
            let answer = look(provider.as_ref(), &model.id, &clock, &token).await;
            if !out.is_for_programs() {
                out.line(&format!("{name}  {}", told(&answer)))?;
            }
            let answer = match answer {
                Ok(continuation) => json!({ "continuation": continuation.as_str() }),
                Err(error) => json!({ "error": error.code().name(), "message": error.message() }),
            };
            found.insert(name, answer);
        }
    }
    match (out.is_for_programs(), found.is_empty()) {
        (true, _) => out.json(&json!({ "models": found })),
        (false, true) => out.line(
            "No upstream of the settings names a model. Those that are only found (discover = true) are not asked: each question costs.",
        ),
        (false, false) => Ok(()),
    }
}

async fn look(provider: &dyn Provider, model: &str, clock: &Clock, token: &CancelToken) -> Result<Continuation, Error> {
    tokio::select! {
        found = provider.verify_continuation(model, token) => found,
        () = clock.sleep(PATIENCE) => Err(Error::timeout("the continuation probe", PATIENCE)),
    }
}

fn told(answer: &Result<Continuation, Error>) -> String {
    match answer {
        Ok(Continuation::Verified | Continuation::Exact) => "goes on: `continuation = \"verified\"` is true".to_owned(),
        Ok(Continuation::Unsupported | Continuation::Unknown) => "begins anew, or refuses".to_owned(),
        Err(error) => format!("was not seen: {}", error.message()),
    }
}

/// A model that thinks may take its time over a dozen tokens.
const PATIENCE: Duration = Duration::from_secs(60);
