//! The wait for a place: as long as the call is wanted and its time, or the policy's own patience, allows. What
//! it may not wait for any more is a refusal and not a time-out, because the work was not begun.

use super::{Claim, Places};
use crate::{
    Call, CancelReason, Cancelled, Deadline,
    clock::Timer,
    error::{Fault, Rejection},
};
use std::{
    ops::Deref,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

#[derive(Debug)]
pub(in crate::policies) struct Entering<'a, P: Deref<Target = Places>> {
    call: &'a Call,
    claim: Claim<P>,
    max_wait: Option<Duration>,
    /// Made when it first has to wait.
    patience: Option<Patience>,
}

#[derive(Debug)]
struct Patience {
    cancelled: Cancelled,
    timer: Option<Timer>,
}

/// Why there is no place.
#[derive(Debug)]
pub(in crate::policies) enum NoPlace {
    /// Everything is taken, and the queue was too long, or the wait.
    Refused,
    Cancelled(CancelReason),
}

impl NoPlace {
    /// In the words of the caller's error type.
    pub(in crate::policies) fn tell<X: Fault>(self, call: &Call, refusal: impl FnOnce() -> Rejection) -> X {
        match self {
            Self::Refused => call.refused(refusal()),
            Self::Cancelled(reason) => call.stopped(reason),
        }
    }
}

impl<'a, P: Deref<Target = Places>> Entering<'a, P> {
    pub(in crate::policies) fn new(call: &'a Call, places: P, max_wait: Option<Duration>) -> Self {
        Self { call, claim: Claim::new(places), max_wait, patience: None }
    }

    pub(in crate::policies) fn poll(&mut self, context: &mut Context<'_>) -> Poll<Result<(), NoPlace>> {
        if let Some(reason) = self.call.token().reason() {
            self.claim.release();
            return Poll::Ready(Err(NoPlace::Cancelled(reason)));
        }
        if let Poll::Ready(taken) = self.claim.poll_take(context) {
            self.patience = None;
            return Poll::Ready(taken.map_err(|_full| NoPlace::Refused));
        }
        let ended = self.patience.get_or_insert_with(|| Patience::new(self.call, self.max_wait)).poll(context);
        if ended.is_ready() {
            self.claim.release();
        }
        ended.map(Err)
    }

    pub(in crate::policies) fn call(&self) -> &'a Call {
        self.call
    }

    pub(in crate::policies) fn claim(&mut self) -> &mut Claim<P> {
        &mut self.claim
    }

    pub(in crate::policies) fn into_claim(self) -> Claim<P> {
        self.claim
    }
}

impl Patience {
    fn new(call: &Call, max_wait: Option<Duration>) -> Self {
        let limit = max_wait.map(|wait| Deadline::after(call.clock(), wait));
        let end = [call.deadline(), limit].into_iter().flatten().reduce(Deadline::min);
        Self { cancelled: call.token().cancelled(), timer: end.map(|end| Timer::new(call.clock(), end.moment())) }
    }

    fn poll(&mut self, context: &mut Context<'_>) -> Poll<NoPlace> {
        if let Poll::Ready(reason) = Pin::new(&mut self.cancelled).poll(context) {
            return Poll::Ready(NoPlace::Cancelled(reason));
        }
        match &mut self.timer {
            Some(timer) => timer.poll(context).map(|()| NoPlace::Refused),
            None => Poll::Pending,
        }
    }
}
