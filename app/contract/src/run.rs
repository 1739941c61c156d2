//! A run: one answer being produced, as a numbered log of events, and the view that is folded from it.
//!
//! The page folds the same events with the same rules (`app/ui/web/src/features/chat/run.ts`); the fixtures in
//! `app/contract/fixtures/runs` hold both to one truth. Text is only ever added: no event takes a word back.

use serde::{Deserialize, Serialize};
use steadfast::CancelReason;
use ts_rs::TS;

use crate::{
    chat::Sampling,
    chunk::{FinishReason, Status},
    model::Failure,
    usage::Usage,
};

/// Exactly one at a time; the last five are ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum RunState {
    /// Accepted and durable; something must happen first (a model loads, another answer runs).
    Queued,
    /// An upstream is being asked; no text yet.
    Connecting,
    Streaming,
    /// Broken after the first text, and being continued.
    Recovering,
    Done,
    Stopped,
    /// Not to be recovered by itself; the part that arrived is kept.
    Interrupted,
    /// Nothing usable arrived.
    Failed,
    /// Withdrawn before it began.
    Withdrawn,
}

/// What was asked for when the run was made. Does not change.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
pub struct RunSpec {
    pub id: String,
    pub conversation_id: String,
    /// The message that is being answered.
    pub message_id: String,
    /// 1 for the first answer to a message, 2 for "Try again", …
    pub version: u32,
    /// The tier or model that was asked for, as the client wrote it ("quick").
    pub model: String,
    pub sampling: Sampling,
    /// The run whose text this one goes on from ("Continue"): its text is copied in as the first text event.
    pub continues: Option<String>,
    #[ts(type = "number")]
    pub created_ms: u64,
}

/// One entry of a run's log. `seq` counts from 1 without a gap.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
#[ts(export)]
pub struct RunEvent {
    #[ts(type = "number")]
    pub seq: u64,
    #[ts(type = "number")]
    pub at_ms: u64,
    #[serde(flatten)]
    pub what: RunChange,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum RunChange {
    /// In line. `place` 1 is next in this conversation.
    Queued {
        why: QueuedWhy,
        place: u32,
    },
    /// Attempt `attempt` of `of` begins. Shown before any wait: `wait_ms` until it is sent, `cause` the last failure.
    Connecting {
        attempt: u32,
        of: u32,
        target: String,
        #[ts(type = "number")]
        wait_ms: u64,
        cause: Option<Failure>,
    },
    /// The provider says what it is doing.
    Status {
        status: Status,
    },
    /// More text. Only ever added at the end.
    Text {
        text: String,
    },
    /// Broken after text; being continued.
    Recovering {
        attempt: u32,
        of: u32,
        target: String,
        #[ts(type = "number")]
        wait_ms: u64,
        cause: Failure,
    },
    Done {
        finish: FinishReason,
        usage: Option<Usage>,
    },
    Stopped {
        #[ts(type = "string")]
        reason: CancelReason,
    },
    Interrupted {
        cause: Failure,
    },
    Failed {
        cause: Failure,
    },
    Withdrawn,
    /// The person put the failure away; the message stays.
    Dismissed,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum QueuedWhy {
    /// The model is being made ready.
    ModelLoading,
    /// The model is not loaded and nobody is loading it (its load was cancelled, or failed).
    ModelNotLoaded,
    /// Another answer of this conversation is being written.
    AnotherAnswer,
}

/// A run as it stands after its first `seq` events.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
pub struct RunView {
    pub spec: RunSpec,
    pub state: RunState,
    #[ts(type = "number")]
    pub seq: u64,
    pub text: String,
    /// Who is answering or answered: "this machine", "cloud-b".
    pub target: Option<String>,
    pub attempt: u32,
    pub attempts: u32,
    /// When the announced attempt is sent (milliseconds since 1970), while waiting for it.
    #[ts(type = "number | null")]
    pub next_attempt_ms: Option<u64>,
    pub queued: Option<QueuedWhy>,
    pub place: Option<u32>,
    pub status: Option<Status>,
    /// Why it is waiting to try again, was interrupted or failed.
    pub cause: Option<Failure>,
    #[ts(type = "string | null")]
    pub stop_reason: Option<CancelReason>,
    pub finish: Option<FinishReason>,
    pub usage: Option<Usage>,
    /// How often it had to be tried again or continued before it ended.
    pub recoveries: u32,
    pub dismissed: bool,
    #[ts(type = "number | null")]
    pub started_ms: Option<u64>,
    #[ts(type = "number | null")]
    pub first_text_ms: Option<u64>,
    #[ts(type = "number | null")]
    pub ended_ms: Option<u64>,
}

impl RunState {
    pub fn is_end(self) -> bool {
        matches!(self, Self::Done | Self::Stopped | Self::Interrupted | Self::Failed | Self::Withdrawn)
    }

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Connecting => "connecting",
            Self::Streaming => "streaming",
            Self::Recovering => "recovering",
            Self::Done => "done",
            Self::Stopped => "stopped",
            Self::Interrupted => "interrupted",
            Self::Failed => "failed",
            Self::Withdrawn => "withdrawn",
        }
    }
}

impl RunView {
    /// A run to which nothing has happened yet.
    pub fn new(spec: RunSpec) -> Self {
        Self {
            spec,
            state: RunState::Queued,
            seq: 0,
            text: String::new(),
            target: None,
            attempt: 0,
            attempts: 0,
            next_attempt_ms: None,
            queued: None,
            place: None,
            status: None,
            cause: None,
            stop_reason: None,
            finish: None,
            usage: None,
            recoveries: 0,
            dismissed: false,
            started_ms: None,
            first_text_ms: None,
            ended_ms: None,
        }
    }

    /// The view after `event`. An event that was already folded changes nothing, so replays are harmless.
    pub fn fold(&mut self, event: &RunEvent) {
        if event.seq <= self.seq {
            return;
        }
        self.seq = event.seq;
        if self.state.is_end() {
            self.after_the_end(&event.what);
        } else {
            self.change(event);
        }
    }

    fn after_the_end(&mut self, what: &RunChange) {
        if *what == RunChange::Dismissed {
            self.dismissed = true;
        }
    }

    fn change(&mut self, event: &RunEvent) {
        match &event.what {
            RunChange::Queued { why, place } => {
                self.state = RunState::Queued;
                self.queued = Some(*why);
                self.place = Some(*place);
            }
            RunChange::Connecting { attempt, of, target, wait_ms, cause } => {
                self.state = RunState::Connecting;
                self.begin_attempt(event.at_ms, (*attempt, *of), target, *wait_ms, cause.clone());
            }
            RunChange::Recovering { attempt, of, target, wait_ms, cause } => {
                self.state = RunState::Recovering;
                self.begin_attempt(event.at_ms, (*attempt, *of), target, *wait_ms, Some(cause.clone()));
            }
            RunChange::Status { status } => {
                if matches!(status, Status::Resumed { .. } | Status::Seam(_)) {
                    self.recoveries += 1;
                }
                self.status = Some(status.clone());
            }
            RunChange::Text { text } => {
                self.state = RunState::Streaming;
                self.text.push_str(text);
                self.first_text_ms.get_or_insert(event.at_ms);
                self.status = None;
                self.cause = None;
                self.next_attempt_ms = None;
            }
            RunChange::Done { finish, usage } => {
                self.finish = Some(*finish);
                self.usage = *usage;
                self.end(RunState::Done, event.at_ms, None);
            }
            RunChange::Stopped { reason } => {
                self.stop_reason = Some(*reason);
                self.end(RunState::Stopped, event.at_ms, None);
            }
            RunChange::Interrupted { cause } => self.end(RunState::Interrupted, event.at_ms, Some(cause.clone())),
            RunChange::Failed { cause } => self.end(RunState::Failed, event.at_ms, Some(cause.clone())),
            RunChange::Withdrawn => self.end(RunState::Withdrawn, event.at_ms, None),
            RunChange::Dismissed => {}
        }
    }

    fn begin_attempt(
        &mut self,
        at_ms: u64,
        (attempt, of): (u32, u32),
        target: &str,
        wait_ms: u64,
        cause: Option<Failure>,
    ) {
        if attempt > 1 && attempt > self.attempt {
            self.recoveries += 1;
        }
        self.attempt = attempt;
        self.attempts = of;
        self.target = Some(target.to_owned());
        self.next_attempt_ms = (wait_ms > 0).then_some(at_ms + wait_ms);
        self.cause = cause;
        self.queued = None;
        self.place = None;
        self.status = None;
        self.started_ms.get_or_insert(at_ms);
    }

    fn end(&mut self, state: RunState, at_ms: u64, cause: Option<Failure>) {
        self.state = state;
        self.ended_ms = Some(at_ms);
        self.cause = cause;
        self.status = None;
        self.queued = None;
        self.place = None;
        self.next_attempt_ms = None;
    }
}
