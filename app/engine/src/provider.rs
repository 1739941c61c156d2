//! The local models as a provider: a model that is ready answers; one that is not is asked to become so.

use steadfast::Error;
use steadfast_contract::{
    BoxFuture,
    chunk::{AnswerStream, never_on_a_wire},
    model::ModelInfo,
    provider::{Ask, Continuation, Provider},
};

use crate::life::Models;

/// "this machine".
#[derive(Debug, Clone)]
pub struct EngineProvider {
    models: Models,
}

impl EngineProvider {
    pub fn new(models: Models) -> Self {
        Self { models }
    }
}

impl Provider for EngineProvider {
    fn name(&self) -> &str {
        "this machine"
    }

    /// The template puts the begun answer behind the prompt (`generate/template.rs`).
    fn continuation(&self, _model: &str) -> Continuation {
        Continuation::Exact
    }

    fn models(&self) -> Vec<ModelInfo> {
        self.models.infos()
    }

    fn find(&self, wanted: &dyn Fn(&ModelInfo) -> bool) -> Option<ModelInfo> {
        self.models.find(wanted)
    }

    fn open(&self, ask: Ask) -> BoxFuture<'_, Result<AnswerStream, Error>> {
        Box::pin(async move { self.models.generate(ask.request, ask.token).await.map(never_on_a_wire) })
    }
}
