//! An answer that survives the break of the attempt that gives it, as far as the ladder allows.
//!
//! Its reader sees one stream: one end, one sum of usage, and a `Status::Seam` where two attempts were joined. It works
//! only while it is read, so whoever leaves in the middle of a recovery stops it by leaving. Surprise: attempts at going
//! on that fail before they have said anything cost nothing; once one of them has spoken there is no second.

mod elsewhere;
mod joining;

use std::{collections::VecDeque, sync::Arc, time::Duration};

use futures_util::{StreamExt, stream};
use steadfast::{Clock, Error};
use steadfast_contract::{
    chunk::{AnswerStream, Chunk, Piece, Seam, SeamMethod, Status},
    code,
    usage::Usage,
};

use self::joining::Joining;
use super::{
    ladder::{self, Asked, Delivered, End, Verdict},
    limits,
    record::{self, Record},
};
use crate::{
    asking::{Asker, Listener, Opened, Question},
    routing::{self, Target},
};

/// The answer from `opened`, going on elsewhere when that breaks.
pub(crate) fn recovering(
    asker: &Asker,
    question: Question,
    opened: Opened,
    listener: Arc<dyn Listener>,
) -> AnswerStream {
    let begun = question.continues.clone().filter(|_| opened.continued).unwrap_or_default();
    // In a box: an unfolded state is moved twice for every piece.
    let recovery = Box::new(Recovery {
        record: Record::begun_with(&begun),
        question,
        asker: asker.clone(),
        listener,
        source: opened.stream,
        speaker: opened.target,
        ready: VecDeque::new(),
        joining: None,
        usage_before: Usage::default(),
        restarts_left: RESTARTS,
        continuations_left: 1,
        over: false,
    });
    Box::pin(stream::unfold(recovery, |mut recovery| async move { recovery.next().await.map(|item| (item, recovery)) }))
}

struct Recovery {
    asker: Asker,
    question: Question,
    listener: Arc<dyn Listener>,
    source: AnswerStream,
    speaker: Target,
    record: Record,
    ready: VecDeque<Piece>,
    /// A continuation on probation.
    joining: Option<Joining>,
    /// What the attempts that broke have cost, roughly.
    usage_before: Usage,
    restarts_left: u32,
    continuations_left: u32,
    over: bool,
}

impl Recovery {
    async fn next(&mut self) -> Option<Result<Piece, Error>> {
        while !self.over {
            if let Some(piece) = self.ready.pop_front() {
                self.record.take(&piece.chunk);
                self.over = matches!(piece.chunk, Chunk::Finish { .. });
                return Some(Ok(piece));
            }
            if let Err(error) = self.advance().await {
                self.over = true;
                return Some(Err(error));
            }
        }
        None
    }

    /// Reads once, or recovers once; puts what may be shown into `ready`.
    async fn advance(&mut self) -> Result<(), Error> {
        match self.joining.take() {
            None => match self.source.next().await {
                Some(Ok(piece)) => {
                    self.ready.push_back(self.with_all_usage(piece));
                    Ok(())
                }
                // In boxes: what is seldom needed must not make room for itself in every answer.
                Some(Err(error)) => Box::pin(self.recover(error)).await,
                None => Box::pin(self.recover(code::stream_cut(&self.speaker.label()))).await,
            },
            Some(joining) => Box::pin(self.join(joining)).await,
        }
    }

    async fn recover(&mut self, error: Error) -> Result<(), Error> {
        if self.is_final(&error) {
            return Err(self.incomplete(error, End::Cut));
        }
        // Read only now: a question whose answer does not break is never looked through.
        match ladder::decide(self.record.delivered(), Asked::of(&self.question.request)) {
            Verdict::Complete => Ok(()),
            Verdict::Anew if self.restarts_left > 0 => self.begin_anew(error).await,
            Verdict::GoOn if self.continuations_left > 0 => self.go_on(error).await,
            Verdict::Anew | Verdict::GoOn => Err(self.incomplete(error, End::Cut)),
            Verdict::End(end) => Err(self.incomplete(error, end)),
        }
    }

    /// Nobody waits any more, or everybody has waited long enough.
    fn is_final(&self, error: &Error) -> bool {
        error.cancel_reason().is_some()
            || limits::is_the_deadline(error)
            || self.question.token.is_cancelled()
            || self.question.deadline.is_past(&self.asker.clock)
    }

    async fn begin_anew(&mut self, error: Error) -> Result<(), Error> {
        self.restarts_left -= 1;
        let question = elsewhere::anew(&self.question, &self.speaker, &error);
        let Ok(opened) = self.asker.ask(&question, Arc::clone(&self.listener)).await else {
            return Err(self.incomplete(error, End::Cut)); // why it broke says more than why nobody helped
        };
        if self.record.delivered() > Delivered::Nothing {
            self.spend();
            self.ready.push_back(self.seam(&opened.target, SeamMethod::Anew, &error));
        }
        self.speaker = opened.target;
        self.source = opened.stream;
        Ok(())
    }

    async fn go_on(&mut self, error: Error) -> Result<(), Error> {
        let others = elsewhere::going_on(&self.question, &self.speaker, &self.record.text, &error);
        self.go_on_with(others, error).await
    }

    /// Asks those of `others`, and puts whoever speaks on probation.
    async fn go_on_with(&mut self, mut others: VecDeque<Question>, error: Error) -> Result<(), Error> {
        while let Some(mut question) = others.pop_front() {
            let Ok(opened) = self.asker.ask(&question, Arc::clone(&self.listener)).await else { continue };
            let method = elsewhere::method(&self.speaker, &opened.target);
            let name = opened.target.full_name();
            question.targets.retain(|target| target.full_name() != name);
            if !question.targets.is_empty() {
                others.push_front(question);
            }
            let (source, target) = (opened.stream, opened.target);
            self.joining = Some(Joining::new(&self.record.text, source, target, method, (others, error)));
            return Ok(());
        }
        Err(self.incomplete(error, End::Cut))
    }

    /// Goes on with a continuation until it is known to join.
    async fn join(&mut self, mut joining: Joining) -> Result<(), Error> {
        match joining.until_it_joins(&self.asker.clock).await {
            Ok(joined) => {
                self.continuations_left -= 1;
                self.spend();
                self.ready.push_back(self.seam(&joining.target, joining.method, &joining.cause));
                self.ready.extend(joined);
                self.speaker = joining.target;
                self.source = joining.source;
                // What the continuation ended with carries the sum, like any end.
                if let Some(piece) = self.ready.pop_back() {
                    let piece = self.with_all_usage(piece);
                    self.ready.push_back(piece);
                }
                Ok(())
            }
            // Nothing of it was shown: the next one may try.
            Err(error) if self.is_final(&error) => Err(self.incomplete(error, End::Cut)),
            Err(_) => self.go_on_with(joining.others, joining.cause).await,
        }
    }

    fn seam(&self, to: &Target, method: SeamMethod, cause: &Error) -> Piece {
        let seam = Seam {
            at_chars: u32::try_from(self.record.characters()).unwrap_or(u32::MAX),
            from: self.speaker.full_name(),
            to: to.full_name(),
            method,
            cause: cause.code().name().to_owned(),
            attempt: self.question.notes.count(),
        };
        Chunk::Status(Status::Seam(seam)).into()
    }

    /// The attempt that broke had read the question and written what is recorded.
    fn spend(&mut self) {
        let question = u32::try_from(routing::tokens(&self.question.request)).unwrap_or(u32::MAX);
        self.usage_before.prompt_tokens = self.usage_before.prompt_tokens.saturating_add(question);
        self.usage_before.completion_tokens = self.record.tokens();
    }

    fn with_all_usage(&self, piece: Piece) -> Piece {
        match piece.chunk {
            Chunk::Finish { reason, usage } if self.usage_before != Usage::default() => {
                // The frames say what one attempt cost; the writer says the sum.
                Chunk::Finish { reason, usage: record::merged(usage, self.usage_before) }.into()
            }
            _ => piece,
        }
    }

    fn incomplete(&self, error: Error, end: End) -> Error {
        let error = match (self.question.token.reason(), end) {
            (Some(reason), _) => Error::cancelled(reason), // nobody wanted more, whatever broke before
            (None, End::Cut) => error,
            (None, End::ToolCall) => code::tool_call_truncated(&self.speaker.label()).with_source(error),
        };
        self.question
            .notes
            .on(error)
            .with_detail("delivered_chars", self.record.characters())
            .with_detail("partial", self.record.delivered() > Delivered::Nothing)
    }
}

/// Two more beginnings after the first; whoever breaks three times in the middle of thinking will break again.
const RESTARTS: u32 = 2;

/// How long people wait for the first words of a continuation to be judged once some of them are there.
const PROBATION: Duration = Duration::from_secs(2);

async fn probation_is_over(clock: &Clock) {
    clock.sleep(PROBATION).await;
}
