//! A model at work in a child process of its own, and the server's hold on it.
//!
//! What C++ can do wrong ends the child, never the server: the supervisor starts another and every answer goes on
//! exactly where it stopped. It is the web worker of this house.

mod answer;
mod child;
mod llama;
mod protocol;
mod settings;
mod supervisor;
mod variants;

use std::{
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicU32, AtomicUsize, Ordering},
    },
};

use steadfast::{CancelReason, CancelToken, Error};
use steadfast_contract::{
    chat::{ChatRequest, Message, Role},
    chunk::ChunkStream,
    code::{model_not_loaded, unsupported_input},
};
use tokio::sync::{mpsc, watch};

use self::{
    answer::answer,
    supervisor::{Command, State, Supervisor},
};
pub use self::{child::engine_worker_main, protocol::Facts, settings::WorkerSettings};
use crate::generate::template::Turn;

/// One model, loaded in one child process. Clones are the same worker; it ends when the last one is dropped.
#[derive(Debug, Clone)]
pub struct Worker {
    model: Arc<str>,
    commands: mpsc::Sender<Command>,
    state: watch::Receiver<State>,
    gauges: Arc<Gauges>,
    token: CancelToken,
    most_waiting: usize,
}

/// What the worker tells while it lives; see [`WorkerNotes`].
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum WorkerEvent {
    /// The processor's kernels were chosen.
    Chose {
        variant: String,
    },
    /// The file is being loaded; 0 to 1, and only ever more within one life.
    Loading {
        fraction: f32,
    },
    WarmingUp,
    Ready(Facts),
    /// The child died or hung; another is started. `attempt` counts within the window of the restart budget.
    Restarting {
        cause: String,
        attempt: u32,
    },
    Ended,
}

/// Who listens to a worker's events. Called on the supervisor's task: it must not block.
pub type WorkerNotes = Arc<dyn Fn(WorkerEvent) + Send + Sync>;

impl Worker {
    /// Starts the child and loads the model. `model` is its name for people; the worker belongs to `token`.
    pub async fn start(
        settings: WorkerSettings,
        model: &str,
        path: PathBuf,
        token: &CancelToken,
        notes: WorkerNotes,
    ) -> Result<Self, Error> {
        let token = token.child(format!("engine {model}"));
        let (commands, heard) = mpsc::channel(COMMANDS_AHEAD);
        let (tell_state, state) = watch::channel(State::Starting);
        let gauges = Arc::new(Gauges::default());
        let worker = Self {
            model: model.into(),
            commands,
            state,
            gauges: Arc::clone(&gauges),
            token: token.clone(),
            most_waiting: settings.most_waiting,
        };
        let unfinished = EndUnlessReady(Some(token.clone()));
        let supervisor = Supervisor::new(settings, model, path, token.clone(), notes, gauges, (heard, tell_state));
        let _tracked = token.spawn("supervise", supervisor.run());
        worker.ready().await?;
        unfinished.keep();
        Ok(worker)
    }

    /// Asks for an answer. Statuses come before the first text; dropping the stream or cancelling `token` ends the
    /// work within one token.
    pub fn generate(&self, request: &ChatRequest, token: &CancelToken) -> Result<ChunkStream, Error> {
        token.check()?;
        if self.gauges.answers.load(Ordering::Relaxed) >= self.most_waiting {
            return Err(Error::overloaded(&self.model, None));
        }
        let turns = turns(&request.messages)?;
        let (answer, stream) = answer(turns, &request.sampling, token, &self.gauges)?;
        match self.commands.try_send(Command::Open(Box::new(answer))) {
            Ok(()) => Ok(Box::pin(stream)),
            Err(mpsc::error::TrySendError::Full(_)) => Err(Error::overloaded(&self.model, None)),
            Err(mpsc::error::TrySendError::Closed(_)) => Err(self.why_ended()),
        }
    }

    /// Ends the child; answers in flight end as cancelled for `reason`. Returns when the process is gone.
    pub async fn unload(&self, reason: CancelReason) {
        self.token.cancel(reason);
        self.token.join().await;
    }

    /// Waits until the worker has ended by itself and says why.
    pub async fn ended(&self) -> Error {
        let mut state = self.state.clone();
        let _closed = state.wait_for(|state| matches!(state, State::Ended(_))).await;
        self.why_ended()
    }

    /// What is known of the model; `None` while it is being started again.
    pub fn facts(&self) -> Option<Facts> {
        match &*self.state.borrow() {
            State::Ready(facts) => Some(facts.clone()),
            State::Starting | State::Ended(_) => None,
        }
    }

    /// Answers being written or waiting.
    pub fn answers(&self) -> usize {
        self.gauges.answers.load(Ordering::Relaxed)
    }

    /// The child's process number, for tests and for people who look at their machine.
    pub fn pid(&self) -> Option<u32> {
        Some(self.gauges.pid.load(Ordering::Relaxed)).filter(|pid| *pid != 0)
    }

    async fn ready(&self) -> Result<(), Error> {
        let mut state = self.state.clone();
        let _closed = state.wait_for(|state| !matches!(state, State::Starting)).await;
        match self.facts() {
            Some(_) => Ok(()),
            None => Err(self.why_ended()),
        }
    }

    fn why_ended(&self) -> Error {
        match &*self.state.borrow() {
            State::Ended(ending) => ending.to_error(&self.model),
            State::Starting | State::Ready(_) => model_not_loaded(&self.model),
        }
    }
}

/// Numbers that others may read at any time.
#[derive(Debug, Default)]
struct Gauges {
    pid: AtomicU32,
    answers: AtomicUsize,
}

/// A start that is given up (its future dropped) must not leave a child behind.
struct EndUnlessReady(Option<CancelToken>);

impl EndUnlessReady {
    fn keep(mut self) {
        self.0 = None;
    }
}

impl Drop for EndUnlessReady {
    fn drop(&mut self) {
        if let Some(token) = self.0.take() {
            token.cancel(CancelReason::Superseded);
        }
    }
}

fn turns(messages: &[Message]) -> Result<Vec<Turn>, Error> {
    messages
        .iter()
        .map(|message| {
            let content = message
                .as_text()
                .ok_or_else(|| unsupported_input("This model reads text only; the message holds something else."))?;
            Ok(Turn { role: role_word(message.role).into(), content })
        })
        .collect()
}

fn role_word(role: Role) -> &'static str {
    match role {
        Role::System => "system",
        Role::User => "user",
        Role::Assistant => "assistant",
        Role::Tool => "tool",
    }
}

const COMMANDS_AHEAD: usize = 64;
