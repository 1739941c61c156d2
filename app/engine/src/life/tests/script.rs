//! A runner that does what the test says: works, fails, or waits for leave.

use std::{
    collections::VecDeque,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU32, Ordering},
    },
};

use futures_util::stream;
use steadfast::{CancelToken, Error};
use steadfast_contract::{
    BoxFuture,
    chat::ChatRequest,
    chunk::{Chunk, ChunkStream, FinishReason},
    code,
};
use tokio::sync::watch;

use crate::life::runner::{Runner, Running, Start, Step, Steps};

/// How one start goes. Without one, a start works.
#[derive(Debug)]
pub(super) enum Outcome {
    Fails,
    /// Warms up until [`Script::leave`].
    WaitsForLeave,
}

#[derive(Debug, Default)]
pub(super) struct Script {
    outcomes: Mutex<VecDeque<Outcome>>,
    starts: AtomicU32,
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    leaves: watch::Sender<u32>,
    deaths: watch::Sender<u32>,
    alive: watch::Sender<u32>,
    unloads: AtomicU32,
}

impl Script {
    pub(super) fn next(&self, outcome: Outcome) {
        self.outcomes.lock().unwrap().push_back(outcome);
    }

    pub(super) fn starts(&self) -> u32 {
        self.starts.load(Ordering::SeqCst)
    }

    pub(super) fn unloads(&self) -> u32 {
        self.shared.unloads.load(Ordering::SeqCst)
    }

    pub(super) fn leave(&self) {
        self.shared.leaves.send_modify(|leaves| *leaves += 1);
    }

    /// Every running model is gone for good.
    pub(super) fn die(&self) {
        self.shared.deaths.send_modify(|deaths| *deaths += 1);
    }

    pub(super) async fn until_nothing_runs(&self) {
        self.shared.alive.subscribe().wait_for(|alive| *alive == 0).await.unwrap();
    }
}

impl Runner for Script {
    fn start(&self, start: Start, steps: Steps, _token: CancelToken) -> BoxFuture<'_, Result<Arc<dyn Running>, Error>> {
        Box::pin(async move {
            assert!(start.path.is_file(), "the file must be there before the runner is asked");
            self.starts.fetch_add(1, Ordering::SeqCst);
            let alive = Alive::begin(&self.shared);
            let outcome = self.outcomes.lock().unwrap().pop_front();
            [0.0, 0.5, 1.0].into_iter().for_each(|fraction| steps(Step::Loading(fraction)));
            steps(Step::WarmingUp);
            match outcome {
                Some(Outcome::Fails) => return Err(code::model_crashed(&start.name)),
                Some(Outcome::WaitsForLeave) => {
                    assert!(self.shared.leaves.subscribe().wait_for(|leaves| *leaves > 0).await.is_ok());
                }
                None => {}
            }
            Ok(Arc::new(Model { alive, deaths: *self.shared.deaths.borrow() }) as Arc<dyn Running>)
        })
    }
}

/// Counts what runs.
#[derive(Debug)]
struct Alive(Arc<Shared>);

impl Alive {
    fn begin(shared: &Arc<Shared>) -> Self {
        shared.alive.send_modify(|alive| *alive += 1);
        Self(Arc::clone(shared))
    }
}

impl Drop for Alive {
    fn drop(&mut self) {
        self.0.alive.send_modify(|alive| *alive -= 1);
    }
}

#[derive(Debug)]
struct Model {
    alive: Alive,
    deaths: u32,
}

impl Running for Model {
    fn generate(&self, _request: ChatRequest, _token: CancelToken) -> BoxFuture<'_, Result<ChunkStream, Error>> {
        let chunks = [Ok(Chunk::Text("hello".into())), Ok(Chunk::Finish { reason: FinishReason::Stop, usage: None })];
        Box::pin(async move { Ok(Box::pin(stream::iter(chunks)) as ChunkStream) })
    }

    fn unload(&self) -> BoxFuture<'_, ()> {
        self.alive.0.unloads.fetch_add(1, Ordering::SeqCst);
        Box::pin(std::future::ready(()))
    }

    fn on_exit(&self) -> BoxFuture<'_, Error> {
        Box::pin(async move {
            let mut deaths = self.alive.0.deaths.subscribe();
            assert!(deaths.wait_for(|deaths| *deaths > self.deaths).await.is_ok());
            code::model_crashed("scripted")
        })
    }
}
