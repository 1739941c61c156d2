//! Work behind a rate limit: asks for a turn when it is first polled, sleeps until it, then runs.

use super::{Shared, Turn};
use crate::{Call, Cancelled, clock::Timer, error::Fault};
use pin_project_lite::pin_project;
use std::{
    pin::Pin,
    task::{Context, Poll, ready},
};

pin_project! {
    #[must_use = "futures do nothing unless awaited"]
    pub struct Throttled<'a, F> {
        call: &'a Call,
        shared: &'a Shared,
        stage: Stage<'a>,
        #[pin]
        work: F,
    }
}

enum Stage<'a> {
    Outside,
    Waiting(Waiting<'a>),
    Inside,
}

impl<'a, F> Throttled<'a, F> {
    pub(super) fn new(shared: &'a Shared, call: &'a Call, work: F) -> Self {
        Self { call, shared, stage: Stage::Outside, work }
    }
}

impl<T, X: Fault, F: Future<Output = Result<T, X>>> Future for Throttled<'_, F> {
    type Output = Result<T, X>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        if matches!(this.stage, Stage::Outside) {
            *this.stage = this.shared.admit(this.call, 1)?.map_or(Stage::Inside, Stage::Waiting);
        }
        if let Stage::Waiting(waiting) = this.stage {
            ready!(waiting.poll(this.call, context))?;
            *this.stage = Stage::Inside;
        }
        this.work.poll(context)
    }
}

/// A turn that has not come yet; dropping it gives it back.
pub(super) struct Waiting<'a> {
    shared: &'a Shared,
    /// `None` once it has come.
    turn: Option<Turn>,
    timer: Timer,
    cancelled: Cancelled,
}

impl<'a> Waiting<'a> {
    pub(super) fn new(shared: &'a Shared, call: &Call, turn: Turn) -> Self {
        let timer = Timer::new(&shared.settings.clock, shared.moment(turn));
        Self { shared, turn: Some(turn), timer, cancelled: call.token().cancelled() }
    }

    /// Ready when the turn has come or the call was cancelled. The deadline needs no timer: a turn after it was
    /// never given out.
    pub(super) fn poll<X: Fault>(&mut self, call: &Call, context: &mut Context<'_>) -> Poll<Result<(), X>> {
        if let Poll::Ready(reason) = Pin::new(&mut self.cancelled).poll(context) {
            return Poll::Ready(Err(call.stopped(reason)));
        }
        ready!(self.timer.poll(context));
        self.turn = None;
        Poll::Ready(Ok(()))
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        if let Some(turn) = self.turn {
            self.shared.gcra.give_back(turn);
        }
    }
}
