//! Reading a run's log from any place: what is there, then what comes, without a gap, until its end.

use std::sync::Arc;

use steadfast::Error;
use steadfast_contract::run::RunEvent;
use tokio::sync::watch;

use super::{Runs, live_run::LiveRun};

/// A reader of one run. Has ended when `next` answers `None`.
pub struct Follow {
    /// Read but not yet handed out, newest last.
    ready: std::collections::VecDeque<RunEvent>,
    after: u64,
    source: Source,
}

enum Source {
    /// Still being written (or ended while we read): its own log, and the watch on it.
    Live(Arc<LiveRun>, watch::Receiver<u64>),
    /// Ended: the store has it.
    Stored { runs: Arc<Runs>, run_id: String },
}

impl Runs {
    pub(crate) async fn follow(self: &Arc<Self>, run_id: &str, after: u64) -> Result<Follow, Error> {
        let source = match self.live(run_id) {
            Some(run) => {
                let watch = run.watch();
                Source::Live(run, watch)
            }
            None => {
                self.store.run(&self.token, run_id).await?;
                Source::Stored { runs: Arc::clone(self), run_id: run_id.to_owned() }
            }
        };
        Ok(Follow { ready: Default::default(), after, source })
    }
}

impl Follow {
    /// The next event in order; `None` after the last one of a run that has ended. Cancel safe.
    ///
    /// # Errors
    /// The store's, when the log of an ended run cannot be read.
    pub async fn next(&mut self) -> Result<Option<RunEvent>, Error> {
        if self.ready.is_empty() {
            let fresh = self.source.read(self.after).await?;
            self.ready.extend(fresh);
        }
        let event = self.ready.pop_front();
        if let Some(event) = &event {
            self.after = event.seq;
        }
        Ok(event)
    }
}

impl Source {
    /// At least one event, or none after the end.
    async fn read(&mut self, after: u64) -> Result<Vec<RunEvent>, Error> {
        match self {
            Self::Live(run, watch) => Ok(read_live(run, watch, after).await),
            Self::Stored { runs, run_id } => runs.store.events(&runs.storing_token, run_id, after, PAGE).await,
        }
    }
}

async fn read_live(run: &LiveRun, watch: &mut watch::Receiver<u64>, after: u64) -> Vec<RunEvent> {
    loop {
        watch.borrow_and_update();
        let ended = run.has_shown_its_end();
        let events = run.events(after, PAGE);
        if !events.is_empty() || ended || watch.changed().await.is_err() {
            return events;
        }
    }
}

impl std::fmt::Debug for Follow {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Follow").field("after", &self.after).finish_non_exhaustive()
    }
}

const PAGE: usize = 512;
