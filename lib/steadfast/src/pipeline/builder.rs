//! One method for each place of a pipeline. It is there only while the place is empty, so nothing is said twice, and
//! nothing can be said in a wrong order, because the places have theirs.

use super::Pipeline;
use crate::{Around, Breaker, Breakers, Cache, Failed, Fallback, Retry};
use std::time::Duration;

impl<E, C, F, R, L, B, A> Pipeline<E, (), C, F, R, L, B, A> {
    /// How long everything together may take, from the start of a run; the call's own deadline stays when it is
    /// earlier. It costs a look at the clock and a copy of the call in each run. The work does not see it: what has to
    /// be handed on to others belongs on the [`Call`](crate::Call).
    #[must_use]
    pub fn deadline(self, deadline: Duration) -> Pipeline<E, Duration, C, F, R, L, B, A> {
        let Self { name, deadline: (), cache, fallback, retry, limits, breaker, attempt_timeout, error } = self;
        Pipeline { name, deadline, cache, fallback, retry, limits, breaker, attempt_timeout, error }
    }
}

impl<E, D, F, R, L, B, A> Pipeline<E, D, (), F, R, L, B, A> {
    /// What keeps answers, and lets callers who want the same thing at the same time share one run. Such a pipeline is
    /// run by `run_keyed`.
    #[expect(clippy::type_complexity, reason = "one parameter for each place")]
    #[must_use]
    pub fn cache<K, V>(self, cache: Cache<K, V, Failed<E>>) -> Pipeline<E, D, Cache<K, V, Failed<E>>, F, R, L, B, A> {
        let Self { name, deadline, cache: (), fallback, retry, limits, breaker, attempt_timeout, error } = self;
        Pipeline { name, deadline, cache, fallback, retry, limits, breaker, attempt_timeout, error }
    }
}

impl<E, D, C, R, L, B, A> Pipeline<E, D, C, (), R, L, B, A> {
    /// Whom to ask, one after the other: a [`Fallback`] or a [`Ranked`](crate::Ranked). Such a pipeline's work gets the
    /// target too. Its breaker should be one for each target: [`Pipeline::breakers`].
    #[must_use]
    pub fn fallback<T>(self, chain: impl Into<Fallback<T>>) -> Pipeline<E, D, C, Fallback<T>, R, L, B, A> {
        let Self { name, deadline, cache, fallback: (), retry, limits, breaker, attempt_timeout, error } = self;
        let fallback = chain.into();
        Pipeline { name, deadline, cache, fallback, retry, limits, breaker, attempt_timeout, error }
    }
}

impl<E, D, C, F, L, B, A> Pipeline<E, D, C, F, (), L, B, A> {
    /// When and how often to try again.
    #[must_use]
    pub fn retry<W>(self, retry: Retry<W>) -> Pipeline<E, D, C, F, Retry<W>, L, B, A> {
        let Self { name, deadline, cache, fallback, retry: (), limits, breaker, attempt_timeout, error } = self;
        Pipeline { name, deadline, cache, fallback, retry, limits, breaker, attempt_timeout, error }
    }
}

impl<E, D, C, F, R, B, A> Pipeline<E, D, C, F, R, (), B, A> {
    /// What each attempt has to pass: a limit, or several as a tuple, the first one outside.
    #[must_use]
    pub fn limits<L>(self, limits: L) -> Pipeline<E, D, C, F, R, L, B, A>
    where
        L: Around,
    {
        let Self { name, deadline, cache, fallback, retry, limits: (), breaker, attempt_timeout, error } = self;
        Pipeline { name, deadline, cache, fallback, retry, limits, breaker, attempt_timeout, error }
    }
}

impl<E, D, C, F, R, L, A> Pipeline<E, D, C, F, R, L, (), A> {
    /// What stops calling a target that keeps failing. Give a clone of the breaker that the target's other callers use.
    #[must_use]
    pub fn breaker(self, breaker: Breaker) -> Pipeline<E, D, C, F, R, L, Breaker, A> {
        let Self { name, deadline, cache, fallback, retry, limits, breaker: (), attempt_timeout, error } = self;
        Pipeline { name, deadline, cache, fallback, retry, limits, breaker, attempt_timeout, error }
    }

    /// One breaker for each target of a fallback chain.
    #[must_use]
    pub fn breakers<K>(self, breakers: Breakers<K>) -> Pipeline<E, D, C, F, R, L, Breakers<K>, A> {
        let Self { name, deadline, cache, fallback, retry, limits, breaker: (), attempt_timeout, error } = self;
        let breaker = breakers;
        Pipeline { name, deadline, cache, fallback, retry, limits, breaker, attempt_timeout, error }
    }
}

impl<E, D, C, F, R, L, B> Pipeline<E, D, C, F, R, L, B, ()> {
    /// How long one attempt may take, from the moment when it first has to wait. Waiting for a limit's place does not
    /// count.
    #[must_use]
    pub fn attempt_timeout(self, attempt_timeout: Duration) -> Pipeline<E, D, C, F, R, L, B, Duration> {
        let Self { name, deadline, cache, fallback, retry, limits, breaker, attempt_timeout: (), error } = self;
        Pipeline { name, deadline, cache, fallback, retry, limits, breaker, attempt_timeout, error }
    }
}
