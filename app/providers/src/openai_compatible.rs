//! Speaks `/chat/completions` as OpenAI defined it and many servers speak it: vLLM, llama.cpp, Ollama and others.
//! Not a client library: one attempt, told exactly as it went.

use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, header};
use steadfast::{CancelToken, Clock, Error};
use steadfast_contract::{
    BoxFuture,
    chat::{Protocol, Role},
    chunk::AnswerStream,
    model::ModelInfo,
    provider::{Ask, Continuation, EmbedAsk, Provider, Timers},
};
use steadfast_wire::chat_completions::{
    answer::read::Reader,
    question::write::{self, Dialect, Manner, Turn},
};

use crate::{
    http::connector::{Connector, Network},
    settings::UpstreamSettings,
    upstream::{Upstream, continuation},
};

/// A remote server that speaks OpenAI's protocol.
#[derive(Debug)]
pub struct OpenAiCompatible(Upstream);

impl OpenAiCompatible {
    /// Fails with `VALIDATION` when the settings cannot be used.
    pub fn new(settings: UpstreamSettings, clock: Clock) -> Result<Self, Error> {
        Self::with_connector(settings, clock, Arc::new(Network::new()?))
    }

    /// As [`OpenAiCompatible::new`], over something else than the network.
    pub fn with_connector(
        settings: UpstreamSettings,
        clock: Clock,
        connector: Arc<dyn Connector>,
    ) -> Result<Self, Error> {
        let mut headers = HeaderMap::new();
        if let Some(key) = &settings.key {
            headers.insert(header::AUTHORIZATION, key.as_bearer()?);
        }
        Upstream::new(settings, clock, connector, headers).map(Self)
    }

    async fn ask(&self, ask: Ask, turn: Turn) -> Result<AnswerStream, Error> {
        let manner = Manner { delivery: ask.delivery, turn, dialect: self.dialect() };
        let body = write::write(&ask.request, manner)?;
        self.0.ask(&ask, "/chat/completions", (body, &[]), Box::new(Reader::default())).await
    }

    /// A question that ends with the model's own words is one to go on from, where that is known to work. What the
    /// client itself wrote in this protocol says how it is meant.
    fn turn(&self, ask: &Ask) -> Turn {
        let request = &ask.request;
        let is_own = request.source.as_ref().is_some_and(|source| source.protocol == Protocol::ChatCompletions);
        let ends_with_answer = request.messages.last().is_some_and(|last| last.role == Role::Assistant);
        let may = matches!(self.continuation(&request.model), Continuation::Verified | Continuation::Exact);
        if ends_with_answer && may && !is_own { Turn::GoOn } else { Turn::Begin }
    }

    fn dialect(&self) -> Dialect {
        let host = self.0.host();
        let is_openai = ["openai.com", "openai.azure.com"]
            .iter()
            .any(|domain| host.strip_suffix(domain).is_some_and(|before| before.is_empty() || before.ends_with('.')));
        if is_openai { Dialect::OpenAi } else { Dialect::Others }
    }

    async fn embeddings(&self, ask: EmbedAsk) -> Result<Bytes, Error> {
        let body = write::with_model(&ask.body, &ask.model)?;
        self.0.embed(&ask, "/embeddings", body).await
    }
}

impl Provider for OpenAiCompatible {
    fn name(&self) -> &str {
        self.0.name()
    }

    fn models(&self) -> Vec<ModelInfo> {
        self.0.models.all()
    }

    fn find(&self, wanted: &dyn Fn(&ModelInfo) -> bool) -> Option<ModelInfo> {
        self.0.models.find(wanted)
    }

    fn protocol(&self) -> Option<Protocol> {
        Some(Protocol::ChatCompletions)
    }

    fn continuation(&self, model: &str) -> Continuation {
        self.0.continuations.of(model)
    }

    fn verify_continuation<'a>(
        &'a self,
        model: &'a str,
        token: &'a CancelToken,
    ) -> BoxFuture<'a, Result<Continuation, Error>> {
        Box::pin(async move {
            let answer = self.ask(continuation::probe(model, token), Turn::GoOn).await;
            self.0.continuations.judge(model, answer).await
        })
    }

    fn continuation_found_ms(&self, model: &str) -> Option<u64> {
        self.0.continuations.found_ms(model)
    }

    fn unverified(&self) -> Vec<String> {
        self.0.continuations.unverified()
    }

    fn timers(&self) -> Timers {
        self.0.timers()
    }

    fn reach(&self) -> BoxFuture<'_, Result<(), Error>> {
        Box::pin(self.0.reach())
    }

    fn discover<'a>(&'a self, token: &'a CancelToken) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(self.0.discover("/models", token))
    }

    fn embed<'a>(&'a self, ask: EmbedAsk) -> BoxFuture<'a, Result<Bytes, Error>> {
        Box::pin(self.embeddings(ask))
    }

    fn open(&self, ask: Ask) -> BoxFuture<'_, Result<AnswerStream, Error>> {
        let turn = self.turn(&ask);
        Box::pin(self.ask(ask, turn))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn openai_is_known_by_its_host() {
        for (url, dialect) in [
            ("https://api.openai.com/v1", Dialect::OpenAi),
            ("https://mine.openai.azure.com/openai/v1", Dialect::OpenAi),
            ("https://notopenai.com/v1", Dialect::Others),
            ("http://127.0.0.1:8000/openai.com", Dialect::Others),
        ] {
            let settings = UpstreamSettings::new("b", url, vec![]);
            assert_eq!(OpenAiCompatible::new(settings, Clock::real()).unwrap().dialect(), dialect, "{url}");
        }
    }
}
