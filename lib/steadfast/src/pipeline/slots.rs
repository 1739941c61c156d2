//! What may stand in a place: a policy, nothing (`()`), or, for pipelines made from settings, perhaps a policy. Nobody
//! outside can add to these lists; what wraps one attempt and is not listed is a limit, and those are open.

use crate::{
    Breaker, Call, Retry,
    error::Fault,
    policies::{Guarded, Plan, guarded},
};
use pin_project_lite::pin_project;
use std::{
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

/// The deadline, or the time limit of an attempt.
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

/// Who says whether another attempt follows. Without a plan there is one attempt.
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

/// The breaker, around work that is bounded already.
pub trait BreakerSlot {
    type Future<'a, T, X, F>: Future<Output = Result<T, X>>
    where
        Self: 'a,
        X: Fault,
        F: Future<Output = Result<T, X>>;

    fn guard<'a, T, X, F>(&'a self, call: &'a Call, work: F) -> Self::Future<'a, T, X, F>
    where
        X: Fault,
        F: Future<Output = Result<T, X>>;
}

impl BreakerSlot for () {
    type Future<'a, T, X, F>
        = F
    where
        X: Fault,
        F: Future<Output = Result<T, X>>;

    fn guard<'a, T, X, F>(&'a self, _: &'a Call, work: F) -> F
    where
        X: Fault,
        F: Future<Output = Result<T, X>>,
    {
        work
    }
}

impl BreakerSlot for Breaker {
    type Future<'a, T, X, F>
        = Guarded<'a, F>
    where
        X: Fault,
        F: Future<Output = Result<T, X>>;

    fn guard<'a, T, X, F>(&'a self, call: &'a Call, work: F) -> Guarded<'a, F>
    where
        X: Fault,
        F: Future<Output = Result<T, X>>,
    {
        guarded(self, call, work)
    }
}

impl BreakerSlot for Option<Breaker> {
    type Future<'a, T, X, F>
        = Perhaps<'a, F>
    where
        X: Fault,
        F: Future<Output = Result<T, X>>;

    fn guard<'a, T, X, F>(&'a self, call: &'a Call, work: F) -> Perhaps<'a, F>
    where
        X: Fault,
        F: Future<Output = Result<T, X>>,
    {
        match self {
            Some(breaker) => Perhaps::Inside { work: guarded(breaker, call, work) },
            None => Perhaps::Bare { work },
        }
    }
}

pin_project! {
    /// Work inside a breaker, or bare.
    #[project = PerhapsProjection]
    #[must_use = "futures do nothing unless awaited"]
    pub enum Perhaps<'a, F> {
        Inside { #[pin] work: Guarded<'a, F> },
        Bare { #[pin] work: F },
    }
}

impl<T, X: Fault, F: Future<Output = Result<T, X>>> Future for Perhaps<'_, F> {
    type Output = Result<T, X>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        match self.project() {
            PerhapsProjection::Inside { work } => work.poll(context),
            PerhapsProjection::Bare { work } => work.poll(context),
        }
    }
}
