//! Making a breaker. Each method gives a new one, closed and with counters of its own: set up first, clone then.
//! Numbers that make no sense are taken as the nearest that do.

use super::{
    Abandoned, Breaker,
    gate::MOST_FAILURES,
    settings::{Settings, SlowLimit, Span},
    state::Identity,
};
use crate::{Clock, Events, Name};
use std::time::Duration;

/// Making one. Every method gives a new breaker, closed and with nothing counted.
impl Breaker {
    /// Opens after this many failures in a row (at least 1), for 30 s, then lets one probe through.
    ///
    /// ```
    /// use steadfast::{Breaker, BreakerState, Error};
    ///
    /// let breaker = Breaker::consecutive(2);
    /// for _ in 0..2 {
    ///     assert_eq!(breaker.state(), BreakerState::Closed);
    ///     breaker.enter()?.failure(&Error::unavailable("shop"));
    /// }
    /// assert!(matches!(breaker.state(), BreakerState::Open { .. }));
    /// # Ok::<(), Error>(())
    /// ```
    pub fn consecutive(failures: u32) -> Self {
        let consecutive = Some(failures.clamp(1, MOST_FAILURES));
        Self::new(Settings { consecutive, ..Settings::nothing() }, Identity::default())
    }

    /// Opens when this share of the calls in its window has failed: from 0 (any failure) to 1 (all of them). The
    /// window is the last 100 calls, and at least 20 of them are needed, until told otherwise. It is judged when a
    /// call fails or is slow: a success never opens a breaker.
    ///
    /// ```
    /// use std::time::Duration;
    /// use steadfast::Breaker;
    ///
    /// let by_calls = Breaker::failure_rate(0.5).window_calls(100).min_calls(20);
    /// let by_time = Breaker::failure_rate(0.5).window(Duration::from_secs(30)).min_calls(20);
    /// # let _ = (by_calls, by_time);
    /// ```
    pub fn failure_rate(rate: f64) -> Self {
        Self::new(Settings { failure_rate: Some(share(rate)), ..Settings::nothing() }, Identity::default())
    }

    /// Opens at this failure rate too; see [`Breaker::failure_rate`].
    ///
    /// ```
    /// use std::time::Duration;
    /// use steadfast::Breaker;
    ///
    /// let breaker = Breaker::consecutive(5).or_failure_rate(0.5).window(Duration::from_secs(30));
    /// # let _ = breaker;
    /// ```
    #[must_use]
    pub fn or_failure_rate(&self, rate: f64) -> Self {
        self.with(|settings| settings.failure_rate = Some(share(rate)))
    }

    /// Opens, too, when this share of the calls in its window took longer than `over`, whether they succeeded or
    /// not. A call that was given up after so long counts as slow, whatever the reason was.
    ///
    /// A future is measured from when it first has to wait: one that is ready at once is not slow and costs no look
    /// at the clock. A permit is measured from [`Breaker::enter`] to its first byte, or to its end when it never
    /// has one. A slow probe opens the breaker again.
    ///
    /// ```
    /// use std::time::Duration;
    /// use steadfast::Breaker;
    ///
    /// let breaker = Breaker::failure_rate(0.5).slow_calls(Duration::from_secs(10), 0.8);
    /// # let _ = breaker;
    /// ```
    #[must_use]
    pub fn slow_calls(&self, over: Duration, rate: f64) -> Self {
        self.with(|settings| settings.slow = Some(SlowLimit { over, rate: share(rate) }))
    }

    /// The rates look at the last so many calls, exactly (1 to 1,000,000). Default 100. Takes the place of
    /// [`Breaker::window`].
    ///
    /// ```
    /// use steadfast::Breaker;
    /// let breaker = Breaker::failure_rate(0.5).window_calls(1000).min_calls(50);
    /// # let _ = breaker;
    /// ```
    #[must_use]
    pub fn window_calls(&self, calls: u32) -> Self {
        self.with(|settings| settings.span = Span::Calls(calls.clamp(1, MOST_CALLS)))
    }

    /// The rates look at the calls that ended in the last so much time (at least 10 ms), in ten buckets: a call is
    /// forgotten after nine to ten tenths of it. A call then costs a look at the clock. Takes the place of
    /// [`Breaker::window_calls`].
    ///
    /// ```
    /// use std::time::Duration;
    /// use steadfast::Breaker;
    ///
    /// let breaker = Breaker::failure_rate(0.5).window(Duration::from_secs(30));
    /// # let _ = breaker;
    /// ```
    #[must_use]
    pub fn window(&self, length: Duration) -> Self {
        self.with(|settings| settings.span = Span::Time(length.max(SHORTEST_WINDOW)))
    }

    /// How many calls must be in the window before a rate means anything; at least 1, and never more than
    /// [`Breaker::window_calls`]. Default 20.
    ///
    /// ```
    /// use steadfast::{Breaker, BreakerState, Error};
    ///
    /// let breaker = Breaker::failure_rate(0.5).min_calls(2);
    /// breaker.enter()?.failure(&Error::unavailable("shop"));
    /// assert_eq!(breaker.state(), BreakerState::Closed);
    /// # Ok::<(), Error>(())
    /// ```
    #[must_use]
    pub fn min_calls(&self, calls: u32) -> Self {
        self.with(|settings| settings.min_calls = calls.max(1))
    }

    /// How long it refuses everything before it lets probes through. Default 30 s.
    ///
    /// ```
    /// use std::time::Duration;
    /// use steadfast::Breaker;
    ///
    /// let breaker = Breaker::consecutive(5).open_for(Duration::from_secs(5));
    /// # let _ = breaker;
    /// ```
    #[must_use]
    pub fn open_for(&self, open_for: Duration) -> Self {
        self.with(|settings| settings.pause.base = open_for)
    }

    /// Every further opening without a closing in between lasts `factor` times as long (at least 1), up to `max`
    /// (never below the first). Once closed it begins anew.
    ///
    /// ```
    /// use std::time::Duration;
    /// use steadfast::Breaker;
    ///
    /// // 1 s, 2 s, 4 s, .. 60 s, each half as long up to half as long again.
    /// let breaker =
    ///     Breaker::consecutive(5).open_for(Duration::from_secs(1)).growing(2.0, Duration::from_secs(60)).jitter(0.5);
    /// # let _ = breaker;
    /// ```
    #[must_use]
    pub fn growing(&self, factor: f64, max: Duration) -> Self {
        self.with(|settings| settings.pause = settings.pause.growing(factor, max))
    }

    /// How much chance there is in the open time: it is spread evenly from `1 - share` to `1 + share` of its
    /// length, so that many callers do not come back at once. From 0 to 1, default 0.
    ///
    /// ```
    /// use steadfast::Breaker;
    /// let breaker = Breaker::consecutive(5).jitter(0.5);
    /// # let _ = breaker;
    /// ```
    #[must_use]
    pub fn jitter(&self, share: f64) -> Self {
        self.with(|settings| settings.pause = settings.pause.jitter(share))
    }

    /// Makes the jitter the same each time, for tests and simulations.
    ///
    /// ```
    /// use steadfast::Breaker;
    /// let breaker = Breaker::consecutive(5).jitter(0.5).seed(7);
    /// # let _ = breaker;
    /// ```
    #[must_use]
    pub fn seed(&self, seed: u64) -> Self {
        self.with(|settings| settings.seed = Some(seed))
    }

    /// How many probes may be under way at once (at least 1), and must succeed before it closes when
    /// [`Breaker::half_open_successes`] does not say otherwise. Default 1.
    ///
    /// ```
    /// use steadfast::Breaker;
    /// let breaker = Breaker::consecutive(5).half_open_probes(3);
    /// # let _ = breaker;
    /// ```
    #[must_use]
    pub fn half_open_probes(&self, probes: u32) -> Self {
        self.with(|settings| settings.probes = probes.max(1))
    }

    /// How many probes must succeed before it closes (at least 1).
    ///
    /// ```
    /// use steadfast::Breaker;
    /// // One at a time, twice in a row.
    /// let breaker = Breaker::consecutive(5).half_open_successes(2);
    /// # let _ = breaker;
    /// ```
    #[must_use]
    pub fn half_open_successes(&self, successes: u32) -> Self {
        self.with(|settings| settings.successes = Some(successes.max(1)))
    }

    /// How long a probe may say nothing before the next one may go, so that a probe that hangs for ever does not keep
    /// everybody out for ever. Its late end is not judged. Make it longer than any good call takes, or more probes
    /// are under way than allowed. Default: as long as the last pause, and at least 5 s.
    ///
    /// ```
    /// use std::time::Duration;
    /// use steadfast::Breaker;
    ///
    /// let breaker = Breaker::consecutive(5).half_open_patience(Duration::from_secs(120));
    /// # let _ = breaker;
    /// ```
    #[must_use]
    pub fn half_open_patience(&self, patience: Duration) -> Self {
        self.with(|settings| settings.patience = Some(patience))
    }

    /// What a call says that is dropped without a word.
    ///
    /// ```
    /// use std::time::Duration;
    /// use steadfast::{Abandoned, Breaker};
    ///
    /// let breaker = Breaker::consecutive(5).abandoned(Abandoned::FailureAfter(Duration::from_secs(10)));
    /// # let _ = breaker;
    /// ```
    #[must_use]
    pub fn abandoned(&self, means: Abandoned) -> Self {
        self.with(|settings| settings.abandoned = means)
    }

    /// Judges, counts and emits what it would have done ([`Event::BreakerObserved`](crate::Event)), but refuses
    /// nobody, except when isolated by hand. For trying numbers out on real traffic.
    ///
    /// ```
    /// use steadfast::{Breaker, Error};
    ///
    /// let breaker = Breaker::consecutive(1).observe_only();
    /// breaker.enter()?.failure(&Error::unavailable("shop"));
    /// assert!(breaker.enter().is_ok());
    /// # Ok::<(), Error>(())
    /// ```
    #[must_use]
    pub fn observe_only(&self) -> Self {
        self.with(|settings| settings.observing = true)
    }

    /// What it protects, for errors and events.
    ///
    /// ```
    /// use steadfast::Breaker;
    /// assert_eq!(Breaker::consecutive(5).named("shop").target(), "shop");
    /// ```
    #[must_use]
    pub fn named(&self, target: impl Into<Name>) -> Self {
        Self::new(self.settings(), Identity { target: target.into(), ..self.identity() })
    }

    /// Its time. Give it the calls' clock when that is a manual one.
    ///
    /// ```
    /// use std::time::Duration;
    /// use steadfast::{Breaker, BreakerState, Clock, Error};
    ///
    /// let clock = Clock::manual();
    /// let breaker = Breaker::consecutive(1).with_clock(clock.clone());
    /// breaker.enter()?.failure(&Error::unavailable("shop"));
    /// clock.advance(Duration::from_secs(30));
    /// assert_eq!(breaker.state(), BreakerState::HalfOpen);
    /// # Ok::<(), Error>(())
    /// ```
    #[must_use]
    pub fn with_clock(&self, clock: Clock) -> Self {
        Self::new(self.settings(), Identity { clock, ..self.identity() })
    }

    /// Where its moves are reported. Without it they go where the calls report.
    ///
    /// ```
    /// use std::sync::Arc;
    /// use steadfast::{Breaker, BroadcastSink, Events};
    ///
    /// let feed = Arc::new(BroadcastSink::new(16));
    /// let breaker = Breaker::consecutive(1).with_events(Events::to(Arc::clone(&feed)));
    /// let mut reader = feed.subscribe();
    /// breaker.force_open();
    /// assert!(reader.try_recv().is_ok());
    /// ```
    #[must_use]
    pub fn with_events(&self, events: Events) -> Self {
        Self::new(self.settings(), Identity { events, ..self.identity() })
    }

    fn with(&self, change: impl FnOnce(&mut Settings)) -> Self {
        let mut settings = self.settings();
        change(&mut settings);
        Self::new(settings, self.identity())
    }

    fn identity(&self) -> Identity {
        self.shared.identity.clone()
    }
}

/// A share between none and all; no number at all is one half.
fn share(rate: f64) -> f64 {
    if rate.is_nan() { 0.5 } else { rate.clamp(0.0, 1.0) }
}

/// A window of calls keeps up to 16 bytes for each of them when most are failures.
const MOST_CALLS: u32 = 1_000_000;

/// A bucket is at least a millisecond, about what a timer can tell apart.
const SHORTEST_WINDOW: Duration = Duration::from_millis(10);
