//! What the breaker's tests do to a breaker, in one place.

use std::time::Duration;
use steadfast::{Breaker, BreakerState, Clock, Error, Permit};

pub(crate) const SECOND: Duration = Duration::from_secs(1);

pub(crate) fn succeed(breaker: &Breaker) {
    let entered = breaker.enter().map(Permit::success);
    assert!(entered.is_ok(), "{entered:?}");
}

pub(crate) fn fail(breaker: &Breaker) {
    let entered = breaker.enter().map(|permit| permit.failure(&Error::unavailable("shop")));
    assert!(entered.is_ok(), "{entered:?}");
}

pub(crate) fn is_open(breaker: &Breaker) -> bool {
    matches!(breaker.state(), BreakerState::Open { .. })
}

/// The same rules on a clock that is moved by hand.
pub(crate) fn manual(breaker: &Breaker) -> (Breaker, Clock) {
    let clock = Clock::manual();
    (breaker.with_clock(clock.clone()), clock)
}
