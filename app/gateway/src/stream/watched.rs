//! One attempt under watch: no limit is passed unnoticed, an end without the end marker is a failure, and the
//! target's breaker hears how it went.

use std::sync::Arc;

use futures_util::{StreamExt, stream};
use steadfast::{Call, Code, Error, StreamTimeout};
use steadfast_contract::{
    chunk::{AnswerStream, Chunk, Piece},
    code,
};

use super::limits::{Course, Limits};
use crate::routing::Admission;

/// Waits until `opening` has an answer to show, and watches that to its end.
pub(crate) async fn watched(
    opening: impl Future<Output = Result<AnswerStream, Error>>,
    limits: Limits,
    admission: Admission,
    call: Call,
) -> Result<AnswerStream, Error> {
    let watch = Watch { course: Course::begun(call.clock().now()), limits, call: Arc::new(call) };
    match watch.within(opening).await.and_then(|opened| opened) {
        Ok(pieces) => {
            let watched = Watched { pieces, watch, admission: Some(admission) };
            Ok(Box::pin(stream::unfold(watched, |mut watched| async move {
                watched.next().await.map(|item| (item, watched))
            })))
        }
        Err(error) => {
            admission.failed(&error);
            Err(error)
        }
    }
}

struct Watched {
    pieces: AnswerStream,
    watch: Watch,
    /// Gone once it has ended.
    admission: Option<Admission>,
}

struct Watch {
    limits: Limits,
    course: Course,
    call: Arc<Call>,
}

impl Watched {
    async fn next(&mut self) -> Option<Result<Piece, Error>> {
        self.admission.as_ref()?;
        let next = self.watch.within(self.pieces.next()).await;
        let item = next.and_then(|item| item.unwrap_or_else(|| Err(code::stream_cut(&self.watch.limits.target))));
        self.judge(&item);
        Some(item)
    }

    fn judge(&mut self, item: &Result<Piece, Error>) {
        match item {
            Err(error) => drop(self.admission.take().map(|admission| admission.failed(error))),
            Ok(Piece { chunk: Chunk::Finish { .. }, .. }) => drop(self.admission.take().map(Admission::succeeded)),
            Ok(piece) => {
                let was_silent = !self.watch.course.has_content();
                self.watch.limits.note(&mut self.watch.course, &piece.chunk, self.watch.call.clock().now());
                if let Some(admission) =
                    self.admission.as_mut().filter(|_| was_silent && self.watch.course.has_content())
                {
                    admission.first_content(self.watch.limits.tokens);
                }
            }
        }
    }
}

impl Watch {
    /// `work`, unless a limit is passed first or the call is cancelled.
    async fn within<F: Future>(&self, work: F) -> Result<F::Output, Error> {
        let now = self.call.clock().now();
        let deadline = self.call.deadline().map(|deadline| deadline.moment());
        let (due, limit) = self.limits.next(&self.course, deadline);
        let wait = due.saturating_duration_since(now);
        let ended = StreamTimeout::new().first_byte(wait).watch(&self.call).next(work).await;
        ended.map_err(|error| match error.code() {
            Code::TIMEOUT => self.limits.error(limit, &self.course, self.call.clock().now()),
            _ => error,
        })
    }
}
