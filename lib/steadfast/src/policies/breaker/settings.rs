//! What a breaker is told, as plain data. `making.rs` fills it in, and lets no nonsense pass.

use super::pause::Pause;
use std::time::Duration;

#[derive(Debug, Clone)]
pub(super) struct Settings {
    pub(super) consecutive: Option<u32>,
    pub(super) failure_rate: Option<f64>,
    pub(super) slow: Option<SlowLimit>,
    pub(super) span: Span,
    pub(super) min_calls: u32,
    pub(super) pause: Pause,
    pub(super) probes: u32,
    pub(super) successes: Option<u32>,
    pub(super) patience: Option<Duration>,
    pub(super) abandoned: Abandoned,
    pub(super) observing: bool,
    pub(super) seed: Option<u64>,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct SlowLimit {
    pub(super) over: Duration,
    pub(super) rate: f64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Span {
    Calls(u32),
    Time(Duration),
}

/// What a call says about the target when it was dropped without a word and without a reason: its token was not
/// cancelled, its deadline is not past, and nothing panicked. A time-out outside of the breaker looks like this; so
/// does a caller that lost interest. Put the time-out inside, or say here which of the two is likelier.
///
/// ```
/// use std::time::Duration;
/// use steadfast::{Abandoned, Breaker, BreakerState};
///
/// let breaker = Breaker::consecutive(1).abandoned(Abandoned::Failure);
/// drop(breaker.enter()?);
/// assert!(matches!(breaker.state(), BreakerState::Open { .. }));
/// # Ok::<(), steadfast::Error>(())
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Abandoned {
    /// Nothing. The default.
    #[default]
    Neutral,
    /// That the target failed.
    Failure,
    /// That the target failed, when the call had waited at least this long. Costs a look at the clock for calls
    /// that have to wait.
    FailureAfter(Duration),
}

impl Settings {
    /// The window, when a rate needs one.
    pub(super) fn span(&self) -> Option<Span> {
        (self.failure_rate.is_some() || self.slow.is_some()).then_some(self.span)
    }

    /// How many calls must be in the window before it is judged.
    pub(super) fn calls_needed(&self) -> u64 {
        match self.span {
            Span::Calls(size) => self.min_calls.min(size).into(),
            Span::Time(_) => self.min_calls.into(),
        }
    }

    /// How many probes must succeed.
    pub(super) fn successes_needed(&self) -> u32 {
        self.successes.unwrap_or(self.probes)
    }
}

impl Settings {
    /// Never opens by itself; everything else by default.
    pub(super) fn nothing() -> Self {
        Self {
            consecutive: None,
            failure_rate: None,
            slow: None,
            span: Span::Calls(100),
            min_calls: 20,
            pause: Pause::fixed(crate::Code::CIRCUIT_OPEN_WAIT),
            probes: 1,
            successes: None,
            patience: None,
            abandoned: Abandoned::Neutral,
            observing: false,
            seed: None,
        }
    }
}
