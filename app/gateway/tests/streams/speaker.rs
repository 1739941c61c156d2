//! A provider that plays what a random script says, and marks every word with who said it.

use std::{
    collections::VecDeque,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use futures_util::stream;
use steadfast::{Clock, Error};
use steadfast_contract::{
    BoxFuture,
    chunk::{AnswerStream, Chunk, FinishReason, Piece, ToolCallPart},
    code,
    model::{Abilities, ModelInfo, Place},
    provider::{Ask, Provider},
};

#[derive(Debug, Clone)]
pub(crate) enum Act {
    Refuse,
    Play(Vec<Step>),
}

#[derive(Debug, Clone, Copy)]
pub(crate) enum Step {
    Words(u8),
    Pause(Duration),
    Call,
    /// The stream breaks with an error.
    Break,
    /// The stream just ends.
    Cut,
    Stall,
    /// Ends by panicking, as no provider should.
    Panic,
    Finish(FinishReason),
}

#[derive(Debug)]
pub(crate) struct Speaker {
    name: String,
    acts: Mutex<VecDeque<Act>>,
    asked: AtomicUsize,
    open: Arc<AtomicUsize>,
}

impl Speaker {
    pub(crate) fn new(name: &str, acts: Vec<Act>) -> Arc<Self> {
        Arc::new(Self {
            name: name.to_owned(),
            acts: Mutex::new(acts.into()),
            asked: AtomicUsize::new(0),
            open: Arc::default(),
        })
    }

    pub(crate) fn asked(&self) -> usize {
        self.asked.load(Ordering::Acquire)
    }

    /// Answers that somebody still holds open.
    pub(crate) fn open(&self) -> usize {
        self.open.load(Ordering::Acquire)
    }
}

/// Who said these words, down to the attempt.
pub(crate) fn voice(words: &str) -> Option<String> {
    words.split_once(':').map(|(voice, _)| voice.to_owned())
}

impl Provider for Speaker {
    fn name(&self) -> &str {
        &self.name
    }

    fn models(&self) -> Vec<ModelInfo> {
        vec![remote(&self.name, "big")]
    }

    fn open(&self, _: Ask) -> BoxFuture<'_, Result<AnswerStream, Error>> {
        let ask = self.asked.fetch_add(1, Ordering::AcqRel);
        let act = self.acts.lock().unwrap().pop_front().unwrap_or(Act::Refuse);
        let (name, open) = (self.name.clone(), Arc::clone(&self.open));
        Box::pin(async move {
            let steps = match act {
                Act::Refuse => return Err(Error::unavailable(&name)),
                Act::Play(steps) => steps,
            };
            open.fetch_add(1, Ordering::AcqRel);
            let playing = Playing { name, ask, steps: steps.into(), words: 0, calls: 0, over: false, open };
            Ok(Box::pin(stream::unfold(playing, |mut playing| async move {
                playing.next().await.map(|item| (item, playing))
            })) as AnswerStream)
        })
    }
}

struct Playing {
    name: String,
    ask: usize,
    steps: VecDeque<Step>,
    words: usize,
    calls: usize,
    over: bool,
    open: Arc<AtomicUsize>,
}

impl Playing {
    async fn next(&mut self) -> Option<Result<Piece, Error>> {
        while !self.over {
            let chunk = match self.steps.pop_front()? {
                Step::Words(0) => continue,
                Step::Words(more) => {
                    self.steps.push_front(Step::Words(more - 1));
                    self.words += 1;
                    Chunk::Text(format!("{}/{}:{} ", self.name, self.ask, self.words))
                }
                Step::Pause(time) => {
                    Clock::real().sleep(time).await;
                    continue;
                }
                Step::Call => {
                    self.calls += 1;
                    let id = format!("{}-{}-{}", self.name, self.ask, self.calls);
                    Chunk::ToolCall(ToolCallPart { id: Some(id), name: Some("look".into()), ..ToolCallPart::default() })
                }
                Step::Break => {
                    self.over = true;
                    return Some(Err(code::stream_cut(&self.name)));
                }
                Step::Cut => return None,
                Step::Stall => std::future::pending().await,
                Step::Panic => panic!("a provider that panics, on purpose"),
                Step::Finish(reason) => {
                    self.over = true;
                    Chunk::Finish { reason, usage: None }
                }
            };
            return Some(Ok(chunk.into()));
        }
        None
    }
}

impl Drop for Playing {
    fn drop(&mut self) {
        self.open.fetch_sub(1, Ordering::AcqRel);
    }
}

pub(crate) fn remote(upstream: &str, id: &str) -> ModelInfo {
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

/// Says so many words and ends well.
pub(crate) fn says(words: u8) -> Act {
    Act::Play(vec![Step::Words(words), Step::Finish(FinishReason::Stop)])
}
