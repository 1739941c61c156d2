//! The story of one run, from the front of its lane to its end.
//!
//! Wait until a model can be asked → begin (durably: from here on the message cannot be edited) → ask → write what
//! comes → end. Every way out of the story is one end, and the end is on disk before anybody hears of it.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use futures_util::StreamExt;
use steadfast::{Call, CancelReason, Deadline, Error, Retry};
use steadfast_contract::{
    chat::ChatRequest,
    chunk::{AnswerStream, Chunk, FinishReason, Status},
    code,
    model::Failure,
    provider::Delivery,
    run::{QueuedWhy, RunChange, RunState},
    usage::Usage,
};
use tokio::time::Instant;

use super::{Runs, live_run::LiveRun};
use crate::{
    asking::{Attempted, Listener, Moment, Notes, Question},
    chat::GoesOn,
    readiness::{self, NotReady},
    routing::{self, Chain, Insistence, Target},
    stream,
};

/// What the end marker said.
struct Finished {
    finish: FinishReason,
    usage: Option<Usage>,
}

impl Runs {
    /// Whatever happens inside, also a panic, the run has an end.
    pub(super) async fn produce(self: &Arc<Self>, run: &Arc<LiveRun>) {
        let (runs, told_of) = (Arc::clone(self), Arc::clone(run));
        let story = self.token.spawn(format!("run {}", run.spec.id), async move { runs.story(&told_of).await });
        let told = story.await.and_then(|told| told);
        if let Some(end) = self.ending(run, told) {
            self.end(run, end).await;
        } // otherwise it is still in line, and the next life of the house takes it up
    }

    async fn story(self: &Arc<Self>, run: &Arc<LiveRun>) -> Result<Finished, Error> {
        let targets = self.wait_for_targets(run).await?;
        let question = self.begin(run, targets).await?;
        let listener: Arc<dyn Listener> = Arc::new(Scribe::new(Arc::clone(self), Arc::clone(run)));
        let opened = self.asker.ask(&question, Arc::clone(&listener)).await?;
        if let Some(text) = question.continues.clone().filter(|_| opened.continued) {
            run.write(self.now_ms(), RunChange::Text { text });
        }
        self.write_down(run, stream::recovering(&self.asker, question, opened, listener)).await
    }

    /// The targets that can be asked now; waits for the first local one when there is none.
    async fn wait_for_targets(&self, run: &LiveRun) -> Result<Vec<Target>, Error> {
        let targets = self.routes.resolve(&run.spec.model)?;
        loop {
            let ready = readiness::ready_now(self.models.as_ref(), &targets);
            let Some(local) = targets.iter().find(|target| target.is_local()).filter(|_| ready.is_empty()) else {
                return Ok(ready);
            };
            self.wait_for_model(run, &local.model.id).await?;
        }
    }

    async fn wait_for_model(&self, run: &LiveRun, id: &str) -> Result<(), Error> {
        let says_so = || run.write(self.now_ms(), in_line(QueuedWhy::ModelLoading));
        match readiness::make_ready(self.models.as_ref(), id, &run.token, says_so).await {
            Ok(()) => Ok(()),
            Err(NotReady::Failed(error)) => Err(error),
            Err(NotReady::NotLoaded) => {
                run.write(self.now_ms(), in_line(QueuedWhy::ModelNotLoaded));
                readiness::wait_until_wanted(self.models.as_ref(), id, &run.token).await
            }
        }
    }

    /// From here on the run has begun, and what is asked stands.
    async fn begin(&self, run: &LiveRun, targets: Vec<Target>) -> Result<Question, Error> {
        run.token.check()?;
        let Chain { targets, ranked } = self.routes.in_order(&run.spec.model, targets, Some(&run.spec.conversation_id));
        run.commit(self, connecting(self.first_attempt(&targets))).await?;
        let told = self.history(&run.spec).await?;
        let request = ChatRequest {
            model: run.spec.model.clone(),
            messages: told.messages,
            sampling: run.spec.sampling.clone(),
            ..ChatRequest::default()
        };
        Ok(Question {
            targets: routing::able(targets, &request)?,
            ranked,
            request,
            delivery: Delivery::Streamed,
            continues: told.continues,
            token: run.token.clone(),
            deadline: Deadline::after(&self.asker.clock, self.asker.settings.total),
            request_id: run.spec.id.clone(),
            nudge: run.nudge.clone(),
            notes: Notes::default(),
            moment: Moment::BeforeContent,
            cause: None,
            insistence: Insistence::Insists,
            // The page shows where another model took over, and a person can have it begun anew.
            goes_on: GoesOn::AnyModel,
        })
    }

    fn first_attempt(&self, targets: &[Target]) -> Attempted {
        Attempted {
            moment: Moment::BeforeContent,
            target: targets.first().map(Target::label).unwrap_or_default(),
            attempt: 1,
            of: self.asker.attempts(targets),
            wait: Duration::ZERO,
            cause: None,
        }
    }

    /// Every chunk becomes an event; text is on disk at the latest `flush_every` after it was shown.
    async fn write_down(&self, run: &LiveRun, mut chunks: AnswerStream) -> Result<Finished, Error> {
        let mut flush_at: Option<Instant> = None;
        loop {
            tokio::select! {
                biased;
                reason = run.token.cancelled() => return Err(Error::cancelled(reason)),
                () = self.sleep_until(flush_at) => flush_at = self.flush_text(run).await,
                piece = chunks.next() => match piece.map(|piece| piece.map(|piece| piece.chunk)) {
                    Some(Ok(Chunk::Text(text))) => {
                        self.write_text(run, text).await;
                        flush_at.get_or_insert_with(|| self.asker.clock.now() + self.asker.settings.flush_every);
                    }
                    Some(Ok(Chunk::Status(status))) => self.write_status(run, status),
                    // The page shows text; thoughts and tool calls are for programs.
                    Some(Ok(Chunk::Reasoning(_) | Chunk::ToolCall(_) | Chunk::Other(_))) => {}
                    Some(Ok(Chunk::Finish { reason, usage })) => return Ok(Finished { finish: reason, usage }),
                    Some(Err(error)) => return Err(error),
                    None => return Err(code::stream_cut(&run.spec.model)),
                }
            }
        }
    }

    async fn write_text(&self, run: &LiveRun, text: String) {
        let is_first = !run.has_text();
        run.write(self.now_ms(), RunChange::Text { text });
        if is_first {
            self.announce(&run.spec.conversation_id).await;
        }
    }

    /// Signs of life are for the guards; only what a person can read something from is logged.
    fn write_status(&self, run: &LiveRun, status: Status) {
        if status != Status::Alive {
            run.write(self.now_ms(), RunChange::Status { status });
        }
    }

    /// When to try again, if the store would not take it.
    async fn flush_text(&self, run: &LiveRun) -> Option<Instant> {
        match run.flush(self).await {
            Ok(()) => None,
            Err(_) => Some(self.asker.clock.now() + STORE_AWAY_RETRY), // nothing is lost: the log keeps it
        }
    }

    async fn sleep_until(&self, at: Option<Instant>) {
        match at {
            Some(at) => self.asker.clock.sleep_until(at).await,
            None => std::future::pending().await,
        }
    }

    /// The event that ends the run; `None` leaves it in line for the next life of the house.
    fn ending(&self, run: &LiveRun, told: Result<Finished, Error>) -> Option<RunChange> {
        let view = run.view();
        let has_text = !view.text.is_empty();
        match told {
            Ok(finished) if has_text => Some(RunChange::Done { finish: finished.finish, usage: finished.usage }),
            Ok(_) => Some(RunChange::Failed { cause: Failure::from(&without_a_word(&run.spec.model)) }),
            Err(error) => match error.cancel_reason() {
                Some(CancelReason::Shutdown) if view.state == RunState::Queued => None,
                Some(reason) => Some(RunChange::Stopped { reason }),
                None if has_text => Some(RunChange::Interrupted { cause: Failure::behind(&error) }),
                None => Some(RunChange::Failed { cause: Failure::behind(&error) }),
            },
        }
    }

    /// The end is stored before it is shown. If the store stays away, it is shown after the last attempt all the same:
    /// a page that waits for ever helps nobody, and the next start closes the run as interrupted.
    async fn end(&self, run: &LiveRun, end: RunChange) {
        let call = Call::new("store the end of a run", &self.storing_token)
            .with_clock(self.asker.clock.clone())
            .with_events(self.asker.events.clone());
        let mut end = Some(end);
        let stored = Retry::linear(STORE_AWAY_RETRY)
            .max_attempts(ATTEMPTS_TO_STORE_THE_END)
            .run(&call, |_| {
                let end = end.take();
                async move {
                    match end {
                        Some(end) => run.commit(self, end).await,
                        None => run.flush(self).await,
                    }
                }
            })
            .await;
        run.show_all();
        if stored.is_ok() {
            self.announce(&run.spec.conversation_id).await;
        }
    }
}

/// Writes what the asker reports into the run's log.
struct Scribe {
    runs: Arc<Runs>,
    run: Arc<LiveRun>,
    /// `begin` has announced the first attempt already.
    is_first: Mutex<bool>,
}

impl Scribe {
    fn new(runs: Arc<Runs>, run: Arc<LiveRun>) -> Self {
        Self { runs, run, is_first: Mutex::new(true) }
    }
}

impl Listener for Scribe {
    fn attempt(&self, attempted: Attempted) {
        let is_first = std::mem::replace(&mut *self.is_first.lock().unwrap_or_else(PoisonError::into_inner), false);
        if !is_first {
            self.run.write(self.runs.now_ms(), connecting(attempted));
        }
    }

    fn status(&self, status: Status) {
        self.runs.write_status(&self.run, status);
    }
}

fn in_line(why: QueuedWhy) -> RunChange {
    RunChange::Queued { why, place: 1 }
}

fn connecting(attempted: Attempted) -> RunChange {
    let Attempted { moment, target, attempt, of, wait, cause } = attempted;
    let wait_ms = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX);
    match moment {
        Moment::BeforeContent => RunChange::Connecting { attempt, of, target, wait_ms, cause },
        Moment::MidAnswer => {
            let cause = cause.unwrap_or_else(|| Failure::from(&code::stream_cut(&target)));
            RunChange::Recovering { attempt, of, target, wait_ms, cause }
        }
    }
}

fn without_a_word(model: &str) -> Error {
    Error::unavailable(model)
        .with_message("The model ended its answer without a word.")
        .with_suggestion("Try again, or ask it another way.")
}

const STORE_AWAY_RETRY: Duration = Duration::from_secs(1);
const ATTEMPTS_TO_STORE_THE_END: u32 = 5;
