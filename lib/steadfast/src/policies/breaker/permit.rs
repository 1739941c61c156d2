//! The guard of a call that was let through. Whatever happens to the call, its place is given back, once.

use super::{
    Breaker,
    rule::{self, Verdict},
    state::Ticket,
};
use crate::{
    Call, CancelReason, Error, Events,
    error::{RejectedBy, Rejection},
};

/// Leave to do one piece of work. Say how it ended; dropping it says nothing, except during a panic, which is a
/// failure. It can be kept as long as needed and moved between tasks.
///
/// ```
/// use steadfast::{Breaker, Error};
///
/// let breaker = Breaker::consecutive(3).named("shop");
/// let permit = breaker.enter()?;
/// // read a stream to its end ...
/// permit.success();
/// # Ok::<(), Error>(())
/// ```
#[derive(Debug)]
#[must_use = "dropping it at once lets the call through without learning from it"]
pub struct Permit(Guard<Breaker>);

impl Permit {
    pub(super) fn new(guard: Guard<Breaker>) -> Self {
        Self(guard)
    }

    /// The work succeeded.
    pub fn success(mut self) {
        self.0.settle(Verdict::Success);
    }

    /// The work failed; whether that speaks against the target is read from the error.
    pub fn failure(mut self, error: &Error) {
        self.0.settle(rule::judge(Some(error)));
    }
}

/// Who was let in, and what is known when it is dropped without a word.
pub(super) trait Admitted {
    fn breaker(&self) -> &Breaker;

    fn events(&self) -> &Events {
        &self.breaker().shared.settings.events
    }

    fn cut_by(&self) -> Option<CancelReason> {
        None
    }
}

impl Admitted for Breaker {
    fn breaker(&self) -> &Breaker {
        self
    }
}

/// A future that is inside; it borrows, so that the success path touches nothing shared.
#[derive(Clone, Copy)]
pub(super) struct During<'a> {
    pub(super) breaker: &'a Breaker,
    pub(super) call: &'a Call,
}

impl Admitted for During<'_> {
    fn breaker(&self) -> &Breaker {
        self.breaker
    }

    fn events(&self) -> &Events {
        let own = &self.breaker.shared.settings.events;
        if own.is_empty() { self.call.events() } else { own }
    }

    fn cut_by(&self) -> Option<CancelReason> {
        let past = |call: &Call| call.deadline().is_some_and(|deadline| deadline.is_past(call.clock()));
        self.call.token().reason().or_else(|| past(self.call).then_some(CancelReason::Deadline))
    }
}

#[derive(Debug)]
pub(super) struct Guard<A: Admitted> {
    admitted: A,
    /// `None` once it was settled.
    ticket: Option<Ticket>,
}

impl<A: Admitted> Guard<A> {
    pub(super) fn enter(admitted: A) -> Result<Self, Rejection> {
        let breaker = admitted.breaker();
        match breaker.shared.admit(admitted.events()) {
            Ok(ticket) => Ok(Self { ticket: Some(ticket), admitted }),
            Err(wait) => {
                Err(Rejection::new(RejectedBy::Breaker, breaker.shared.settings.target.clone()).retry_after(wait))
            }
        }
    }

    pub(super) fn settle(&mut self, verdict: Verdict) {
        if let Some(ticket) = self.ticket.take() {
            self.admitted.breaker().shared.settle(ticket, verdict, self.admitted.events());
        }
    }
}

impl<A: Admitted> Drop for Guard<A> {
    fn drop(&mut self) {
        if self.ticket.is_none() {
            return;
        }
        let verdict = if std::thread::panicking() {
            Verdict::Failure
        } else {
            self.admitted.cut_by().map_or(Verdict::Neutral, rule::judge_cancelled)
        };
        self.settle(verdict);
    }
}
