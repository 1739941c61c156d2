//! Speaks Anthropic's `/messages`. One attempt, told exactly as it went. A last message of the model's own is gone on
//! from without being told so, where the model can do that; models since Claude 4.6 refuse it.

use std::sync::Arc;

use http::{HeaderMap, HeaderValue};
use steadfast::{CancelToken, Clock, Error};
use steadfast_contract::{
    BoxFuture,
    chat::Protocol,
    chunk::AnswerStream,
    model::ModelInfo,
    provider::{Ask, Continuation, Provider, Timers},
};
use steadfast_wire::messages::{answer::read::Reader, question::write};

use crate::{
    http::connector::{Connector, Network},
    settings::UpstreamSettings,
    upstream::{Upstream, continuation},
};

/// A remote server that speaks Anthropic's protocol.
#[derive(Debug)]
pub struct Anthropic(Upstream);

impl Anthropic {
    /// Fails with `VALIDATION` when the settings cannot be used.
    pub fn new(settings: UpstreamSettings, clock: Clock) -> Result<Self, Error> {
        Self::with_connector(settings, clock, Arc::new(Network::new()?))
    }

    /// As [`Anthropic::new`], over something else than the network.
    pub fn with_connector(
        settings: UpstreamSettings,
        clock: Clock,
        connector: Arc<dyn Connector>,
    ) -> Result<Self, Error> {
        let mut headers = HeaderMap::new();
        headers.insert("anthropic-version", HeaderValue::from_static(VERSION));
        if let Some(key) = &settings.key {
            headers.insert("x-api-key", key.as_key()?);
        }
        Upstream::new(settings, clock, connector, headers).map(Self)
    }

    async fn ask(&self, ask: Ask) -> Result<AnswerStream, Error> {
        let body = write::write(&ask.request, ask.delivery)?;
        let own = ask.request.source.as_ref().filter(|source| source.protocol == Protocol::Messages);
        let said = own.map_or([].as_slice(), |source| &source.headers);
        self.0.ask(&ask, "/messages", (body, said), Box::new(Reader::default())).await
    }
}

impl Provider for Anthropic {
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
        Some(Protocol::Messages)
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
            let answer = self.ask(continuation::probe(model, token)).await;
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
        Box::pin(self.0.discover("/models?limit=1000", token))
    }

    fn open(&self, ask: Ask) -> BoxFuture<'_, Result<AnswerStream, Error>> {
        Box::pin(self.ask(ask))
    }
}

/// The only one that there has ever been; a client may name another.
const VERSION: &str = "2023-06-01";
