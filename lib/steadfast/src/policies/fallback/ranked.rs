//! The chain whose order is measured. It is a `Fallback` with a tracker, and settings for it.

use super::{
    Fallback, Served,
    rank::{self, Record},
    tracker::{Settings, Tracker},
};
use crate::{Attempt, Call, Clock, Error};
use std::{fmt, sync::Arc, time::Duration};

/// A chain of targets, asked in the order of the expected time to an answer: mean latency divided by the share of
/// calls that served. Both fade with a half-life, so that what failed yesterday gets another chance. A target that
/// was never asked is asked first, once; equals are asked in the given order. Refusals by a breaker do not count, nor do
/// mistakes of the caller and stops.
///
/// Clones share what was measured; a builder method gives a chain that has measured nothing. Use calls of one clock.
///
/// ```
/// use std::time::Duration;
/// use steadfast::{Call, CancelToken, Error, Ranked};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Error> {
/// let call = Call::new("fetch the weather", &CancelToken::root("program"));
/// let stations = Ranked::new(["broken", "works"]).explore(0.0).half_life(Duration::from_secs(60));
/// let ask = async |station: &str| match station {
///     "broken" => Err(Error::unavailable(station)),
///     _ => Ok("sunny"),
/// };
/// let first = stations.run(&call, |station, _| ask(station)).await?;
/// assert!(first.degraded);
/// let second = stations.run(&call, |station, _| ask(station)).await?;
/// assert_eq!((*second.by, second.degraded), ("works", false));
/// # Ok(()) }
/// ```
#[derive(Debug)]
pub struct Ranked<T>(Fallback<T>);

/// How a target stands at the moment.
///
/// ```
/// use std::time::Duration;
/// use steadfast::{Call, CancelToken, Clock, Error, Ranked};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Error> {
/// let clock = Clock::manual();
/// let call = Call::new("fetch the weather", &CancelToken::root("program")).with_clock(clock.clone());
/// let stations = Ranked::new(["near", "far"]);
/// let ask = async || {
///     clock.advance(Duration::from_secs(2)); // so long it takes
///     Ok("sunny")
/// };
/// stations.run(&call, |_, _| ask()).await?;
/// let total: f64 = stations.standings(&clock).iter().map(|standing| standing.score).sum();
/// assert_eq!(total, 2.0); // 2 s for the one that was asked, 0 for the other, which is next
/// # Ok(()) }
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct Standing<'a, T> {
    /// Who.
    pub target: &'a T,
    /// The share of calls that served, with an imagined success in front: above 0, at most 1.
    pub success: f64,
    /// The mean time of an answer; `None` when none is remembered.
    pub latency: Option<Duration>,
    /// Seconds until an answer can be expected, 0 when it was never asked; the lowest is asked first.
    pub score: f64,
}

impl<T> Ranked<T> {
    /// The targets; the order settles what measuring does not. At most 64 are kept. Explores with 2 % of the calls,
    /// half-life 60 s, at most 4 targets per call.
    ///
    /// ```
    /// use steadfast::{Call, CancelToken, Error, Ranked};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Error> {
    /// let stations = Ranked::new(["near", "far"]).explore(0.0);
    /// let call = Call::new("fetch the weather", &CancelToken::root("program"));
    /// // Nothing is measured yet, so each is asked once, in the order given.
    /// for station in ["near", "far"] {
    ///     assert_eq!(*stations.run(&call, |_, _| async { Ok("sunny") }).await?.by, station);
    /// }
    /// # Ok(()) }
    /// ```
    pub fn new(targets: impl IntoIterator<Item = T>) -> Self {
        let fallback = Fallback::ordered(targets);
        Self(fallback).with(Settings { explore: EXPLORE, half_life: HALF_LIFE, seed: None })
    }

    /// The share of calls that first ask some other target than the best, so that its measure stays fresh. It is
    /// clamped to 0 to 1; what is no number is 0.
    ///
    /// ```
    /// use steadfast::{Call, CancelToken, Error, Ranked};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Error> {
    /// let stations = Ranked::new(["near", "far"]).explore(1.0);
    /// let call = Call::new("fetch the weather", &CancelToken::root("program"));
    /// let served = stations.run(&call, |_, _| async { Ok("sunny") }).await?;
    /// assert_eq!((*served.by, served.degraded), ("far", false)); // "near" would have been the best
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn explore(self, share: f64) -> Self {
        let explore = if share.is_nan() { 0.0 } else { share.clamp(0.0, 1.0) };
        let settings = Settings { explore, ..self.settings() };
        self.with(settings)
    }

    /// After how long a measurement weighs half as much; at least 1 ms.
    ///
    /// ```
    /// use std::time::Duration;
    /// use steadfast::{Call, CancelToken, Clock, Error, Ranked};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let clock = Clock::manual();
    /// let call = Call::new("fetch the weather", &CancelToken::root("program")).with_clock(clock.clone());
    /// let stations = Ranked::new(["near"]).half_life(Duration::from_secs(10));
    /// let failed = stations.run(&call, |_, _| async { Err::<(), _>(Error::unavailable("near")) }).await;
    /// assert!(failed.is_err());
    /// assert_eq!(stations.standings(&clock)[0].success, 0.5); // 1 of 2, the imagined success included
    /// clock.advance(Duration::from_secs(10));
    /// assert!(stations.standings(&clock)[0].success > 0.66); // 1 of 1.5
    /// # }
    /// ```
    #[must_use]
    pub fn half_life(self, half_life: Duration) -> Self {
        let settings = Settings { half_life: half_life.max(Duration::from_millis(1)), ..self.settings() };
        self.with(settings)
    }

    /// Makes exploration the same in every run, for tests and simulations.
    ///
    /// ```
    /// use steadfast::{Call, CancelToken, Error, Ranked};
    ///
    /// async fn asked(call: &Call) -> Result<Vec<&'static str>, Error> {
    ///     let stations = Ranked::new(["near", "far", "farther"]).explore(0.5).seed(7);
    ///     let mut asked = Vec::new();
    ///     for _ in 0..20 {
    ///         asked.push(*stations.run(call, |_, _| async { Ok("sunny") }).await?.by);
    ///     }
    ///     Ok(asked)
    /// }
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Error> {
    /// # let clock = steadfast::Clock::manual();
    /// let call = Call::new("fetch the weather", &CancelToken::root("program")).with_clock(clock);
    /// assert_eq!(asked(&call).await?, asked(&call).await?);
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn seed(self, seed: u64) -> Self {
        let settings = Settings { seed: Some(seed), ..self.settings() };
        self.with(settings)
    }

    /// How many targets one call may ask; see [`Fallback::at_most`].
    ///
    /// ```
    /// use steadfast::{Call, CancelToken, Error, Ranked};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let stations = Ranked::new(["near", "far", "farther"]).at_most(2);
    /// let call = Call::new("fetch the weather", &CancelToken::root("program"));
    /// let error = stations.run(&call, |_, _| async { Err::<(), _>(Error::unavailable("far")) }).await.unwrap_err();
    /// assert_eq!(error.attempts(), Some(2));
    /// # }
    /// ```
    #[must_use]
    pub fn at_most(self, targets: u32) -> Self {
        let settings = self.settings();
        Self(self.0.at_most(targets)).with(settings)
    }

    /// How every target stands, in the given order. `clock` is the calls' clock: it says how much has faded.
    ///
    /// ```
    /// use steadfast::{Clock, Ranked};
    ///
    /// let stations = Ranked::new(["near", "far"]);
    /// let standings = stations.standings(&Clock::real());
    /// assert_eq!(standings.iter().map(|standing| *standing.target).collect::<Vec<_>>(), ["near", "far"]);
    /// // Nobody was asked yet: nothing is held against anybody.
    /// assert!(standings.iter().all(|standing| standing.success == 1.0 && standing.latency.is_none()));
    /// ```
    pub fn standings(&self, clock: &Clock) -> Vec<Standing<'_, T>> {
        let records = self.0.ranking.as_ref().map(|tracker| tracker.records(clock)).unwrap_or_default();
        let usual = rank::usual(records.iter().copied());
        let standing = |(target, record): (_, &Record)| Standing {
            target,
            success: record.success(),
            latency: record.latency().and_then(|seconds| Duration::try_from_secs_f64(seconds).ok()),
            score: rank::score(*record, usual),
        };
        self.0.targets().iter().zip(&records).map(standing).collect()
    }

    fn with(self, settings: Settings) -> Self {
        let tracker = Tracker::new(self.0.targets().len(), settings);
        Self(Fallback { ranking: Some(Arc::new(tracker)), ..self.0 })
    }

    fn settings(&self) -> Settings {
        let defaults = Settings { explore: EXPLORE, half_life: HALF_LIFE, seed: None };
        self.0.ranking.as_ref().map_or(defaults, |tracker| tracker.settings)
    }
}

impl<T: fmt::Display> Ranked<T> {
    /// Asks the best target, then the next best, until one serves; see [`Fallback::run`]. Dropping the future drops the
    /// work.
    ///
    /// ```
    /// use std::time::Duration;
    /// use steadfast::{Call, CancelToken, Clock, Error, Ranked};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Error> {
    /// let clock = &Clock::manual();
    /// let call = Call::new("fetch the weather", &CancelToken::root("program")).with_clock(clock.clone());
    /// let stations = Ranked::new(["slow", "quick"]).explore(0.0);
    /// let ask = |station: &&str, _| {
    ///     let seconds = if *station == "slow" { 3 } else { 1 };
    ///     async move {
    ///         clock.advance(Duration::from_secs(seconds));
    ///         Ok("sunny")
    ///     }
    /// };
    /// for station in ["slow", "quick", "quick"] {
    ///     assert_eq!(*stations.run(&call, ask).await?.by, station);
    /// }
    /// # Ok(()) }
    /// ```
    pub async fn run<'a, V, F, Fut>(&'a self, call: &Call, work: F) -> Result<Served<'a, T, V>, Error>
    where
        F: FnMut(&'a T, Attempt) -> Fut,
        Fut: Future<Output = Result<V, Error>>,
    {
        self.0.around(call, work).await
    }
}

impl<T> From<Ranked<T>> for Fallback<T> {
    fn from(ranked: Ranked<T>) -> Self {
        ranked.0
    }
}

impl<T> Clone for Ranked<T> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

/// One call in fifty keeps the other measurements fresh; a fifth of the tenth that is usual for bandits, because here an
/// exploring call is somebody's real call. A choice.
const EXPLORE: f64 = 0.02;

/// A choice: twice as long as a breaker rests, so that a target is remembered across one rest.
const HALF_LIFE: Duration = Duration::from_secs(60);
