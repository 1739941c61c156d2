//! Stops calling what keeps failing, and finds out carefully when it works again. `rule.rs` judges one call,
//! `state.rs` counts and moves, `permit.rs` is the guard that a caller holds; this file shows and overrides.
//! Surprise: put the time-out inside the breaker, or a call that hangs is never judged.

use super::Around;
use crate::{Call, Clock, Error, Events, call::Bounded, error::Fault};
use permit::Guard;
use state::{Settings, Shared};
use std::{borrow::Cow, sync::Arc, time::Duration};

mod guarded;
mod permit;
mod rule;
mod state;

pub(crate) use guarded::Guarded;
pub use permit::Permit;
pub use rule::OpenReason;
pub use state::BreakerState;

/// A circuit breaker; clones share their state. A builder method gives a new breaker, closed.
///
/// ```
/// use std::time::Duration;
/// use steadfast::{Breaker, BreakerState, Call, CancelToken, Code, Error};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let breaker = Breaker::consecutive(2).open_for(Duration::from_secs(30)).named("shop");
/// let call = Call::new("buy", &CancelToken::root("program"));
/// for _ in 0..2 {
///     breaker.run(&call, async { Err::<(), _>(Error::unavailable("shop")) }).await.unwrap_err();
/// }
/// assert!(matches!(breaker.state(), BreakerState::Open { .. }));
/// let refused = breaker.run(&call, async { Ok(()) }).await.unwrap_err();
/// assert_eq!(refused.code(), Code::CIRCUIT_OPEN);
/// assert!(refused.retry_after().unwrap() <= Duration::from_secs(30));
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct Breaker {
    shared: Arc<Shared>,
}

impl Breaker {
    /// Opens after this many failures in a row (at least 1), for 30 s, then lets one probe through.
    pub fn consecutive(failures: u32) -> Self {
        Self::new(Settings {
            failures: failures.max(1),
            open_for: crate::Code::CIRCUIT_OPEN_WAIT,
            probes: 1,
            target: Cow::Borrowed("target"),
            clock: Clock::real(),
            events: Events::none(),
        })
    }

    /// How long it refuses everything before it lets probes through. Default 30 s.
    #[must_use]
    pub fn open_for(&self, open_for: Duration) -> Self {
        Self::new(Settings { open_for, ..self.settings() })
    }

    /// How many probes may be under way at once, and must succeed, before it closes (at least 1). Default 1.
    #[must_use]
    pub fn half_open_probes(&self, probes: u32) -> Self {
        Self::new(Settings { probes: probes.max(1), ..self.settings() })
    }

    /// What it protects, for errors and events.
    #[must_use]
    pub fn named(&self, target: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Settings { target: target.into(), ..self.settings() })
    }

    /// Its time. Give it the calls' clock when that is a manual one.
    #[must_use]
    pub fn with_clock(&self, clock: Clock) -> Self {
        Self::new(Settings { clock, ..self.settings() })
    }

    /// Where its moves are reported.
    #[must_use]
    pub fn with_events(&self, events: Events) -> Self {
        Self::new(Settings { events, ..self.settings() })
    }

    fn new(settings: Settings) -> Self {
        Self { shared: Arc::new(Shared::new(settings)) }
    }

    fn settings(&self) -> Settings {
        self.shared.settings.clone()
    }
}

/// Using it.
impl Breaker {
    /// Runs `work` if it may, and learns from how it ends. Refuses with `CIRCUIT_OPEN`, which carries the time
    /// to wait. Work that is dropped half-way is judged by the call: a deadline that passed or a cancellation
    /// for a time limit is a failure, everything else says nothing about the target. A panic is a failure.
    pub fn run<'a, T, F>(&'a self, call: &'a Call, work: F) -> impl Future<Output = Result<T, Error>> + use<'a, T, F>
    where
        F: Future<Output = Result<T, Error>>,
    {
        self.around(call, work)
    }

    /// Asks to be let through, for work that is no single future, for instance a stream. Say how it ended.
    pub fn enter(&self) -> Result<Permit, Error> {
        Guard::enter(self.clone()).map(Permit::new).map_err(Error::from)
    }

    /// How it stands now.
    pub fn state(&self) -> BreakerState {
        self.shared.state()
    }

    /// What it protects.
    pub fn target(&self) -> &str {
        &self.shared.settings.target
    }

    /// Refuses everything until [`Breaker::force_close`].
    pub fn force_open(&self) {
        self.shared.force_open();
    }

    /// Lets calls pass again, from now on counting failures from zero. What was under way before is not judged.
    pub fn force_close(&self) {
        self.shared.force_close();
    }
}

impl Around for Breaker {
    type Future<'a, T, X, F>
        = Guarded<'a, Bounded<'a, F>>
    where
        X: Fault,
        F: Future<Output = Result<T, X>>;

    fn around<'a, T, X, F>(&'a self, call: &'a Call, work: F) -> Self::Future<'a, T, X, F>
    where
        X: Fault,
        F: Future<Output = Result<T, X>>,
    {
        guarded(Some(self), call, Bounded::new(call, None, work))
    }
}

/// `around` without its own watch on the call, for work that is bounded already.
pub(crate) fn guarded<'a, F>(breaker: Option<&'a Breaker>, call: &'a Call, work: F) -> Guarded<'a, F> {
    Guarded::new(breaker.map(|breaker| permit::During { breaker, call }), work)
}
