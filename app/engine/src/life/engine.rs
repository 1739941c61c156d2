//! The real runner: a worker process per model.

use std::sync::Arc;

use steadfast::{CancelReason, CancelToken, Error};
use steadfast_contract::{BoxFuture, chat::ChatRequest, chunk::ChunkStream};

use super::runner::{Runner, Running, Start, Step, Steps};
use crate::worker::{Worker, WorkerEvent, WorkerNotes, WorkerSettings};

/// Starts workers.
#[derive(Debug, Clone, Default)]
pub struct EngineRunner {
    settings: WorkerSettings,
}

impl EngineRunner {
    /// Every model gets these settings, save the context, which is the catalogue's.
    pub fn new(settings: WorkerSettings) -> Self {
        Self { settings }
    }
}

impl Runner for EngineRunner {
    fn start(&self, start: Start, steps: Steps, token: CancelToken) -> BoxFuture<'_, Result<Arc<dyn Running>, Error>> {
        let settings = WorkerSettings { context: start.context, ..self.settings.clone() };
        Box::pin(async move {
            let worker = Worker::start(settings, &start.name, start.path, &token, notes(steps)).await?;
            Ok(Arc::new(Engine(worker)) as Arc<dyn Running>)
        })
    }
}

#[derive(Debug)]
struct Engine(Worker);

impl Running for Engine {
    fn generate(&self, request: ChatRequest, token: CancelToken) -> BoxFuture<'_, Result<ChunkStream, Error>> {
        Box::pin(async move { self.0.generate(&request, &token) })
    }

    fn unload(&self) -> BoxFuture<'_, ()> {
        Box::pin(self.0.unload(CancelReason::UserStop))
    }

    fn on_exit(&self) -> BoxFuture<'_, Error> {
        Box::pin(self.0.ended())
    }
}

fn notes(steps: Steps) -> WorkerNotes {
    Arc::new(move |event| match event {
        WorkerEvent::Loading { fraction } => steps(Step::Loading(fraction)),
        WorkerEvent::WarmingUp => steps(Step::WarmingUp),
        WorkerEvent::Restarting { cause, attempt } => {
            steps(Step::Trouble(format!(
                "The engine stopped ({cause}) and is being started again (attempt {attempt})."
            )));
        }
        WorkerEvent::Ready(_) => steps(Step::Mended),
        _ => {}
    })
}
