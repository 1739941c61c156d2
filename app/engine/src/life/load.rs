//! The way from nothing to ready: fetch, look at the header, make room, start, warm up.

use std::{path::Path, sync::Arc, time::Duration};

use futures_util::StreamExt;
use steadfast::{Blame, Call, CancelToken, Code, Error, Permit};
use steadfast_contract::{
    chat::{ChatRequest, Message, Role, Sampling},
    chunk::Chunk,
    code,
    model::ModelStatus,
};

use super::{
    Host,
    moves::Signal,
    runner::{Running, Start},
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
        let call = Call::new(format!("load {}", entry.id), &self.token).with_clock(host.settings.clock.clone()).with_events(host.events.clone());
        let path = host.downloader.fetch(entry, &call, &self.watch()).await?;
        self.check(&path, &call).await?;
        call.run(host.make_room(self.index)).await?;
        self.signal(Signal::Start);
        let start = Start { name: entry.name.clone(), path, context: entry.context };
        let running = call.run(host.runner.start(start, self.start_progress(), self.token.clone())).await?;
        self.signal(Signal::WarmUp);
        call.run(warm_up(&entry.id, &*running, &self.token)).await?;
        Ok(running)
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
                permit.failure(&Error::new(error.code()).with_blame(Blame::Target));
                self.change(|state| state.fail(Signal::Fail, &error));
                self.token.cancel(steadfast::CancelReason::Superseded);
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
                token.cancel(steadfast::CancelReason::Superseded);
            }
        };
        // Detached on purpose: the token tracks it and ends it.
        drop(self.token.spawn("watch a worker", watch));
    }

    fn watch(&self) -> Watch {
        let (host, index, number) = (Arc::clone(&self.host), self.index, self.number);
        Arc::new(move |news| host.slots[index].hear(number, &news))
    }

    fn start_progress(&self) -> super::StartProgress {
        let (host, index, number) = (Arc::clone(&self.host), self.index, self.number);
        Arc::new(move |fraction| host.slots[index].change_load(number, |state| state.advance(fraction)))
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

/// One token of an answer: everything that is lazy happens now, and not under the first question.
async fn warm_up(model: &str, running: &dyn Running, token: &CancelToken) -> Result<(), Error> {
    let request = ChatRequest {
        model: model.to_owned(),
        messages: vec![Message::text(Role::User, "Hi")],
        sampling: Sampling { temperature: Some(0.0), max_tokens: Some(1), ..Sampling::default() },
    };
    let mut chunks = running.generate(request, token.clone()).await?;
    while let Some(chunk) = chunks.next().await {
        if matches!(chunk?, Chunk::Finish { .. }) {
            return Ok(());
        }
    }
    Err(code::model_crashed(model).with_detail("cause", "the first answer ended without its end"))
}

/// How long a question had better wait before it asks again.
pub(super) fn worth_waiting(status: &ModelStatus) -> Option<Duration> {
    let left = status.progress.as_ref()?.seconds_left?;
    Some(Duration::from_secs_f64(left.clamp(1.0, 30.0)))
}
