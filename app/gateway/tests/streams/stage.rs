//! A gateway with upstreams that play scripts, and words to drive its streams with.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use steadfast::{CancelReason, CancelToken, Clock, Error, Events};
use steadfast_contract::{
    BoxFuture,
    chat::{ChatRequest, Message, Role},
    code,
    model::{ModelChanges, ModelHost, ModelStatus},
    provider::{Delivery, Provider},
    store::Store,
};
use steadfast_gateway::{
    ChatAsk, Gateway, GatewaySettings, GoesOn, IdempotencyKey, Keep, Parts, StreamHandle, StreamSettings, StreamSpec,
    testing::{Plain, StreamChecker},
};
use steadfast_store::StoreSettings;

use crate::speaker::{Act, Speaker, voice};

pub(crate) struct Stage {
    pub(crate) gateway: Arc<Gateway>,
    pub(crate) checker: StreamChecker,
    pub(crate) token: CancelToken,
    pub(crate) store: Arc<dyn Store>,
    asking: CancelToken,
    named: AtomicUsize,
}

impl Stage {
    /// One upstream that plays `acts`, one for each question.
    pub(crate) async fn of(acts: Vec<Act>) -> (Self, Arc<Speaker>) {
        Self::with(StreamSettings::default(), acts).await
    }

    pub(crate) async fn with(settings: StreamSettings, acts: Vec<Act>) -> (Self, Arc<Speaker>) {
        let speaker = Speaker::new("a", acts);
        let stage = Self::over(settings, vec![Arc::clone(&speaker) as Arc<dyn Provider>]).await;
        (stage, speaker)
    }

    /// The chain "quick" over all providers, in order.
    pub(crate) async fn over(streams: StreamSettings, providers: Vec<Arc<dyn Provider>>) -> Self {
        let token = CancelToken::root("store");
        let store = steadfast_store::open(StoreSettings::Memory, &token, Clock::real(), Events::none()).await.unwrap();
        Self::on(store, streams, providers).await
    }

    /// What the next process finds when the plug is pulled on this one now.
    pub(crate) async fn after_a_crash(&self, streams: StreamSettings) -> Self {
        let token = CancelToken::root("store");
        let disk = steadfast_store::open(StoreSettings::Memory, &token, Clock::real(), Events::none()).await.unwrap();
        disk.count_start(&token).await.unwrap();
        for stream in self.store.kept_streams(&token).await.unwrap() {
            disk.keep_stream(&token, stream).await.unwrap();
        }
        Self::on(disk, streams, Vec::new()).await
    }

    async fn on(store: Arc<dyn Store>, streams: StreamSettings, providers: Vec<Arc<dyn Provider>>) -> Self {
        let chain = providers.iter().map(|provider| format!("{}/big", provider.name())).collect();
        let (token, clock) = (CancelToken::root("stage"), Clock::real());
        let settings = GatewaySettings {
            tiers: BTreeMap::from([("quick".to_owned(), chain)]),
            streams,
            ..GatewaySettings::default()
        };
        let gateway = Gateway::start(Parts {
            writers: Arc::new(Plain::default()),
            store: Arc::clone(&store),
            models: Arc::new(NoModels),
            providers,
            settings,
            clock,
            token: token.child("gateway"),
            events: Events::none(),
            boot: "boot-1".to_owned(),
        });
        Self {
            gateway: gateway.await.unwrap(),
            checker: StreamChecker::new().reading(Plain::words, Plain::words_of).knowing_voices(voice),
            asking: token.child("asking"),
            token,
            store,
            named: AtomicUsize::new(0),
        }
    }

    /// Starts a stream of `principal`'s, watched by the checker.
    pub(crate) fn start(&self, principal: &str, keep: Keep) -> Result<StreamHandle, Error> {
        self.start_with(principal, keep, None)
    }

    pub(crate) fn start_with(
        &self,
        principal: &str,
        keep: Keep,
        idempotency: Option<IdempotencyKey>,
    ) -> Result<StreamHandle, Error> {
        let id = format!("s{}", self.named.fetch_add(1, Ordering::AcqRel) + 1);
        let writer = self.checker.writer(&id, principal, Box::new(Plain::default()));
        let spec = StreamSpec { id, principal: principal.to_owned(), keep, idempotency };
        self.gateway.start_stream(self.ask(), spec, writer)
    }

    pub(crate) fn ask(&self) -> ChatAsk {
        let messages = vec![Message::text(Role::User, "hello")];
        ChatAsk {
            request: ChatRequest { model: "quick".to_owned(), messages, ..ChatRequest::default() },
            delivery: Delivery::Streamed,
            request_id: "r".to_owned(),
            deadline: None,
            token: self.asking.child("chat"),
            session: None,
            cache: None,
            goes_on: GoesOn::default(),
        }
    }

    /// No law was broken so far.
    pub(crate) fn check(&self) {
        self.checker.verdict().unwrap_or_else(|broken| panic!("{broken}"));
    }

    pub(crate) async fn shut_down(&self) {
        self.token.cancel(CancelReason::Shutdown);
        self.token.join().await;
    }
}

/// A machine without models of its own.
#[derive(Debug)]
struct NoModels;

struct NoChanges;

impl ModelHost for NoModels {
    fn list(&self) -> Vec<ModelStatus> {
        Vec::new()
    }

    fn status(&self, _: &str) -> Option<ModelStatus> {
        None
    }

    fn load(&self, id: &str) -> Result<ModelStatus, Error> {
        Err(code::model_not_loaded(id))
    }

    fn cancel(&self, id: &str, _: CancelReason) -> Result<ModelStatus, Error> {
        Err(code::model_not_loaded(id))
    }

    fn unload<'a>(&'a self, id: &'a str) -> BoxFuture<'a, Result<ModelStatus, Error>> {
        Box::pin(async move { Err(code::model_not_loaded(id)) })
    }

    fn reset(&self, id: &str) -> Result<ModelStatus, Error> {
        Err(code::model_not_loaded(id))
    }

    fn remove<'a>(&'a self, id: &'a str) -> BoxFuture<'a, Result<ModelStatus, Error>> {
        self.unload(id)
    }

    fn subscribe(&self) -> Box<dyn ModelChanges> {
        Box::new(NoChanges)
    }
}

impl ModelChanges for NoChanges {
    fn next(&mut self) -> BoxFuture<'_, ModelStatus> {
        Box::pin(std::future::pending())
    }
}

pub(crate) const SECOND: Duration = Duration::from_secs(1);
