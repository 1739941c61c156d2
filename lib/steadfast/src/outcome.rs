//! What comes out of a pipeline: an answer with its story, or the reason why there is none. A refusal, a cancellation
//! and a time-out are no errors of the work, so they have places of their own.

use std::{borrow::Cow, time::Duration};

mod failed;
mod inside;

pub use failed::Failed;
pub(crate) use inside::Inside;

/// An answer, and how it came about.
///
/// ```
/// use std::time::Duration;
/// use steadfast::{Call, CancelToken, Error, Pipeline, Retry};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Error> {
/// let call = Call::new("fetch", &CancelToken::root("program"));
/// let pipeline = Pipeline::named("weather").retry(Retry::fixed(Duration::from_millis(1)));
/// let outcome = pipeline
///     .run(&call, |attempt| async move {
///         if attempt.number == 1 { Err(Error::connection_lost("weather")) } else { Ok("sunny") }
///     })
///     .await?;
/// assert_eq!((outcome.value, outcome.attempts, outcome.served_by), ("sunny", 2, None));
/// assert!(outcome.time.between_attempts >= Duration::from_millis(1));
/// # Ok(()) }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Outcome<T> {
    /// The answer.
    pub value: T,
    /// How many tries it took, the successful one included; 0 when nothing had to be asked.
    pub attempts: u32,
    /// Who answered, when there was a choice.
    pub served_by: Option<Cow<'static, str>>,
    /// Why the answer is not what was asked for in the first place.
    pub degraded: Option<Degraded>,
    /// Where the time went.
    pub time: TimeSplit,
}

/// Why an answer is second best.
///
/// ```
/// use std::time::Duration;
/// use steadfast::{Cache, Call, CancelToken, Clock, Degraded, Error, Pipeline};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Error> {
/// let clock = Clock::manual();
/// let call = Call::new("load the price", &CancelToken::root("program")).with_clock(clock.clone());
/// let prices = Pipeline::named("prices").cache(Cache::of(100).stale_for(Duration::from_secs(3600)));
/// prices.run_keyed(&call, "apples", |_| async { Ok(42) }).await?;
///
/// clock.advance(Duration::from_secs(300));
/// let old = prices.run_keyed(&call, "apples", |_| async { Err(Error::unavailable("shop")) }).await?;
/// assert_eq!((old.value, old.degraded), (42, Some(Degraded::Stale)));
/// # Ok(()) }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum Degraded {
    /// Somebody else answered than the first choice.
    Fallback,
    /// It is an old answer, because no new one was to be had.
    Stale,
}

/// Where the time of a call went. Work that never had to wait took no time worth a look at the clock: all is zero.
///
/// ```
/// use std::time::Duration;
/// use steadfast::{Error, Pipeline, Retry, testing::Stage};
///
/// # #[tokio::main(flavor = "current_thread", start_paused = true)]
/// # async fn main() -> Result<(), Error> {
/// let call = &Stage::paused().call("fetch");
/// let weather = Pipeline::named("weather").retry(Retry::fixed(Duration::from_secs(5)));
/// let outcome = weather
///     .run(call, |attempt| async move {
///         call.clock().sleep(Duration::from_secs(1)).await;
///         if attempt.number == 1 { Err(Error::connection_lost("weather")) } else { Ok("sunny") }
///     })
///     .await?;
/// assert_eq!(outcome.time.in_attempts, Duration::from_secs(2)); // both, the failed one included
/// assert_eq!(outcome.time.between_attempts, Duration::from_secs(5));
/// # Ok(()) }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct TimeSplit {
    /// In attempts, from the moment when one first had to wait; queues of limits included.
    pub in_attempts: Duration,
    /// Between a failed attempt and the next one.
    pub between_attempts: Duration,
}

impl<T> Outcome<T> {
    /// An answer after this many attempts.
    ///
    /// ```
    /// use steadfast::Outcome;
    ///
    /// let remembered = Outcome::new("sunny", 0); // nobody had to be asked
    /// assert_eq!((remembered.attempts, remembered.degraded), (0, None));
    /// ```
    pub fn new(value: T, attempts: u32) -> Self {
        Self { value, attempts, served_by: None, degraded: None, time: TimeSplit::default() }
    }

    /// The same story with another value.
    ///
    /// ```
    /// use steadfast::Outcome;
    ///
    /// let mut measured = Outcome::new("18", 2);
    /// measured.served_by = Some("far".into());
    /// let degrees = measured.map(|text| text.parse::<i32>());
    /// assert_eq!((degrees.value, degrees.attempts, degrees.served_by.as_deref()), (Ok(18), 2, Some("far")));
    /// ```
    pub fn map<U>(self, change: impl FnOnce(T) -> U) -> Outcome<U> {
        let Self { value, attempts, served_by, degraded, time } = self;
        Outcome { value: change(value), attempts, served_by, degraded, time }
    }
}
