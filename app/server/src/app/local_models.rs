//! The models of this machine: from the settings to the host that moves them and the provider that answers.

use std::sync::Arc;

use steadfast::{CancelToken, Clock, Error, Events};
use steadfast_contract::{model::ModelHost, provider::Provider};
use steadfast_engine::{
    catalog::Catalog,
    life::{Models, ModelsSettings, Runner},
    provider::EngineProvider,
};

use crate::settings;

pub(super) struct LocalModels {
    pub(super) host: Arc<dyn ModelHost>,
    pub(super) provider: Arc<dyn Provider>,
    /// The id of the model to load at once.
    pub(super) start: Option<String>,
}

impl LocalModels {
    pub(super) fn open(
        chosen: &settings::Models,
        token: &CancelToken,
        clock: Clock,
        events: Events,
    ) -> Result<Self, Error> {
        let catalog = match &chosen.catalogue {
            Some(file) => Catalog::with_file(file)?,
            None => Catalog::built_in()?,
        };
        let start =
            chosen.start.as_deref().map(|name| catalog.require(name).map(|entry| entry.id.clone())).transpose()?;
        let models = Models::open(engine_settings(chosen, clock), catalog, runner(), token, events);
        Ok(Self { host: Arc::new(models.clone()), provider: Arc::new(EngineProvider::new(models)), start })
    }
}

/// What the engine needs to know, with its own defaults where nothing was chosen.
pub(crate) fn engine_settings(chosen: &settings::Models, clock: Clock) -> ModelsSettings {
    let mut engine = ModelsSettings { clock, ..ModelsSettings::new(&chosen.dir) };
    engine.download.hub_cache.clone_from(&chosen.hub_cache);
    engine.download.python.clone_from(&chosen.python);
    if let Some(endpoint) = &chosen.hub_endpoint {
        engine.download.hub_endpoint.clone_from(endpoint);
    }
    engine
}

#[cfg(all(unix, feature = "llama"))]
fn runner() -> Arc<dyn Runner> {
    Arc::new(steadfast_engine::life::EngineRunner::default())
}

#[cfg(not(all(unix, feature = "llama")))]
fn runner() -> Arc<dyn Runner> {
    Arc::new(steadfast_engine::life::NoEngine)
}
