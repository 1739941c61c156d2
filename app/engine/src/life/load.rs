//! The way from nothing to ready: fetch, look at the header, make room, start.

use std::{path::Path, sync::Arc, time::Duration};

use steadfast::{Blame, Call, CancelReason, CancelToken, Code, Error, Permit};
use steadfast_contract::model::{ModelPhase, ModelStatus};

use super::{
    Host,
    moves::Signal,
    runner::{Running, Start, Steps},
};
use crate::{download::Watch, gguf};

/// Begins load `number` of a model as a task of its own.
pub(super) fn spawn(host: Arc<Host>, index: usize, number: u64, life: &CancelToken, permit: Permit) {
    let token = life.clone();
    let name = format!("load {}", host.slots[index].entry.id);
    let work = async move {
        let load = Load { host, index, number, token };
        let outcome = load.run().await;
        load.judge(outcome, permit);
    };
    // Detached on purpose: the token tracks it and ends it.
    drop(life.spawn(name, work));
}

struct Load {
    host: Arc<Host>,
    index: usize,
    number: u64,
    token: CancelToken,
}

impl Load {
    async fn run(&self) -> Result<Arc<dyn Running>, Error> {
        let (host, entry) = (&self.host, &self.host.slots[self.index].entry);
        let call = Call::new(format!("load {}", entry.id), &self.token)
            .with_clock(host.settings.clock.clone())
            .with_events(host.events.clone());
        let path = host.downloader.fetch(entry, &call, &self.watch()).await?;
        self.check(&path, &call).await?;
        call.run(self.take_room()).await?;
        let start = Start { name: entry.name.clone(), path, context: entry.context };
        call.run(host.runner.start(start, self.steps(), self.token.clone())).await
    }

    async fn take_room(&self) -> Result<(), Error> {
        let _one_at_a_time = self.host.making_room.lock().await;
        self.host.make_room(self.index).await?;
        self.signal(Signal::Start);
        Ok(())
    }

    /// The header is held against our limits before any worker sees the file.
    async fn check(&self, path: &Path, call: &Call) -> Result<(), Error> {
        let path = path.to_owned();
        call.token().spawn_blocking("look at a model file", move || gguf::inspect(&path)).await?.map(drop)
    }

    /// Shows how it ended, and lets the breaker judge: a load that somebody stopped says nothing about the model.
    fn judge(&self, outcome: Result<Arc<dyn Running>, Error>, permit: Permit) {
        match outcome {
            Ok(running) => {
                permit.success();
                self.ready(running);
            }
            Err(error) if error.code() == Code::CANCELLED => self.change(|state| {
                state.rest(Signal::Cancel);
            }),
            Err(error) => {
                if speaks_against_the_model(&error) {
                    permit.failure(&Error::new(error.code()).with_blame(Blame::Target));
                }
                self.change(|state| state.fail(Signal::Fail, &error));
                self.token.cancel(CancelReason::Superseded);
            }
        }
    }

    fn ready(&self, running: Arc<dyn Running>) {
        let now = self.host.settings.clock.now();
        self.change(|state| state.finish(Arc::clone(&running), now));
        let (host, index, number) = (Arc::clone(&self.host), self.index, self.number);
        let token = self.token.clone();
        let watch = async move {
            if let Ok(error) = token.run(running.on_exit()).await {
                host.slots[index].change_load(number, |state| state.fail(Signal::Die, &error));
                token.cancel(CancelReason::Superseded);
            }
        };
        // Detached on purpose: the token tracks it and ends it.
        drop(self.token.spawn("watch a worker", watch));
    }

    fn watch(&self) -> Watch {
        let (host, index, number) = (Arc::clone(&self.host), self.index, self.number);
        Arc::new(move |news| host.slots[index].hear(number, &news))
    }

    fn steps(&self) -> Steps {
        let (host, index, number) = (Arc::clone(&self.host), self.index, self.number);
        Arc::new(move |step| host.slots[index].change_load(number, |state| state.hear_runner(step)))
    }

    fn signal(&self, signal: Signal) {
        self.change(|state| {
            state.apply(signal);
        });
    }

    fn change(&self, change: impl FnOnce(&mut super::slot::State)) {
        self.host.slots[self.index].change_load(self.number, change);
    }
}

/// A full disk or memory is this machine's matter, and is found out again at no cost.
fn speaks_against_the_model(error: &Error) -> bool {
    ![Code::DISK_FULL, Code::OUT_OF_MEMORY].contains(&error.code())
}

/// How long a question had better wait before it asks again.
pub(super) fn worth_waiting(status: &ModelStatus) -> Duration {
    let left = status.progress.as_ref().and_then(|line| line.seconds_left);
    let guess = if status.phase == ModelPhase::Downloading { 3.0 } else { 1.0 };
    Duration::from_secs_f64(left.unwrap_or(guess).clamp(1.0, 30.0))
}
