//! Runs: answers that the page owns. They go on without readers, outlive a lost tab, and can be read from any place
//! in their log.
//!
//! The rooms: `live_run` is one run with its log, `lane` lets the runs of one conversation go one after another,
//! `produce` is the story of one run, `history` is what the model is told, `follow` reads, `desk` takes orders.

mod desk;
mod follow;
mod history;
mod lane;
mod live_run;
mod produce;

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use steadfast::{CancelToken, Error};
use steadfast_contract::{
    code,
    model::{Failure, ModelHost},
    run::{RunChange, RunState, RunView},
    store::ConversationStore,
};

pub use self::follow::Follow;
use self::{lane::Lane, live_run::LiveRun};
use crate::{asking::Asker, live::LiveLine, routing::Routes};

/// Every run that has not ended, and what they all need.
pub(crate) struct Runs {
    store: Arc<dyn ConversationStore>,
    models: Arc<dyn ModelHost>,
    routes: Arc<Routes>,
    asker: Asker,
    line: LiveLine,
    token: CancelToken,
    /// Not ended by a shutdown: the last events of a run are written after its end was asked for.
    storing_token: CancelToken,
    open: Mutex<Open>,
}

/// Guarded together: a run is in `runs` as long as it is in a lane.
#[derive(Default)]
struct Open {
    runs: HashMap<String, Arc<LiveRun>>,
    /// By conversation.
    lanes: HashMap<String, Lane>,
}

impl Runs {
    pub(crate) fn new(
        store: Arc<dyn ConversationStore>,
        models: Arc<dyn ModelHost>,
        routes: Arc<Routes>,
        asker: Asker,
        line: LiveLine,
        token: &CancelToken,
    ) -> Arc<Self> {
        Arc::new(Self {
            store,
            models,
            routes,
            asker,
            line,
            token: token.child("runs"),
            storing_token: CancelToken::root("storing"),
            open: Mutex::default(),
        })
    }

    /// What the process before left open: answers that were being written are closed as interrupted, messages that
    /// were in line are in line again, in their order.
    pub(crate) async fn take_up(self: &Arc<Self>) -> Result<(), Error> {
        for view in self.store.open_runs(&self.token).await? {
            match view.state {
                RunState::Queued => self.queue_again(view).await?,
                _ => self.close(view).await?,
            }
        }
        Ok(())
    }

    async fn queue_again(self: &Arc<Self>, view: RunView) -> Result<(), Error> {
        let events = self.store.events(&self.token, &view.spec.id, 0, EVENTS_OF_A_QUEUED_RUN).await?;
        self.enqueue(Arc::new(LiveRun::restored(view, events, &self.token)));
        Ok(())
    }

    async fn close(&self, view: RunView) -> Result<(), Error> {
        let cause = Failure::from(&code::interrupted());
        let run = LiveRun::restored(view, Vec::new(), &self.token);
        run.commit(self, RunChange::Interrupted { cause }).await
    }

    fn now_ms(&self) -> u64 {
        self.asker.clock.unix_ms()
    }

    fn open(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn live(&self, run_id: &str) -> Option<Arc<LiveRun>> {
        self.open().runs.get(run_id).cloned()
    }

    /// Tells the page that the conversation changed. A store that is away is told by other means.
    async fn announce(&self, conversation_id: &str) {
        if let Ok(conversation) = self.store.summary(&self.token, conversation_id).await {
            self.line.announce(conversation);
        }
    }
}

/// A queued run has a handful of events; this only bounds the read.
const EVENTS_OF_A_QUEUED_RUN: usize = 10_000;
