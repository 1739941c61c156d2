//! One answer, seen from both of its ends: the supervisor writes into [`Answer`], a client reads the [`AnswerStream`].
//!
//! The answer's tokens are kept here, in the server, so that a new child can go on exactly where a dead one stopped.
//! What waits to be read is bounded by the answer itself: neighbouring texts become one, and a status gives
//! way to the next.

use std::{
    collections::VecDeque,
    pin::Pin,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll},
};

use futures_core::Stream;
use futures_util::task::AtomicWaker;
use steadfast::{CancelReason, CancelToken, Error};
use steadfast_contract::{
    chat::Sampling,
    chunk::{Chunk, FinishReason, Status},
    usage::Usage,
};
use tokio::sync::Notify;

use super::{
    Gauges,
    protocol::{End, Generate, Prompt},
};
use crate::generate::{
    sampling::{Sampler, Token},
    stop::{Scan, StopScanner},
    template::Turn,
    utf8::Utf8Joiner,
};

/// Both ends of a new answer.
pub(super) fn answer(
    turns: Vec<Turn>,
    sampling: &Sampling,
    token: &CancelToken,
    gauges: &Arc<Gauges>,
) -> Result<(Answer, AnswerStream), Error> {
    let outbox = Arc::new(Outbox::default());
    let answer = Answer {
        outbox: Arc::clone(&outbox),
        _counted: Counted::among(gauges),
        token: token.clone(),
        prompt: Prompt::Turns(turns),
        cached: 0,
        tokens: Vec::new(),
        sampler: Sampler::new(sampling, fastrand::u64(..))?,
        max_tokens: sampling.max_tokens,
        joiner: Utf8Joiner::default(),
        scanner: StopScanner::new(&sampling.stop)?,
        resumed: 0,
        fruitless: 0,
        resumed_at: 0,
    };
    Ok((answer, AnswerStream { outbox }))
}

/// The supervisor's end.
#[derive(Debug)]
pub(super) struct Answer {
    outbox: Arc<Outbox>,
    _counted: Counted,
    token: CancelToken,
    prompt: Prompt,
    cached: u32,
    tokens: Vec<Token>,
    sampler: Sampler,
    max_tokens: Option<u32>,
    joiner: Utf8Joiner,
    scanner: StopScanner,
    resumed: u32,
    /// Resumptions in a row that brought no new token.
    fruitless: u32,
    resumed_at: usize,
}

/// What the supervisor has to do after a token.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Next {
    GoOn,
    /// A stop string was met: the answer is complete, the child may stop.
    Complete,
    /// The token does not follow the last one: the child cannot be trusted.
    Broken,
}

impl Answer {
    /// What the child must know to begin, or to go on.
    pub(super) fn request(&self, id: u64) -> Generate {
        Generate {
            id,
            prompt: self.prompt.clone(),
            answer: self.tokens.clone(),
            sampler: self.sampler.clone(),
            max_tokens: self.max_tokens,
        }
    }

    pub(super) fn status(&self, status: Status) {
        self.outbox.push(Chunk::Status(status));
    }

    /// Says that it is alive, unless something better waits to be read.
    pub(super) fn alive(&self) {
        self.outbox.push_if_empty(Chunk::Status(Status::Alive));
    }

    pub(super) fn accepted(&mut self, prompt: Vec<Token>, cached: u32) {
        if let Prompt::Turns(_) = self.prompt {
            self.prompt = Prompt::Tokens(prompt);
            self.cached = cached;
        }
    }

    pub(super) fn wrote(&mut self, position: u32, token: Token, bytes: &[u8]) -> Next {
        if usize::try_from(position) != Ok(self.tokens.len()) {
            return Next::Broken;
        }
        self.tokens.push(token);
        let text = self.joiner.push(bytes);
        match self.scanner.push(&text) {
            Scan::Pass(text) => {
                self.outbox.push_text(&text);
                Next::GoOn
            }
            Scan::Met(text) => {
                self.outbox.push_text(&text);
                self.finish(FinishReason::Stop);
                Next::Complete
            }
        }
    }

    pub(super) fn finished(&mut self, end: End) {
        self.outbox.push_text(&self.scanner.finish());
        self.finish(match end {
            End::Stop => FinishReason::Stop,
            End::Length => FinishReason::Length,
        });
    }

    pub(super) fn fail(&self, error: Error) {
        self.outbox.end(Err(error));
    }

    /// The child was lost. False when this answer has lost several without getting on: it may be what kills them.
    pub(super) fn can_resume(&mut self, cause: &str) -> bool {
        self.fruitless = if self.tokens.len() > self.resumed_at { 1 } else { self.fruitless + 1 };
        self.resumed_at = self.tokens.len();
        self.resumed += 1;
        self.status(Status::Resumed { cause: cause.to_owned(), attempt: self.resumed });
        self.fruitless <= MOST_FRUITLESS
    }

    /// Ends when nobody wants the answer any more, with the reason, or when it is over.
    pub(super) fn unwanted(&self) -> impl Future<Output = Option<CancelReason>> + Send + use<> {
        let (outbox, token) = (Arc::clone(&self.outbox), self.token.clone());
        async move {
            tokio::select! {
                biased;
                reason = token.cancelled() => Some(reason),
                () = outbox.gone.notified() => outbox.dropped.load(Ordering::Relaxed).then_some(CancelReason::ClientGone),
            }
        }
    }

    fn finish(&self, reason: FinishReason) {
        let prompt_tokens = match &self.prompt {
            Prompt::Tokens(tokens) => tokens.len(),
            Prompt::Turns(_) => 0,
        };
        let usage = Usage {
            prompt_tokens: u32::try_from(prompt_tokens).unwrap_or(u32::MAX),
            completion_tokens: u32::try_from(self.tokens.len()).unwrap_or(u32::MAX),
            cached_tokens: self.cached,
        };
        self.outbox.end(Ok(Chunk::Finish { reason, usage: Some(usage) }));
    }
}

impl Drop for Answer {
    fn drop(&mut self) {
        self.outbox.end(Err(Error::internal("the engine's supervisor ended before the answer did")));
    }
}

/// The client's end. Dropping it cancels the answer.
#[derive(Debug)]
pub(super) struct AnswerStream {
    outbox: Arc<Outbox>,
}

impl Stream for AnswerStream {
    type Item = Result<Chunk, Error>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.outbox.reader.register(context.waker());
        let mut waiting = self.outbox.waiting();
        match waiting.chunks.pop_front() {
            Some(chunk) => Poll::Ready(Some(chunk)),
            None if waiting.ended => Poll::Ready(None),
            None => Poll::Pending,
        }
    }
}

impl Drop for AnswerStream {
    fn drop(&mut self) {
        self.outbox.dropped.store(true, Ordering::Relaxed);
        self.outbox.gone.notify_one();
    }
}

#[derive(Debug, Default)]
struct Outbox {
    waiting: Mutex<Waiting>,
    reader: AtomicWaker,
    /// The reader went away, or there is nothing more to read.
    gone: Notify,
    dropped: AtomicBool,
}

#[derive(Debug, Default)]
struct Waiting {
    chunks: VecDeque<Result<Chunk, Error>>,
    ended: bool,
}

impl Outbox {
    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn push(&self, chunk: Chunk) {
        let mut waiting = self.waiting();
        if waiting.ended {
            return;
        }
        match (waiting.chunks.back_mut(), chunk) {
            (Some(Ok(Chunk::Text(text))), Chunk::Text(more)) => text.push_str(&more),
            // A restart is news that nothing may hide.
            (Some(Ok(Chunk::Status(status))), Chunk::Status(newer)) if !matches!(status, Status::Resumed { .. }) => {
                *status = newer;
            }
            (_, chunk) => waiting.chunks.push_back(Ok(chunk)),
        }
        drop(waiting);
        self.reader.wake();
    }

    fn push_text(&self, text: &str) {
        if !text.is_empty() {
            self.push(Chunk::Text(text.to_owned()));
        }
    }

    fn push_if_empty(&self, chunk: Chunk) {
        if self.waiting().chunks.is_empty() {
            self.push(chunk);
        }
    }

    /// The first end counts.
    fn end(&self, last: Result<Chunk, Error>) {
        let mut waiting = self.waiting();
        if !std::mem::replace(&mut waiting.ended, true) {
            waiting.chunks.push_back(last);
        }
        drop(waiting);
        self.reader.wake();
        self.gone.notify_one();
    }
}

/// Counted among the worker's answers for as long as it lives.
#[derive(Debug)]
struct Counted(Arc<Gauges>);

impl Counted {
    fn among(gauges: &Arc<Gauges>) -> Self {
        gauges.answers.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(gauges))
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.answers.fetch_sub(1, Ordering::Relaxed);
    }
}

/// So often an answer may lose the child without getting on before it is held to be the cause.
const MOST_FRUITLESS: u32 = 2;
