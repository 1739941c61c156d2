//! A gateway with everything around it, and words to drive it with.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use steadfast::{CancelReason, CancelToken, Clock, Error, Events};
use steadfast_contract::{
    BoxFuture,
    chat::Sampling,
    code,
    model::{Failure, ModelChanges, ModelHost, ModelInfo, ModelPhase, ModelStatus, Tier},
    provider::Provider,
    run::{RunChange, RunEvent, RunState, RunView},
    store::Store,
};
use steadfast_gateway::{Gateway, GatewaySettings, Parts, SendMessage, testing::Plain};
use steadfast_providers::scripted::{Act, Scripted, local};
use steadfast_store::StoreSettings;
use tokio::sync::broadcast;

pub(crate) struct House {
    pub(crate) gateway: Arc<Gateway>,
    pub(crate) models: Arc<Models>,
    pub(crate) engine: Arc<Scripted>,
    pub(crate) cloud: Arc<Scripted>,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) token: CancelToken,
}

/// How a house is set up before it starts.
pub(crate) struct Plan {
    pub(crate) engine: Vec<Act>,
    pub(crate) cloud: Vec<Act>,
    pub(crate) quick: ModelPhase,
    pub(crate) tiers: BTreeMap<String, Vec<String>>,
    /// Upstreams beside `cloud-b`.
    pub(crate) more: Vec<Arc<Scripted>>,
    pub(crate) settings: GatewaySettings,
}

impl Plan {
    /// Quick is ready and plays `engine`.
    pub(crate) fn quick(engine: Vec<Act>) -> Self {
        Self {
            engine,
            cloud: Vec::new(),
            quick: ModelPhase::Ready,
            tiers: BTreeMap::new(),
            more: Vec::new(),
            settings: GatewaySettings::default(),
        }
    }

    /// The upstream `cloud-b` plays `cloud`.
    pub(crate) fn cloud(cloud: Vec<Act>) -> Self {
        Self { cloud, ..Self::quick(Vec::new()) }
    }

    pub(crate) async fn start(self) -> House {
        let store =
            steadfast_store::open(StoreSettings::Memory, &CancelToken::root("store"), Clock::real(), Events::none())
                .await
                .unwrap();
        self.start_over(store).await
    }

    /// A new life over a store that has seen one.
    pub(crate) async fn start_over(self, store: Arc<dyn Store>) -> House {
        let infos = vec![local("smol", "Quick", Tier::Quick), local("middle", "Smart", Tier::Smart)];
        let models = Arc::new(Models::new(infos.clone()));
        models.set("smol", self.quick);
        let engine = Arc::new(Scripted::engine(infos, self.engine));
        let cloud = Arc::new(Scripted::upstream("cloud-b", "big", self.cloud));
        let token = CancelToken::root("house");
        let gateway = Gateway::start(Parts {
            writers: Arc::new(Plain::default()),
            store: Arc::clone(&store),
            models: Arc::clone(&models) as Arc<dyn ModelHost>,
            providers: [Arc::clone(&engine), Arc::clone(&cloud)]
                .into_iter()
                .chain(self.more)
                .map(|provider| provider as Arc<dyn Provider>)
                .collect(),
            settings: GatewaySettings { tiers: self.tiers, ..self.settings },
            clock: Clock::real(),
            token: token.clone(),
            events: Events::none(),
            boot: "boot-1".to_owned(),
        })
        .await
        .unwrap();
        House { gateway, models, engine, cloud, store, token }
    }
}

impl House {
    /// Sends `text` to `model` as message `id` of the one conversation "c".
    pub(crate) async fn send(&self, id: &str, model: &str, text: &str) -> RunView {
        self.try_send(id, model, text).await.unwrap()
    }

    pub(crate) async fn try_send(&self, id: &str, model: &str, text: &str) -> Result<RunView, Error> {
        let message = SendMessage {
            id: id.to_owned(),
            conversation_id: "c".to_owned(),
            text: text.to_owned(),
            model: model.to_owned(),
            sampling: Sampling::default(),
        };
        Ok(self.gateway.send(message).await?.into_inner().1)
    }

    /// The run's whole log, read until its end.
    pub(crate) async fn log(&self, run: &RunView) -> Vec<RunEvent> {
        let mut follow = self.gateway.follow(&run.spec.id, 0).await.unwrap();
        let mut events = Vec::new();
        while let Some(event) = follow.next().await.unwrap() {
            events.push(event);
        }
        events
    }

    /// The run after its end.
    pub(crate) async fn ended(&self, run: &RunView) -> RunView {
        self.log(run).await;
        self.gateway.run(&run.spec.id).await.unwrap()
    }

    /// Waits until the run's log holds something that `is` says yes to.
    pub(crate) async fn until(&self, run: &RunView, is: impl Fn(&RunChange) -> bool) {
        let mut follow = self.gateway.follow(&run.spec.id, 0).await.unwrap();
        while let Some(event) = follow.next().await.unwrap() {
            if is(&event.what) {
                return;
            }
        }
        panic!("the run ended without it: {:?}", self.gateway.run(&run.spec.id).await);
    }

    pub(crate) async fn until_streaming(&self, run: &RunView) {
        self.until(run, |what| matches!(what, RunChange::Text { .. })).await;
    }

    /// Ends this life, as a shutdown does.
    pub(crate) async fn shut_down(self) -> Arc<dyn Store> {
        self.token.cancel(CancelReason::Shutdown);
        self.token.join().await;
        self.store
    }
}

/// A host whose models go where the test moves them.
pub(crate) struct Models {
    states: Mutex<Vec<ModelStatus>>,
    changes: broadcast::Sender<ModelStatus>,
    loads: Mutex<Vec<String>>,
}

impl Models {
    fn new(infos: Vec<ModelInfo>) -> Self {
        let states = infos.into_iter().map(idle).collect();
        Self { states: Mutex::new(states), changes: broadcast::Sender::new(64), loads: Mutex::default() }
    }

    pub(crate) fn set(&self, id: &str, phase: ModelPhase) {
        self.change(id, |status| status.phase = phase);
    }

    pub(crate) fn fail(&self, id: &str, error: &Error) {
        self.change(id, |status| {
            status.phase = ModelPhase::Failed;
            status.error = Some(Failure::from(error));
        });
    }

    pub(crate) fn loads(&self) -> Vec<String> {
        self.loads.lock().unwrap().clone()
    }

    fn change(&self, id: &str, change: impl FnOnce(&mut ModelStatus)) -> ModelStatus {
        let mut states = self.states.lock().unwrap();
        let status = states.iter_mut().find(|status| status.info.id == id).unwrap();
        change(status);
        self.changes.send(status.clone()).ok();
        status.clone()
    }
}

impl ModelHost for Models {
    fn list(&self) -> Vec<ModelStatus> {
        self.states.lock().unwrap().clone()
    }

    fn status(&self, id: &str) -> Option<ModelStatus> {
        self.list().into_iter().find(|status| status.info.id == id)
    }

    fn load(&self, id: &str) -> Result<ModelStatus, Error> {
        self.loads.lock().unwrap().push(id.to_owned());
        Ok(self.change(id, |status| {
            if matches!(status.phase, ModelPhase::Idle | ModelPhase::Failed) {
                status.phase = ModelPhase::Downloading;
            }
        }))
    }

    fn cancel(&self, id: &str, _: CancelReason) -> Result<ModelStatus, Error> {
        Ok(self.change(id, |status| status.phase = ModelPhase::Idle))
    }

    fn unload<'a>(&'a self, id: &'a str) -> BoxFuture<'a, Result<ModelStatus, Error>> {
        Box::pin(async move { Ok(self.change(id, |status| status.phase = ModelPhase::Idle)) })
    }

    fn reset(&self, id: &str) -> Result<ModelStatus, Error> {
        self.status(id).ok_or_else(|| code::model_not_loaded(id))
    }

    fn remove<'a>(&'a self, id: &'a str) -> BoxFuture<'a, Result<ModelStatus, Error>> {
        self.unload(id)
    }

    fn subscribe(&self) -> Box<dyn ModelChanges> {
        Box::new(Changes(self.changes.subscribe()))
    }
}

struct Changes(broadcast::Receiver<ModelStatus>);

impl ModelChanges for Changes {
    fn next(&mut self) -> BoxFuture<'_, ModelStatus> {
        Box::pin(async move { self.0.recv().await.expect("the host outlives its readers") })
    }
}

fn idle(info: ModelInfo) -> ModelStatus {
    ModelStatus {
        info,
        phase: ModelPhase::Idle,
        progress: None,
        error: None,
        note: None,
        on_disk: false,
        does_not_fit: None,
        resting_seconds: None,
    }
}

/// The states that a log goes through, each once in a row.
pub(crate) fn states(spec: &RunView, log: &[RunEvent]) -> Vec<RunState> {
    let mut view = RunView::new(spec.spec.clone());
    let mut states = Vec::new();
    for event in log {
        view.fold(event);
        if states.last() != Some(&view.state) {
            states.push(view.state);
        }
    }
    states
}

pub(crate) fn unavailable() -> Act {
    Act::Refuse(Error::unavailable("cloud-b"))
}

pub(crate) const MINUTE: Duration = Duration::from_secs(60);
