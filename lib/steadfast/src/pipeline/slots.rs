//! What may stand in a place: a policy, nothing (`()`), or, for pipelines made from settings, perhaps a policy. Nobody
//! outside can add to these lists; what wraps one attempt and is not listed is a limit, and those are open.

use crate::{
    Breaker, Breakers, Call, Retry, TryFuture,
    policies::{Guarded, Perhaps, Plan, guarded},
};
use std::{fmt, hash::Hash, time::Duration};

/// The deadline, or the time limit of an attempt. Outside it has no name: say
/// [`Pipeline::deadline`](crate::Pipeline::deadline).
pub trait TimeLimit {
    fn limit(&self) -> Option<Duration>;
}

impl TimeLimit for () {
    fn limit(&self) -> Option<Duration> {
        None
    }
}

impl TimeLimit for Duration {
    fn limit(&self) -> Option<Duration> {
        Some(*self)
    }
}

impl TimeLimit for Option<Duration> {
    fn limit(&self) -> Option<Duration> {
        *self
    }
}

/// Who says whether another attempt follows. Without a plan there is one attempt. Outside it has no name: say
/// [`Pipeline::retry`](crate::Pipeline::retry).
pub trait RetrySlot {
    type When;

    fn parts(&self) -> Option<(&Plan, &Self::When)>;
}

impl RetrySlot for () {
    type When = ();

    fn parts(&self) -> Option<(&Plan, &())> {
        None
    }
}

impl<W> RetrySlot for Retry<W> {
    type When = W;

    fn parts(&self) -> Option<(&Plan, &W)> {
        Some(self.parts())
    }
}

impl<W> RetrySlot for Option<Retry<W>> {
    type When = W;

    fn parts(&self) -> Option<(&Plan, &W)> {
        self.as_ref().map(Retry::parts)
    }
}

/// The breaker, around work that is bounded already. Outside it has no name: say
/// [`Pipeline::breaker`](crate::Pipeline::breaker).
pub trait BreakerSlot {
    fn handle(&self) -> Option<&Breaker>;

    type Future<'a, F: TryFuture>: TryFuture<Ok = F::Ok, Fault = F::Fault>
    where
        Self: 'a;

    fn guard<'a, F: TryFuture>(&'a self, call: &'a Call, work: F) -> Self::Future<'a, F>;
}

impl BreakerSlot for () {
    fn handle(&self) -> Option<&Breaker> {
        None
    }

    type Future<'a, F: TryFuture> = F;

    fn guard<'a, F: TryFuture>(&'a self, _: &'a Call, work: F) -> F {
        work
    }
}

impl BreakerSlot for Breaker {
    fn handle(&self) -> Option<&Breaker> {
        Some(self)
    }

    type Future<'a, F: TryFuture> = Guarded<'a, F>;

    fn guard<'a, F: TryFuture>(&'a self, call: &'a Call, work: F) -> Guarded<'a, F> {
        guarded(self, call, work)
    }
}

impl BreakerSlot for Option<Breaker> {
    fn handle(&self) -> Option<&Breaker> {
        self.as_ref()
    }

    type Future<'a, F: TryFuture> = Perhaps<Guarded<'a, F>, F>;

    fn guard<'a, F: TryFuture>(&'a self, call: &'a Call, work: F) -> Perhaps<Guarded<'a, F>, F> {
        match self {
            Some(breaker) => Perhaps::Inside { work: guarded(breaker, call, work) },
            None => Perhaps::Bare { work },
        }
    }
}

/// The breaker of one target of a chain. Outside it has no name: say [`Pipeline::breakers`](crate::Pipeline::breakers).
pub trait BreakerFor<T> {
    fn of(&self, target: &T) -> Option<Breaker>;
}

impl<T> BreakerFor<T> for () {
    fn of(&self, _: &T) -> Option<Breaker> {
        None
    }
}

/// One for all of them.
impl<T> BreakerFor<T> for Breaker {
    fn of(&self, _: &T) -> Option<Breaker> {
        Some(self.clone())
    }
}

impl<T: Eq + Hash + Clone + fmt::Display> BreakerFor<T> for Breakers<T> {
    fn of(&self, target: &T) -> Option<Breaker> {
        Some(Self::of(self, target))
    }
}
