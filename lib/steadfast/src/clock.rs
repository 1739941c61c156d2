//! Where time comes from: the machine, tokio's paused test time, or a hand-moved clock. Nothing else in the
//! house may ask for the time. Surprise: the real clock needs no switch to follow `tokio::time::pause`.

use pin_project_lite::pin_project;
use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::{Duration, SystemTime, UNIX_EPOCH},
};
use tokio::{sync::watch, time::Instant};

#[cfg(feature = "coarse-clock")]
mod coarse;
mod timer;

pub(crate) use timer::Timer;

/// A source of time; clones are the same clock.
///
/// ```
/// use std::time::Duration;
/// use steadfast::Clock;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let clock = Clock::manual();
/// let start = clock.now();
/// clock.advance(Duration::from_secs(60));
/// assert_eq!(clock.now() - start, Duration::from_secs(60));
/// clock.sleep_until(start + Duration::from_secs(30)).await; // already past, returns at once
/// # }
/// ```
#[derive(Debug, Clone, Default)]
pub struct Clock(Source);

#[derive(Debug, Clone, Default)]
enum Source {
    #[default]
    Real,
    #[cfg(feature = "coarse-clock")]
    Coarse,
    Manual(Arc<Manual>),
}

#[derive(Debug)]
struct Manual {
    start: Instant,
    start_unix: Duration,
    passed: watch::Sender<Duration>,
}

impl Clock {
    /// The machine's clock. Under `tokio::time::pause` it stands still and jumps with tokio's time.
    ///
    /// ```
    /// use std::time::Duration;
    /// use steadfast::Clock;
    ///
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() {
    /// let clock = Clock::real();
    /// let start = clock.now();
    /// clock.sleep(Duration::from_secs(3600)).await; // takes no time in a test whose time is paused
    /// assert_eq!(clock.now() - start, Duration::from_secs(3600));
    /// # }
    /// ```
    pub fn real() -> Self {
        Self::default()
    }

    /// The machine's clock, read about five times as fast and up to 4 ms late (Linux's `CLOCK_MONOTONIC_COARSE`,
    /// which moves with the timer tick; elsewhere it is [`Clock::real`]). For breakers with a window of time and for
    /// refusals. It does not follow `tokio::time::pause`, so do not use it in tests; waits are tokio's.
    ///
    /// ```
    /// use std::time::Duration;
    /// use steadfast::{Breaker, Clock};
    ///
    /// let breaker = Breaker::failure_rate(0.5).window(Duration::from_secs(30)).with_clock(Clock::coarse());
    /// breaker.enter()?.success();
    /// # Ok::<(), steadfast::Error>(())
    /// ```
    #[cfg(feature = "coarse-clock")]
    pub fn coarse() -> Self {
        Self(Source::Coarse)
    }

    /// A clock that moves only when told to, and needs no runtime. It begins at the machine's time.
    ///
    /// ```
    /// use std::time::Duration;
    /// use steadfast::Clock;
    ///
    /// let clock = Clock::manual();
    /// let start = clock.now();
    /// assert_eq!(clock.now(), start); // it stands still
    /// clock.clone().advance(Duration::from_secs(1)); // a clone is the same clock
    /// assert_eq!(clock.now() - start, Duration::from_secs(1));
    /// ```
    pub fn manual() -> Self {
        Self(Source::Manual(Arc::new(Manual {
            start: real_now(),
            start_unix: real_unix(),
            passed: watch::Sender::new(Duration::ZERO),
        })))
    }

    /// Moves a manual clock forward and wakes the sleepers whose time has come. A real clock cannot be moved:
    /// nothing happens.
    ///
    /// ```
    /// use std::time::Duration;
    /// use steadfast::{Clock, Deadline};
    ///
    /// let hour = Duration::from_secs(3600);
    /// let (manual, real) = (Clock::manual(), Clock::real());
    /// let deadlines = (Deadline::after(&manual, hour), Deadline::after(&real, hour));
    /// manual.advance(hour);
    /// real.advance(hour);
    /// assert!(deadlines.0.is_past(&manual) && !deadlines.1.is_past(&real));
    /// ```
    pub fn advance(&self, by: Duration) {
        if let Source::Manual(manual) = &self.0 {
            manual.passed.send_modify(|passed| *passed = passed.saturating_add(by));
        }
    }

    /// This moment, for measuring and for deadlines.
    ///
    /// ```
    /// use std::time::Duration;
    /// use steadfast::Clock;
    ///
    /// let clock = Clock::manual();
    /// let began = clock.now();
    /// clock.advance(Duration::from_millis(250));
    /// assert_eq!(clock.now() - began, Duration::from_millis(250)); // `began.elapsed()` would ask the machine
    /// ```
    pub fn now(&self) -> Instant {
        match &self.0 {
            Source::Real => real_now(),
            #[cfg(feature = "coarse-clock")]
            Source::Coarse => coarse::now(),
            Source::Manual(manual) => later(manual.start, *manual.passed.borrow()),
        }
    }

    /// How long ago `began` was; zero for a moment to come.
    pub(crate) fn since(&self, began: Instant) -> Duration {
        self.now().saturating_duration_since(began)
    }

    /// Milliseconds since 1970-01-01 UTC, for timestamps. May step backwards when the machine's time is set.
    ///
    /// ```
    /// use std::time::Duration;
    /// use steadfast::Clock;
    ///
    /// let clock = Clock::manual();
    /// let created_ms = clock.unix_ms();
    /// clock.advance(Duration::from_millis(1500));
    /// assert_eq!(clock.unix_ms() - created_ms, 1500); // a manual clock never steps backwards
    /// ```
    pub fn unix_ms(&self) -> u64 {
        let since_1970 = match &self.0 {
            Source::Real => real_unix(),
            #[cfg(feature = "coarse-clock")]
            Source::Coarse => real_unix(),
            Source::Manual(manual) => manual.start_unix.saturating_add(*manual.passed.borrow()),
        };
        u64::try_from(since_1970.as_millis()).unwrap_or(u64::MAX)
    }

    /// Waits so long, counted from the first poll. Cancel safe: dropping the future forgets the wait. The real clock
    /// needs a tokio runtime with time, whose timer has steps of 1 ms; more than an `Instant` can hold is 30 years.
    ///
    /// ```
    /// use std::time::Duration;
    /// use steadfast::Clock;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let clock = Clock::manual();
    /// let nap = clock.sleep(Duration::from_secs(60));
    /// clock.advance(Duration::from_secs(30)); // too early to count: nobody has polled it
    /// let start = clock.now();
    /// tokio::join!(nap, async { clock.advance(Duration::from_secs(60)) });
    /// assert_eq!(clock.now() - start, Duration::from_secs(60));
    /// # }
    /// ```
    pub async fn sleep(&self, duration: Duration) {
        self.sleep_until(later(self.now(), duration)).await;
    }

    /// Waits until `deadline`; returns at once when it is past. Cancel safe. The runtime is as for [`Clock::sleep`].
    ///
    /// ```
    /// use std::time::Duration;
    /// use steadfast::Clock;
    ///
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() {
    /// let clock = Clock::real();
    /// let start = clock.now();
    /// for tick in 1..=3 {
    ///     clock.sleep(Duration::from_millis(400)).await; // work
    ///     clock.sleep_until(start + Duration::from_secs(tick)).await; // a beat that does not drift
    /// }
    /// assert_eq!(clock.now() - start, Duration::from_secs(3));
    /// # }
    /// ```
    pub async fn sleep_until(&self, deadline: Instant) {
        self.sleeper(deadline).await;
    }

    /// `sleep_until` with a name, for futures written by hand.
    pub(crate) fn sleeper(&self, deadline: Instant) -> Sleep {
        match &self.0 {
            Source::Real => Sleep::Real { sleep: tokio::time::sleep_until(deadline) },
            #[cfg(feature = "coarse-clock")]
            Source::Coarse => Sleep::Real { sleep: tokio::time::sleep_until(deadline) },
            Source::Manual(manual) => {
                let manual = Arc::clone(manual);
                Sleep::Manual { sleep: Box::pin(async move { manual.sleep_until(deadline).await }) }
            }
        }
    }
}

impl Manual {
    async fn sleep_until(&self, deadline: Instant) {
        let mut passed = self.passed.subscribe();
        // The sender lives in `self`, so the channel cannot be closed while we wait.
        let _open = passed.wait_for(|passed| later(self.start, *passed) >= deadline).await;
    }
}

pin_project! {
    /// A wait for a moment.
    #[project = SleepProjected]
    #[must_use = "futures do nothing unless awaited"]
    pub(crate) enum Sleep {
        Real { #[pin] sleep: tokio::time::Sleep },
        Manual { sleep: Pin<Box<dyn Future<Output = ()> + Send + Sync>> },
    }
}

impl Future for Sleep {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        match self.project() {
            SleepProjected::Real { sleep } => sleep.poll(context),
            SleepProjected::Manual { sleep } => sleep.as_mut().poll(context),
        }
    }
}

/// `from + by`, or a moment so far away that it never comes when the sum is too large for an `Instant`.
pub(crate) fn later(from: Instant, by: Duration) -> Instant {
    from.checked_add(by).unwrap_or_else(|| from + FAR_AWAY)
}

#[expect(clippy::disallowed_methods, reason = "this is the one place that asks the machine")]
fn real_now() -> Instant {
    Instant::now()
}

/// The wall clock, shifted by as much as tokio's (perhaps paused) time differs from the machine's.
#[expect(clippy::disallowed_methods, reason = "this is the one place that asks the machine")]
fn real_unix() -> Duration {
    let wall = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let (machine, tokio) = (std::time::Instant::now(), Instant::now().into_std());
    (wall + tokio.saturating_duration_since(machine)).saturating_sub(machine.saturating_duration_since(tokio))
}

/// About 30 years: the same "never" that tokio uses for sleeps that overflow.
const FAR_AWAY: Duration = Duration::from_secs(86_400 * 365 * 30);

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn the_real_clock_follows_paused_time() {
        let clock = Clock::real();
        let (start, start_ms) = (clock.now(), clock.unix_ms());
        clock.sleep(Duration::from_secs(3600)).await;
        assert_eq!(clock.now() - start, Duration::from_secs(3600));
        // A few milliseconds of slack, because the wall clock is read separately.
        assert!((3_599_900..3_600_100).contains(&(clock.unix_ms() - start_ms)));
    }

    #[tokio::test]
    async fn a_manual_sleeper_wakes_when_its_time_has_come_and_not_before() {
        let clock = Clock::manual();
        let sleep = clock.sleep(Duration::from_secs(2));
        tokio::pin!(sleep);
        clock.advance(Duration::from_secs(1));
        tokio::select! { biased; () = &mut sleep => panic!("too early"), () = std::future::ready(()) => {} }
        clock.advance(Duration::from_secs(2));
        sleep.await;
    }

    #[test]
    fn a_manual_clock_moves_its_timestamps_too() {
        let clock = Clock::manual();
        let before = clock.unix_ms();
        clock.advance(Duration::from_millis(1500));
        assert_eq!(clock.unix_ms() - before, 1500);
    }

    #[test]
    fn an_endless_wait_is_a_moment_far_away_and_not_a_panic() {
        let clock = Clock::manual();
        assert!(later(clock.now(), Duration::MAX) > clock.now());
    }
}
