//! Everything about the copies of one call but the copies themselves: their tokens, when the next one starts, and
//! what it means when one ends.

use super::{Delay, Hedge};
use crate::{
    Attempt, Call, CancelReason, CancelToken, Event, RetryAdvice,
    clock::{Timer, later},
    error::Fault,
};
use std::{
    task::{Context, Poll},
    time::Duration,
};
use tokio::time::Instant;

pub(super) struct Race<'a, X> {
    hedge: &'a Hedge,
    call: &'a Call,
    /// Of every copy that was started, in order.
    tokens: Vec<CancelToken>,
    /// Only when latencies are measured.
    began: Option<Instant>,
    next: Next,
    failure: Option<X>,
}

/// When the next copy starts.
enum Next {
    /// Nobody has had to wait yet.
    Unset,
    At(Timer, Duration),
    Never,
}

impl<'a, X> Race<'a, X> {
    pub(super) fn new(hedge: &'a Hedge, call: &'a Call) -> Self {
        Self { hedge, call, tokens: Vec::new(), began: None, next: Next::Unset, failure: None }
    }
}

impl<X: Fault> Race<'_, X> {
    pub(super) fn has_begun(&self) -> bool {
        !self.tokens.is_empty()
    }

    /// The name and the call of the next copy.
    pub(super) fn start(&mut self) -> (Attempt, Call) {
        if !self.has_begun() && matches!(self.hedge.delay, Delay::Measured { .. }) {
            self.began = Some(self.call.clock().now());
        }
        let token = self.call.token().child("hedge");
        let call = self.call.clone().with_token(&token);
        self.tokens.push(token);
        (Attempt { number: self.copies(), of: self.hedge.max_copies }, call)
    }

    fn copies(&self) -> u32 {
        u32::try_from(self.tokens.len()).unwrap_or(u32::MAX)
    }

    /// A copy ended. Gives what the whole call ends with, if this decides it; then the others have lost.
    pub(super) fn ended<T>(&mut self, copy: u32, output: Result<T, X>) -> Option<Result<T, X>> {
        match &output {
            Ok(_) => self.won(copy),
            // What cannot help here cannot help there.
            Err(error) if error.guidance().advice == RetryAdvice::Never => {}
            Err(_) => {
                self.failure = output.err();
                return None;
            }
        }
        for (token, number) in self.tokens.iter().zip(1..) {
            // Not the winner's: what it gave back may still live on it, a stream for instance.
            if number != copy {
                token.cancel(CancelReason::HedgeLost);
            }
        }
        Some(output)
    }

    /// What to end with when the last copy failed.
    pub(super) fn last_failure(&mut self) -> Option<X> {
        self.failure.take()
    }

    fn won(&self, copy: u32) {
        self.hedge.budget.succeeded();
        if let (Delay::Measured { latencies, .. }, Some(began)) = (&self.hedge.delay, self.began) {
            latencies.record(self.call.clock().now().saturating_duration_since(began));
        }
        if copy > 1 {
            self.call.events().emit(|| Event::HedgeWon { operation: self.call.operation_name(), copy });
        }
    }

    /// Another copy, when it is time and there is a budget for it.
    pub(super) fn poll_next_copy(&mut self, context: &mut Context<'_>) -> Option<(Attempt, Call)> {
        if matches!(self.next, Next::Unset) {
            self.next = self.plan();
        }
        let Next::At(timer, after) = &mut self.next else { return None };
        let (Poll::Ready(()), after) = (timer.poll(context), *after) else { return None };
        if !self.hedge.budget.try_spend(1) {
            self.next = Next::Never;
            return None;
        }
        self.next = Next::Unset;
        let (attempt, call) = self.start();
        let copy = attempt.number;
        call.events().emit(|| Event::HedgeStarted { operation: call.operation_name(), copy, after });
        Some((attempt, call))
    }

    fn plan(&self) -> Next {
        if self.copies() >= self.hedge.max_copies {
            return Next::Never;
        }
        let clock = self.call.clock();
        let Some(delay) = self.hedge.delay() else { return Next::Never };
        Next::At(Timer::new(clock, later(clock.now(), delay)), delay)
    }
}
