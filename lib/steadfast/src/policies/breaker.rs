//! Stops calling what keeps failing, and finds out carefully when it works again. `making.rs` is what it can be told,
//! `rule.rs` judges, `state.rs` is what every call does, `moves.rs` what happens under the lock, `tally.rs` and
//! `window.rs` count, `permit.rs` is the guard that a caller holds; this file uses, shows and overrides.
//! Surprise: put the time-out inside the breaker, or a call that hangs is judged only as an abandoned one.

use super::{Around, TryFuture};
use crate::{Call, Error, Rejection, call::Bounded};
use settings::Settings;
use state::{Identity, Shared};
use std::sync::Arc;

mod gate;
mod guarded;
mod keyed;
mod making;
mod moves;
mod pause;
mod permit;
mod place;
mod rule;
mod settings;
mod state;
mod tally;
mod window;

pub(crate) use guarded::Guarded;
pub use keyed::Breakers;
pub use permit::Permit;
pub use rule::{ObservedMove, OpenReason};
pub use settings::Abandoned;
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

/// Using it.
impl Breaker {
    /// Runs `work` if it may, and learns from how it ends. Refuses with `CIRCUIT_OPEN`, which carries the time
    /// to wait. Work that is dropped half-way is judged by the call: a deadline that passed or a cancellation
    /// for a time limit is a failure, any other cancellation says nothing about the target, and when there is no
    /// reason at all [`Breaker::abandoned`] decides. A panic is a failure. Cancel safe when the work is.
    ///
    /// ```
    /// use steadfast::{Breaker, Call, CancelToken, Error};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Error> {
    /// let call = Call::new("add", &CancelToken::root("program"));
    /// let sum = Breaker::consecutive(3).run(&call, async { Ok(1 + 1) }).await?;
    /// assert_eq!(sum, 2);
    /// # Ok(()) }
    /// ```
    pub fn run<'a, T, F>(&'a self, call: &'a Call, work: F) -> impl Future<Output = Result<T, Error>> + use<'a, T, F>
    where
        F: Future<Output = Result<T, Error>>,
    {
        self.around(call, work)
    }

    /// Asks to be let through, for work that is no single future, for instance a stream. Say how it ended.
    /// Refuses with `CIRCUIT_OPEN`. [`Breaker::enter_for`] knows more about a permit that is dropped.
    ///
    /// ```
    /// use steadfast::{Breaker, Error};
    ///
    /// let breaker = Breaker::consecutive(3);
    /// let permit = breaker.enter()?;
    /// permit.success();
    /// # Ok::<(), Error>(())
    /// ```
    pub fn enter(&self) -> Result<Permit, Error> {
        self.try_enter().map_err(Error::from)
    }

    /// Asks to be let through for a call: when the permit is dropped without a word, the call's cancel reason and
    /// deadline say what that means, and the breaker's moves are reported where the call reports.
    ///
    /// ```
    /// use steadfast::{Breaker, BreakerState, Call, CancelReason, CancelToken, Error};
    ///
    /// let breaker = Breaker::consecutive(1);
    /// let call = Call::new("listen", &CancelToken::root("program"));
    /// let permit = breaker.enter_for(&call)?;
    /// call.token().cancel(CancelReason::AttemptTimeout);
    /// drop(permit);
    /// assert!(matches!(breaker.state(), BreakerState::Open { .. }));
    /// # Ok::<(), Error>(())
    /// ```
    pub fn enter_for(&self, call: &Call) -> Result<Permit, Error> {
        self.permit(Some(call)).map_err(Error::from)
    }

    /// Like [`Breaker::enter`], but a refusal is a plain value: no lock, no allocation.
    ///
    /// ```
    /// use steadfast::{Breaker, RejectedBy};
    ///
    /// let breaker = Breaker::consecutive(1).named("shop");
    /// breaker.force_open();
    /// let refused = breaker.try_enter().unwrap_err();
    /// assert_eq!(refused.by, RejectedBy::Breaker);
    /// assert_eq!(refused.target, "shop");
    /// ```
    pub fn try_enter(&self) -> Result<Permit, Rejection> {
        self.permit(None)
    }

    /// How it stands now. Takes the lock for a moment.
    ///
    /// ```
    /// use steadfast::{Breaker, BreakerState};
    ///
    /// assert_eq!(Breaker::consecutive(3).state(), BreakerState::Closed);
    /// ```
    pub fn state(&self) -> BreakerState {
        self.shared.state()
    }

    /// What it protects.
    ///
    /// ```
    /// use steadfast::Breaker;
    /// assert_eq!(Breaker::consecutive(3).target(), "target");
    /// ```
    pub fn target(&self) -> &str {
        &self.shared.identity.target
    }
}

/// By hand.
impl Breaker {
    /// Isolates the target: refuses everything until [`Breaker::release`] or [`Breaker::force_close`], even when it
    /// only observes.
    ///
    /// ```
    /// use steadfast::Breaker;
    /// let breaker = Breaker::consecutive(3);
    /// breaker.force_open();
    /// assert!(breaker.enter().is_err());
    /// ```
    pub fn force_open(&self) {
        self.shared.force_open();
    }

    /// Lets calls pass again, from now on counting from zero. What was under way before is not judged.
    ///
    /// ```
    /// use steadfast::Breaker;
    /// let breaker = Breaker::consecutive(3);
    /// breaker.force_open();
    /// breaker.force_close();
    /// assert!(breaker.enter().is_ok());
    /// ```
    pub fn force_close(&self) {
        self.shared.force_close();
    }

    /// Ends the isolation carefully: the next calls are probes, and what they find decides. Does nothing when it
    /// was not opened by hand.
    ///
    /// ```
    /// use steadfast::{Breaker, BreakerState, Error};
    ///
    /// let breaker = Breaker::consecutive(1);
    /// breaker.force_open();
    /// assert!(breaker.enter().is_err());
    /// breaker.release();
    /// assert_eq!(breaker.state(), BreakerState::HalfOpen);
    /// breaker.enter()?.success();
    /// assert_eq!(breaker.state(), BreakerState::Closed);
    /// # Ok::<(), Error>(())
    /// ```
    pub fn release(&self) {
        self.shared.release();
    }

    /// Takes the settings of `like` (rules, window, pauses, probes) and keeps its own state, counters, name, clock
    /// and events. All clones change. A pause that has begun ends as planned. When the window becomes another kind
    /// or another length of time, what it holds is carried over as calls of this moment; a call that ends in this
    /// very moment may be missed.
    ///
    /// ```
    /// use steadfast::{Breaker, BreakerState, Error};
    ///
    /// let breaker = Breaker::consecutive(5);
    /// breaker.enter()?.failure(&Error::unavailable("shop"));
    /// breaker.reconfigure(&Breaker::consecutive(2));
    /// breaker.enter()?.failure(&Error::unavailable("shop"));
    /// assert!(matches!(breaker.state(), BreakerState::Open { .. }));
    /// # Ok::<(), Error>(())
    /// ```
    pub fn reconfigure(&self, like: &Self) {
        // Copied first: `like` may be this breaker.
        let settings = like.settings();
        self.shared.reconfigure(settings);
    }
}

impl Breaker {
    fn new(settings: Settings, identity: Identity) -> Self {
        Self { shared: Arc::new(Shared::new(settings, identity)) }
    }

    fn settings(&self) -> Settings {
        self.shared.lock().settings.clone()
    }
}

impl Around for Breaker {
    type Future<'a, F: TryFuture> = Guarded<'a, Bounded<'a, F>>;

    fn around<'a, F: TryFuture>(&'a self, call: &'a Call, work: F) -> Self::Future<'a, F> {
        guarded(self, call, Bounded::new(call, None, work))
    }
}

/// `around` without its own watch on the call, for work that is bounded already.
pub(crate) fn guarded<'a, F>(breaker: &'a Breaker, call: &'a Call, work: F) -> Guarded<'a, F> {
    Guarded::new(permit::During { breaker, call }, work)
}
