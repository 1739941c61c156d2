//! Puts the parts together, in two phases: the address answers at once, then store, models and gateway start.
//!
//! Ending goes the other way round, one room after another, so that what is being written is finished by those
//! who write it: first the gateway ends its runs, then the lines to clients, then the models, and the store last.

mod continuations;
mod discovery;
mod files;
mod local_models;
mod reload;
mod rooms;
mod stages;
mod upstreams;
mod writers;

use std::{net::SocketAddr, sync::Arc};

use steadfast::{Clock, Error, Events, telemetry::TracingSink};
use tracing::info;

pub(crate) use self::{local_models::engine_settings, reload::ReloadNow, rooms::database};
use self::{reload::Reloading, stages::Stages};
use crate::{
    edge::{self, Answerer, Edge, HostCheck},
    house::House,
    routes,
    settings::Settings,
};

/// The running program.
#[derive(Debug)]
pub(crate) struct App {
    pub(crate) address: SocketAddr,
    pub(crate) house: Arc<House>,
    stages: Stages,
}

impl App {
    /// Answers when everything is ready. A start that fails leaves nothing behind.
    pub(crate) async fn start(settings: &Settings, reload: ReloadNow) -> Result<Self, Error> {
        let app = Self::open_doors(settings).await?;
        let upstreams = match rooms::open(settings, &app.house, &app.stages, Self::events()).await {
            Ok((rooms, upstreams)) => {
                app.house.open_rooms(rooms);
                upstreams
            }
            Err(error) => {
                app.stop().await;
                return Err(error);
            }
        };
        let reloading = Reloading { house: Arc::clone(&app.house), in_force: settings.clone(), upstreams, now: reload };
        let _owned_by_its_stage = app.stages.lines.spawn("settings watch", reloading.watch());
        let _owned_by_its_stage =
            app.stages.lines.spawn("model discovery", discovery::keep_asking(Arc::clone(&app.house)));
        let looking = continuations::look(Arc::clone(&app.house));
        let _owned_by_its_stage = app.stages.lines.spawn("continuation probes", looking);
        let _owned_by_its_stage = app.stages.lines.spawn("store watch", Arc::clone(&app.house).watch_store());
        Ok(app)
    }

    /// The first phase: the page opens, and calls wait for the rest.
    async fn open_doors(settings: &Settings) -> Result<Self, Error> {
        let (clock, stages) = (Clock::real(), Stages::new(Self::events()));
        files::allow(settings.connections.files());
        let listener = edge::bind(&settings.listen).await?;
        let address =
            listener.local_addr().map_err(|error| Error::internal("the listener has no address").with_source(error))?;
        let house = Arc::new(House::new(clock.clone(), stages.asking.clone(), stages.lines.clone(), settings.detail));
        let (router, hosts) = (routes::router(Arc::clone(&house)), HostCheck::new(address, &settings.listen.hosts));
        let answerer = Answerer { router, hosts, detail: settings.detail, clock };
        let edge = Edge::new(answerer, settings.connections, stages.lines.clone());
        let _owned_by_its_stage = stages.accepting.spawn("accept", edge.accept(listener, stages.accepting.clone()));
        Ok(Self { address, house, stages })
    }

    /// Ends everything, in order. Says who had not ended when the time was over.
    pub(crate) async fn stop(self) -> Vec<String> {
        self.house.drain();
        info!("stopping");
        self.stages.end(&self.house.clock).await
    }

    fn events() -> Events {
        Events::to(Arc::new(TracingSink))
    }
}

#[cfg(test)]
mod tests;
