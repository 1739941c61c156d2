//! The models of this machine and their lives: idle, downloading, verifying, loading, warming up, ready, failed, unloading.
//!
//! [`Models`] is the only door. `moves` is the table of the state machine, `slot` one model's state, `load` the way from
//! nothing to ready, `runner` what runs a model. Surprise: nothing here waits for a load; whoever wants to know subscribes.

mod changes;
#[cfg(all(unix, feature = "llama"))]
mod engine;
mod idle;
mod load;
mod memory;
mod moves;
mod progress;
mod room;
mod runner;
mod settings;
mod slot;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use steadfast::{Breaker, CancelReason, CancelToken, Error, Events};
use steadfast_contract::{
    BoxFuture,
    chat::ChatRequest,
    chunk::ChunkStream,
    code,
    model::{ModelChanges, ModelHost, ModelInfo, ModelPhase, ModelStatus},
};
use tokio::sync::watch;

#[cfg(all(unix, feature = "llama"))]
pub use engine::EngineRunner;
pub use runner::{NoEngine, Runner, Running, Start, Step, Steps};
pub use settings::ModelsSettings;

use crate::{catalog::Catalog, download::Downloader};
use moves::Signal;
use progress::Plan;
use slot::Slot;

/// Every local model. Clones are the same host.
#[derive(Debug, Clone)]
pub struct Models {
    host: Arc<Host>,
}

#[derive(Debug)]
struct Host {
    settings: ModelsSettings,
    catalog: Catalog,
    downloader: Downloader,
    runner: Arc<dyn Runner>,
    token: CancelToken,
    events: Events,
    slots: Vec<Slot>,
    bell: watch::Sender<()>,
    /// Held while room is made and taken, so that two loads do not take the same.
    making_room: tokio::sync::Mutex<()>,
}

/// Who asks for a load.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Asker {
    /// A person, through one of the doors.
    Person,
    /// A question that needs the model. It does not undo a person's stop.
    Question,
}

impl Models {
    /// Everything that is begun here belongs to `token` and ends with it.
    pub fn open(
        settings: ModelsSettings,
        catalog: Catalog,
        runner: Arc<dyn Runner>,
        token: &CancelToken,
        events: Events,
    ) -> Self {
        let bell = watch::Sender::new(());
        let breaker = Breaker::consecutive(settings.failures_until_rest)
            .open_for(settings.rest)
            .with_clock(settings.clock.clone());
        let slots = catalog.entries().iter().map(|entry| {
            let breaker = breaker.named(entry.name.clone()).with_events(events.clone());
            Slot::new(entry.clone(), breaker, bell.clone(), settings.clock.now())
        });
        let host = Host {
            slots: slots.collect(),
            downloader: Downloader::new(settings.download.clone()),
            token: token.child("models"),
            settings,
            catalog,
            runner,
            events,
            bell,
            making_room: tokio::sync::Mutex::default(),
        };
        let host = Arc::new(host);
        idle::watch_over(&host);
        Self { host }
    }

    pub fn catalog(&self) -> &Catalog {
        &self.host.catalog
    }

    pub fn infos(&self) -> Vec<ModelInfo> {
        self.host.slots.iter().map(|slot| slot.info.clone()).collect()
    }

    pub(crate) fn find(&self, wanted: &dyn Fn(&ModelInfo) -> bool) -> Option<ModelInfo> {
        self.host.slots.iter().map(|slot| &slot.info).find(|info| wanted(info)).cloned()
    }

    /// Answers with a ready model. One that is not ready is asked to become so, and the answer is `MODEL_LOADING`.
    pub(crate) async fn generate(&self, request: ChatRequest, token: CancelToken) -> Result<ChunkStream, Error> {
        let index = self.host.index(&request.model)?;
        let Some(running) = self.host.slots[index].look(|state| state.running.clone()) else {
            return Err(self.not_ready(&request.model));
        };
        let answer = idle::Answer::begin(&self.host, index);
        let chunks = running.generate(request, token).await?;
        Ok(answer.wrap(chunks))
    }

    fn not_ready(&self, id: &str) -> Error {
        match self.host.begin_load(id, Asker::Question) {
            Err(refused) => refused,
            Ok(status) => code::model_loading(&status.info.name, Some(load::worth_waiting(&status))),
        }
    }
}

impl ModelHost for Models {
    fn list(&self) -> Vec<ModelStatus> {
        (0..self.host.slots.len()).map(|index| self.host.status_of(index)).collect()
    }

    fn status(&self, id: &str) -> Option<ModelStatus> {
        self.host.index(id).ok().map(|index| self.host.status_of(index))
    }

    fn load(&self, id: &str) -> Result<ModelStatus, Error> {
        self.host.begin_load(id, Asker::Person)
    }

    fn cancel(&self, id: &str, reason: CancelReason) -> Result<ModelStatus, Error> {
        let index = self.host.index(id)?;
        self.host.cancel(index, reason);
        Ok(self.host.status_of(index))
    }

    fn unload<'a>(&'a self, id: &'a str) -> BoxFuture<'a, Result<ModelStatus, Error>> {
        Box::pin(async move {
            let index = self.host.index(id)?;
            self.host.cancel(index, CancelReason::UserStop);
            self.host.unload(index).await;
            Ok(self.host.status_of(index))
        })
    }

    fn reset(&self, id: &str) -> Result<ModelStatus, Error> {
        let index = self.host.index(id)?;
        self.host.slots[index].change(|state| {
            if state.rest(Signal::Reset) {
                state.error = None;
            }
        });
        Ok(self.host.status_of(index))
    }

    fn remove<'a>(&'a self, id: &'a str) -> BoxFuture<'a, Result<ModelStatus, Error>> {
        Box::pin(async move {
            let index = self.host.index(id)?;
            let slot = &self.host.slots[index];
            if !matches!(slot.look(|state| state.phase), ModelPhase::Idle | ModelPhase::Failed) {
                let message = format!("{} is in use, so its file cannot be deleted.", slot.entry.name);
                return Err(Error::conflict(message).with_suggestion("Unload it first."));
            }
            self.host.downloader.remove(&slot.entry, &self.host.token).await?;
            slot.change(|_state| {});
            Ok(self.host.status_of(index))
        })
    }

    fn subscribe(&self) -> Box<dyn ModelChanges> {
        Box::new(changes::Reader::new(Arc::clone(&self.host)))
    }
}

impl Host {
    fn index(&self, id: &str) -> Result<usize, Error> {
        let entry = self.catalog.require(id)?;
        let index = self.slots.iter().position(|slot| slot.entry.id == entry.id);
        index.ok_or_else(|| Error::not_found("model", id))
    }

    fn status_of(&self, index: usize) -> ModelStatus {
        let slot = &self.slots[index];
        let on_disk = self.downloader.is_on_disk(&slot.entry);
        slot.status(on_disk, self.why_it_does_not_fit(index))
    }

    /// Joins a load that is under way, or begins one. Refuses at once while the model rests or does not fit.
    fn begin_load(self: &Arc<Self>, id: &str, asker: Asker) -> Result<ModelStatus, Error> {
        let index = self.index(id)?;
        let slot = &self.slots[index];
        let (phase, stopped) = slot.look(|state| (state.phase, state.stopped_by_a_person));
        if phase == ModelPhase::Ready || moves::is_loading(phase) {
            return Ok(self.status_of(index));
        }
        if phase == ModelPhase::Unloading {
            let message = format!("{} is being unloaded.", slot.entry.name);
            return Err(code::model_loading(&slot.entry.name, None).with_message(message));
        }
        if stopped && asker == Asker::Question {
            return Err(code::model_not_loaded(&slot.entry.name));
        }
        self.ensure_it_could_fit(index)?;
        let permit = slot.breaker.enter()?;
        let plan = if self.downloader.is_on_disk(&slot.entry) { Plan::OnDisk } else { Plan::WithDownload };
        let life = self.token.child(format!("model {}", slot.entry.id));
        let begun = slot.change(|state| {
            let idle = matches!(state.phase, ModelPhase::Idle | ModelPhase::Failed);
            idle.then(|| state.begin(plan, life.clone()))
        });
        if let Some(number) = begun {
            load::spawn(Arc::clone(self), index, number, &life, permit);
        }
        Ok(self.status_of(index))
    }

    /// Ends a load that is under way. The state rests at once; what the load still does no longer shows.
    fn cancel(&self, index: usize, reason: CancelReason) {
        let life = self.slots[index].change(|state| {
            if !moves::is_loading(state.phase) {
                return None;
            }
            let life = state.life.take();
            state.rest(Signal::Cancel);
            state.stopped_by_a_person = reason == CancelReason::UserStop;
            life
        });
        if let Some(life) = life {
            life.cancel(reason);
        }
    }

    /// Gives the memory of a ready model back; does nothing to one that is not ready.
    async fn unload(&self, index: usize) {
        let slot = &self.slots[index];
        let held = slot.change(|state| state.apply(Signal::Unload).then(|| (state.running.take(), state.life.take())));
        let Some((running, life)) = held else { return };
        if let Some(running) = running {
            running.unload().await;
        }
        if let Some(life) = life {
            life.cancel(CancelReason::Superseded);
        }
        slot.change(|state| state.rest(Signal::Unloaded));
    }
}
