//! A provider that plays a script: for tests of everything above it. Acts are played in order, one per question;
//! a question after the last act is an error, so a test notices an attempt too many.

use std::{
    collections::VecDeque,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use futures_util::stream;
use steadfast::Error;
use steadfast_contract::{
    BoxFuture,
    chat::ChatRequest,
    chunk::{AnswerStream, Chunk, FinishReason, Piece, Status, ToolCallPart, Weight},
    code,
    model::{Abilities, ModelInfo, Place, Tier},
    provider::{Ask, Continuation, EmbedAsk, Provider, Timers},
    usage::Usage,
};
use tokio::sync::Semaphore;

/// What one question meets.
#[derive(Debug)]
pub enum Act {
    /// The question itself fails.
    Refuse(Error),
    Speak(Vec<Line>),
}

#[derive(Debug)]
pub enum Line {
    Say(&'static str),
    Words(String),
    Think(&'static str),
    /// A part of the tool call with this index: its first part names it.
    Call(u32, &'static str),
    Other(Weight),
    /// Nothing for so long.
    Pause(Duration),
    Status(Status),
    /// The stream breaks with this error.
    Break(Error),
    /// Waits until the test lets it go on.
    Wait(Gate),
    /// Silence for ever.
    Stall,
    /// The end marker. A script without it is cut.
    Finish,
    FinishWith(FinishReason, Usage),
}

/// Holds a script until the test opens it.
#[derive(Debug, Clone)]
pub struct Gate(Arc<Semaphore>);

#[derive(Debug)]
pub struct Scripted {
    name: String,
    models: Vec<ModelInfo>,
    continuation: Continuation,
    timers: Timers,
    acts: Mutex<VecDeque<Act>>,
    asked: Mutex<Vec<ChatRequest>>,
    /// Streams that were dropped before their end.
    left: Arc<AtomicUsize>,
    reachable: AtomicBool,
}

impl Act {
    /// Says the words and ends well.
    pub fn says(words: &[&'static str]) -> Self {
        Self::Speak(words.iter().map(|word| Line::Say(word)).chain([Line::Finish]).collect())
    }
}

impl Gate {
    pub fn closed() -> Self {
        Self(Arc::new(Semaphore::new(0)))
    }

    pub fn open(&self) {
        self.0.close();
    }

    pub async fn passed(&self) {
        self.0.acquire().await.ok(); // closing the semaphore is what lets everybody pass
    }
}

impl Scripted {
    /// A remote upstream with one model.
    pub fn upstream(name: &str, model: &str, acts: impl IntoIterator<Item = Act>) -> Self {
        Self::new(name, remote(name, model), acts)
    }

    /// Stands for the engine: its models are on this machine, and it can go on from a text.
    pub fn engine(models: Vec<ModelInfo>, acts: impl IntoIterator<Item = Act>) -> Self {
        Self { continuation: Continuation::Exact, models, ..Self::new("this machine", remote("", ""), acts) }
    }

    fn new(name: &str, model: ModelInfo, acts: impl IntoIterator<Item = Act>) -> Self {
        Self {
            name: name.to_owned(),
            models: vec![model],
            continuation: Continuation::Unsupported,
            timers: Timers::default(),
            acts: Mutex::new(acts.into_iter().collect()),
            asked: Mutex::default(),
            left: Arc::default(),
            reachable: AtomicBool::default(),
        }
    }

    /// Whether it can be made to go on from a given beginning.
    #[must_use]
    pub fn continuing(self, continuation: Continuation) -> Self {
        Self { continuation, ..self }
    }

    #[must_use]
    pub fn waited_for(self, timers: Timers) -> Self {
        Self { timers, ..self }
    }

    #[must_use]
    pub fn able_to(mut self, abilities: Abilities) -> Self {
        self.models.iter_mut().for_each(|model| model.abilities = abilities);
        self
    }

    /// Whether a connection to it would stand.
    pub fn set_reachable(&self, reachable: bool) {
        self.reachable.store(reachable, Ordering::Release);
    }

    /// Every question so far.
    pub fn asked(&self) -> Vec<ChatRequest> {
        lock(&self.asked).clone()
    }

    /// How many answers were left before their end.
    pub fn left(&self) -> usize {
        self.left.load(Ordering::Acquire)
    }
}

impl Provider for Scripted {
    fn name(&self) -> &str {
        &self.name
    }

    fn models(&self) -> Vec<ModelInfo> {
        self.models.clone()
    }

    fn continuation(&self, _model: &str) -> Continuation {
        self.continuation
    }

    fn timers(&self) -> Timers {
        self.timers
    }

    fn reach(&self) -> BoxFuture<'_, Result<(), Error>> {
        let reachable = self.reachable.load(Ordering::Acquire);
        Box::pin(async move { if reachable { Ok(()) } else { Err(Error::unavailable(&self.name)) } })
    }

    /// An act that speaks stands for an empty list; without a script it makes none, like most upstreams.
    fn embed<'a>(&'a self, ask: EmbedAsk) -> BoxFuture<'a, Result<Bytes, Error>> {
        lock(&self.asked).push(ChatRequest { model: ask.model.clone(), ..ChatRequest::default() });
        let act = lock(&self.acts).pop_front();
        Box::pin(async move {
            match act {
                Some(Act::Refuse(error)) => Err(error),
                Some(Act::Speak(_)) => Ok(Bytes::from_static(br#"{"data":[]}"#)),
                None => Err(code::unsupported_input(format!("{} makes no embeddings.", ask.model))),
            }
        })
    }

    fn open(&self, ask: Ask) -> BoxFuture<'_, Result<AnswerStream, Error>> {
        lock(&self.asked).push(ask.request);
        let act = lock(&self.acts).pop_front();
        let left = Arc::clone(&self.left);
        Box::pin(async move {
            match act {
                Some(Act::Refuse(error)) => Err(error),
                Some(Act::Speak(lines)) => Ok(play(lines, left)),
                None => Err(Error::internal("the script is over")),
            }
        })
    }
}

fn play(lines: Vec<Line>, left: Arc<AtomicUsize>) -> AnswerStream {
    let stage = Stage { lines: lines.into(), over: false, left };
    let chunks = stream::unfold(stage, |mut stage| async move { stage.next().await.map(|item| (item, stage)) });
    Box::pin(chunks)
}

struct Stage {
    lines: VecDeque<Line>,
    over: bool,
    left: Arc<AtomicUsize>,
}

impl Stage {
    async fn next(&mut self) -> Option<Result<Piece, Error>> {
        loop {
            match self.lines.pop_front() {
                Some(Line::Say(words)) => return Some(Ok(Chunk::Text(words.to_owned()).into())),
                Some(Line::Words(words)) => return Some(Ok(Chunk::Text(words).into())),
                Some(Line::Think(thought)) => return Some(Ok(Chunk::Reasoning(thought.to_owned()).into())),
                Some(Line::Call(index, arguments)) => return Some(Ok(call_part(index, arguments).into())),
                Some(Line::Other(weight)) => return Some(Ok(Chunk::Other(weight).into())),
                Some(Line::Pause(length)) => tokio::time::sleep(length).await,
                Some(Line::Status(status)) => return Some(Ok(Chunk::Status(status).into())),
                Some(Line::Wait(gate)) => gate.passed().await,
                Some(Line::Stall) => std::future::pending().await,
                Some(Line::Break(error)) => return self.end(Some(Err(error))),
                Some(Line::Finish) => {
                    return self.end(Some(Ok(Chunk::Finish { reason: FinishReason::Stop, usage: None }.into())));
                }
                Some(Line::FinishWith(reason, usage)) => {
                    return self.end(Some(Ok(Chunk::Finish { reason, usage: Some(usage) }.into())));
                }
                None => return self.end(None),
            }
        }
    }

    fn end<T>(&mut self, item: T) -> T {
        self.over = true;
        item
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        if !self.over {
            self.left.fetch_add(1, Ordering::AcqRel);
        }
    }
}

fn call_part(index: u32, arguments: &str) -> Chunk {
    Chunk::ToolCall(ToolCallPart {
        index,
        id: Some(format!("call_{index}")),
        name: Some("tide".to_owned()),
        arguments: arguments.to_owned(),
    })
}

/// A model on this machine, for [`Scripted::engine`].
pub fn local(id: &str, name: &str, tier: Tier) -> ModelInfo {
    ModelInfo {
        id: id.to_owned(),
        name: name.to_owned(),
        tier: Some(tier),
        place: Place::ThisMachine,
        upstream: None,
        ..remote("", id)
    }
}

fn remote(upstream: &str, id: &str) -> ModelInfo {
    ModelInfo {
        id: id.to_owned(),
        name: id.to_owned(),
        tier: None,
        place: Place::Remote,
        description: String::new(),
        licence: None,
        size_bytes: None,
        memory_bytes: None,
        context_tokens: None,
        upstream: Some(upstream.to_owned()),
        abilities: Abilities::default(),
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
