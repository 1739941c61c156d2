//! The guard of a call that was let through. Whatever happens to the call, its place is given back, once.

use super::{
    Breaker,
    rule::{self, Verdict},
    state::{Ticket, Took},
};
use crate::{
    Call, CancelReason, Events,
    error::{Fault, RejectedBy, Rejection},
};

/// Leave to do one piece of work, for instance to read a stream. It can be kept as long as needed and moved between
/// tasks. Say how it ended.
///
/// Dropping it without a word during a panic is a failure. Otherwise, one of [`Breaker::enter_for`] is judged by its
/// call (a deadline that passed or a cancellation for a time limit is a failure, any other cancellation says
/// nothing); without a reason, [`Abandoned`](crate::Abandoned) decides.
///
/// ```
/// use steadfast::{Breaker, Error};
///
/// let breaker = Breaker::consecutive(3).named("shop");
/// let mut permit = breaker.enter()?;
/// // open the stream ...
/// permit.first_byte();
/// // read it to its end ...
/// permit.success();
/// # Ok::<(), Error>(())
/// ```
#[derive(Debug)]
#[must_use = "dropping it at once lets the call through without learning from it"]
pub struct Permit(Guard<Held>);

impl Permit {
    /// The target answers: from here on the work may take as long as it likes. With
    /// [`Breaker::slow_calls`] the time until now is what counts; without, nothing happens.
    ///
    /// ```
    /// use std::time::Duration;
    /// use steadfast::{Breaker, Error};
    ///
    /// let breaker = Breaker::failure_rate(0.5).slow_calls(Duration::from_secs(10), 0.5);
    /// let mut permit = breaker.enter()?;
    /// // the first chunk came ...
    /// permit.first_byte();
    /// # permit.success();
    /// # Ok::<(), Error>(())
    /// ```
    pub fn first_byte(&mut self) {
        if let Took::Since(began) = self.0.took {
            let shared = &self.0.admitted.breaker.shared;
            self.0.took = Took::Known { slow: shared.is_slow(shared.now().saturating_sub(began)) };
        }
    }

    /// The work succeeded.
    ///
    /// ```
    /// steadfast::Breaker::consecutive(3).enter()?.success();
    /// # Ok::<(), steadfast::Error>(())
    /// ```
    pub fn success(mut self) {
        self.0.settle(Verdict::Success);
    }

    /// The work failed; whether that speaks against the target is read from the error.
    ///
    /// ```
    /// use steadfast::{Breaker, Error};
    ///
    /// Breaker::consecutive(3).enter()?.failure(&Error::connection_lost("shop"));
    /// # Ok::<(), Error>(())
    /// ```
    pub fn failure<X: Fault>(mut self, error: &X) {
        self.0.settle(rule::judge(Some(error)));
    }

    /// The work ended like this.
    ///
    /// ```
    /// use steadfast::{Breaker, Error};
    ///
    /// let breaker = Breaker::consecutive(3);
    /// let permit = breaker.enter()?;
    /// let read: Result<String, Error> = Ok("the page".into());
    /// permit.done(&read);
    /// # Ok::<(), Error>(())
    /// ```
    pub fn done<T, X: Fault>(mut self, result: &Result<T, X>) {
        self.0.settle(rule::judge(result.as_ref().err()));
    }
}

/// Who was let in, and what is known when it is dropped without a word.
pub(super) trait Admitted {
    fn breaker(&self) -> &Breaker;

    fn call(&self) -> Option<&Call>;

    /// The breaker's own listeners, or else the call's.
    fn events(&self) -> &Events {
        let own = &self.breaker().shared.identity.events;
        self.call().filter(|_| own.is_empty()).map_or(own, Call::events)
    }

    fn cut_by(&self) -> Option<CancelReason> {
        let call = self.call()?;
        let past = || call.deadline().is_some_and(|deadline| deadline.is_past(call.clock()));
        call.token().reason().or_else(|| past().then_some(CancelReason::Deadline))
    }
}

/// A permit keeps its breaker alive.
#[derive(Debug)]
pub(super) struct Held {
    breaker: Breaker,
    // Boxed, so that permits without a call and refusals stay small.
    call: Option<Box<Call>>,
}

impl Admitted for Held {
    fn breaker(&self) -> &Breaker {
        &self.breaker
    }

    fn call(&self) -> Option<&Call> {
        self.call.as_deref()
    }
}

/// A future that is inside; it borrows, so that the success path touches nothing shared.
#[derive(Debug, Clone, Copy)]
pub(super) struct During<'a> {
    pub(super) breaker: &'a Breaker,
    pub(super) call: &'a Call,
}

impl Admitted for During<'_> {
    fn breaker(&self) -> &Breaker {
        self.breaker
    }

    fn call(&self) -> Option<&Call> {
        Some(self.call)
    }
}

#[derive(Debug)]
pub(super) struct Guard<A: Admitted> {
    pub(super) admitted: A,
    ticket: Ticket,
    took: Took,
}

impl<A: Admitted> Guard<A> {
    /// Not let in yet.
    pub(super) fn outside(admitted: A) -> Self {
        Self { admitted, ticket: Ticket::Outside, took: Took::NoTime }
    }

    pub(super) fn is_outside(&self) -> bool {
        self.ticket == Ticket::Outside
    }

    #[inline]
    pub(super) fn enter(&mut self) -> Result<(), Rejection> {
        let breaker = self.admitted.breaker();
        self.ticket = match breaker.shared.gate.open_to_all() {
            Some(generation) => Ticket::Inside(generation),
            None => breaker.admit(self.admitted.events())?,
        };
        Ok(())
    }

    /// From now on it takes time.
    pub(super) fn begin(&mut self) {
        if let Took::NoTime = self.took {
            self.took = self.admitted.breaker().shared.begin();
        }
    }

    #[inline]
    pub(super) fn settle(&mut self, verdict: Verdict) {
        let Ticket::Inside(generation) = std::mem::replace(&mut self.ticket, Ticket::Outside) else { return };
        let shared = &self.admitted.breaker().shared;
        let at_once = verdict == Verdict::Success && matches!(self.took, Took::NoTime);
        if !(at_once && shared.settle_healthy(generation)) {
            shared.settle(generation, verdict, self.took, self.admitted.events());
        }
    }

    #[cold]
    fn judge_dropped(&self) -> Verdict {
        if std::thread::panicking() {
            return Verdict::Failure;
        }
        let abandoned = || self.admitted.breaker().shared.judge_abandoned(self.took);
        self.admitted.cut_by().map_or_else(abandoned, rule::judge_cancelled)
    }
}

impl<A: Admitted> Drop for Guard<A> {
    fn drop(&mut self) {
        if let Ticket::Inside(_) = self.ticket {
            let verdict = self.judge_dropped();
            self.settle(verdict);
        }
    }
}

impl Breaker {
    /// A refusal costs no lock and no allocation.
    fn admit(&self, events: &Events) -> Result<Ticket, Rejection> {
        let refused = |wait| Rejection::new(RejectedBy::Breaker, &self.shared.identity.target).retry_after(wait);
        self.shared.admit(events).map_err(refused)
    }

    pub(super) fn permit(&self, call: Option<&Call>) -> Result<Permit, Rejection> {
        let own = &self.shared.identity.events;
        let events = call.filter(|_| own.is_empty()).map_or(own, Call::events);
        let ticket = match self.shared.gate.open_to_all() {
            Some(generation) => Ticket::Inside(generation),
            None => self.admit(events)?,
        };
        let admitted = Held { breaker: self.clone(), call: call.cloned().map(Box::new) };
        Ok(Permit(Guard { admitted, ticket, took: self.shared.begin() }))
    }
}
