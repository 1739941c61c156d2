//! What the life of a model needs from whoever runs it. The real one is the worker process; tests bring a script.

use std::{fmt::Debug, path::PathBuf, sync::Arc};

use steadfast::{CancelToken, Error};
use steadfast_contract::{BoxFuture, chat::ChatRequest, chunk::ChunkStream};

/// Which model to start, from which file.
#[derive(Debug, Clone)]
pub struct Start {
    /// What people call it.
    pub name: String,
    pub path: PathBuf,
    /// Tokens that the catalogue promises to read.
    pub context: u32,
}

/// What a runner tells while it starts a model, and later when it has to start it again by itself.
#[derive(Debug, Clone, PartialEq)]
pub enum Step {
    /// From 0.0 to 1.0.
    Loading(f32),
    WarmingUp,
    /// Something went wrong and is being mended; a sentence for people.
    Trouble(String),
    /// The trouble is over.
    Mended,
}

/// Hears the steps. Must not wait.
pub type Steps = Arc<dyn Fn(Step) + Send + Sync>;

/// Starts models.
pub trait Runner: Send + Sync + Debug {
    /// Gives a model that is loaded and warm. Cancelling `token`, now or later, ends it.
    fn start(&self, start: Start, steps: Steps, token: CancelToken) -> BoxFuture<'_, Result<Arc<dyn Running>, Error>>;
}

/// A started model.
pub trait Running: Send + Sync + Debug {
    fn generate(&self, request: ChatRequest, token: CancelToken) -> BoxFuture<'_, Result<ChunkStream, Error>>;

    /// Ends it; returns when its memory is given back.
    fn unload(&self) -> BoxFuture<'_, ()>;

    /// Waits until it is gone for good without having been asked to go, and says why.
    fn on_exit(&self) -> BoxFuture<'_, Error>;
}

/// The runner of a build without an engine: says so.
#[derive(Debug)]
pub struct NoEngine;

impl Runner for NoEngine {
    fn start(
        &self,
        start: Start,
        _steps: Steps,
        _token: CancelToken,
    ) -> BoxFuture<'_, Result<Arc<dyn Running>, Error>> {
        let message = format!("{} cannot be started: this program was built without its engine.", start.name);
        let error =
            Error::unavailable("the engine").with_message(message).with_advice(steadfast::RetryAdvice::TryElsewhere);
        Box::pin(std::future::ready(Err(
            error.with_suggestion("Use a remote model, or build with the feature `llama`.")
        )))
    }
}
