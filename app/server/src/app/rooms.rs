//! The second phase: store, models, upstreams, gateway. The only place that names the concrete types of all of them.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use steadfast::{Error, Events};
use steadfast_contract::model::ModelHost;
use steadfast_gateway::{Gateway, Parts};
use steadfast_store::StoreSettings;
use tracing::{info, warn};

use super::{local_models::LocalModels, stages::Stages, upstreams::Upstreams, writers};
use crate::{
    house::{House, Rooms},
    settings::Settings,
};

pub(super) async fn open(
    settings: &Settings,
    house: &House,
    stages: &Stages,
    events: Events,
) -> Result<(Rooms, Upstreams), Error> {
    make_dir(&settings.data_dir)?;
    let place = StoreSettings::Sqlite { path: database(settings) };
    let store = steadfast_store::open(place, &stages.store, house.clock.clone(), events.clone()).await?;
    let store_backend = store.backend();
    let local = LocalModels::open(&settings.models, &stages.models, house.clock.clone(), events.clone())?;
    let upstreams = Upstreams::open(Arc::clone(&local.provider), settings.upstreams.clone(), &house.clock)?;
    let parts = Parts {
        store,
        writers: writers::again(house.detail),
        models: Arc::clone(&local.host),
        providers: upstreams.providers(),
        settings: settings.gateway.clone(),
        clock: house.clock.clone(),
        token: stages.asking.clone(),
        events,
        boot: house.boot.clone(),
    };
    let gateway = Gateway::start(parts).await?;
    if let Some(id) = &local.start {
        begin_loading(local.host.as_ref(), id);
    }
    Ok((Rooms { gateway, upstreams: upstreams.remote(), store_backend }, upstreams))
}

/// Where the conversations are.
pub(crate) fn database(settings: &Settings) -> PathBuf {
    settings.data_dir.join(DATABASE)
}

/// A model that cannot be loaded is no reason not to serve: the page says what is wrong with it.
fn begin_loading(models: &dyn ModelHost, id: &str) {
    match models.load(id) {
        Ok(_) => info!(model = id, "loading"),
        Err(error) => warn!(model = id, %error, "the first model cannot be loaded"),
    }
}

/// For its owner only: conversations are private.
fn make_dir(dir: &Path) -> Result<(), Error> {
    let made = fs::DirBuilder::new().recursive(true).mode_for_owner().create(dir);
    made.map_err(|error| {
        Error::storage_unavailable(format!("{}: {error}", dir.display()))
            .with_message(format!("The data directory {} cannot be made: {error}.", dir.display()))
            .with_suggestion("Choose another one with `--data-dir`.")
    })
}

trait ForOwner {
    fn mode_for_owner(&mut self) -> &mut Self;
}

impl ForOwner for fs::DirBuilder {
    #[cfg(unix)]
    fn mode_for_owner(&mut self) -> &mut Self {
        std::os::unix::fs::DirBuilderExt::mode(self, 0o700)
    }

    #[cfg(not(unix))]
    fn mode_for_owner(&mut self) -> &mut Self {
        self
    }
}

const DATABASE: &str = "steadfast.db";
