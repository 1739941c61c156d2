//! One attempt under watch: no limit is passed unnoticed, an end without the end marker is a failure, and the
//! target's breaker hears how it went.

use futures_util::{StreamExt, stream};
use steadfast::{Call, Code, Error, StreamTimeout, StreamWatch};
use steadfast_contract::{
    chunk::{AnswerStream, Chunk, Piece},
    code,
};
use tokio::time::Instant;

use super::limits::{Course, Limits};
use crate::routing::Admission;

/// Waits until `opening` has an answer to show, and watches that to its end.
pub(crate) async fn watched(
    opening: impl Future<Output = Result<AnswerStream, Error>>,
    limits: Limits,
    admission: Admission,
    call: Call,
) -> Result<AnswerStream, Error> {
    let course = Course::begun(call.clock().now());
    let mut watch = Watch { course, limits, silence: StreamTimeout::new().watch_owned(call) };
    match watch.within(opening).await.and_then(|opened| opened) {
        Ok(pieces) => {
            // In a box: an unfolded state is moved twice for every piece.
            let watched = Box::new(Watched { pieces, watch, admission: Some(admission) });
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

/// One timer serves the whole answer: a piece that comes moves the end of the wait away and touches no timer.
struct Watch {
    limits: Limits,
    course: Course,
    silence: StreamWatch<'static>,
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
                let now = self.watch.now();
                self.watch.limits.note(&mut self.watch.course, &piece.chunk, now);
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
    async fn within<F: Future>(&mut self, work: F) -> Result<F::Output, Error> {
        let deadline = self.silence.call().deadline().map(|deadline| deadline.moment());
        let (due, limit) = self.limits.next(&self.course, deadline);
        self.silence.at_most(due.saturating_duration_since(self.now()));
        let ended = self.silence.next(work).await;
        ended.map_err(|error| match error.code() {
            Code::TIMEOUT => self.limits.error(limit, &self.course, self.now()),
            _ => error,
        })
    }

    fn now(&self) -> Instant {
        self.silence.call().clock().now()
    }
}
