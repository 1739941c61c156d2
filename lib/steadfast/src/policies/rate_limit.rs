//! So many per time, whoever asks. Whoever may wait gets a turn at once and sleeps until it, in the order of
//! arrival: nobody wakes in vain, and nobody is overtaken. Written here and not taken from the `governor` crate,
//! whose waiters all wake and race for each turn, and cannot be told the deadline beforehand.

use super::{Around, TryFuture};
use crate::{
    Call, Clock, Error,
    call::Bounded,
    error::{Fault, RejectedBy, Rejection},
};
use gcra::{Gcra, Turn};
use std::{borrow::Cow, future::poll_fn, sync::Arc, time::Duration};
use throttled::{Throttled, Waiting};
use tokio::time::Instant;

mod gcra;
mod throttled;

/// A limit on calls per time; clones share what is used up. A builder method gives a new limit, unused.
///
/// The algorithm is GCRA, a leaky bucket in one atomic: one look at the clock and one compare-and-swap per call,
/// no lock, no allocation. It never lets more than `burst + time / interval` calls begin in any stretch of time.
///
/// ```
/// use std::time::Duration;
/// use steadfast::{Call, CancelToken, Code, Error, RateLimit};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Error> {
/// let limit = RateLimit::per(2, Duration::from_secs(60)).named("search");
/// let call = Call::new("find", &CancelToken::root("program"));
/// for _ in 0..2 {
///     limit.run(&call, async { Ok(()) }).await?;
/// }
/// let refused = limit.run(&call, async { Ok(()) }).await.unwrap_err();
/// assert_eq!(refused.code(), Code::RATE_LIMITED);
/// assert!(refused.retry_after().unwrap() <= Duration::from_secs(30));
/// # Ok(()) }
/// ```
#[derive(Debug, Clone)]
pub struct RateLimit {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    gcra: Gcra,
    began: Instant,
    settings: Settings,
}

#[derive(Debug, Clone)]
struct Settings {
    interval: u64,
    burst: u32,
    max_wait: Duration,
    target: Cow<'static, str>,
    clock: Clock,
}

impl RateLimit {
    /// So many per second (at least 1); as many at once after a pause.
    ///
    /// ```
    /// let limit = steadfast::RateLimit::per_second(20);
    /// assert_eq!(limit.available(), 20);
    /// ```
    pub fn per_second(calls: u32) -> Self {
        Self::per(calls, Duration::from_secs(1))
    }

    /// So many (at least 1) per so much time (at least a nanosecond per call); as many at once after a pause.
    ///
    /// ```
    /// use std::time::Duration;
    /// use steadfast::{Clock, RateLimit};
    ///
    /// let clock = Clock::manual();
    /// let limit = RateLimit::per(60, Duration::from_secs(60)).with_clock(clock.clone());
    /// limit.try_take(60)?;
    /// clock.advance(Duration::from_secs(1));
    /// assert_eq!(limit.available(), 1); // one each second, not sixty each minute
    /// # Ok::<(), steadfast::Error>(())
    /// ```
    pub fn per(calls: u32, time: Duration) -> Self {
        let calls = calls.max(1);
        Self::new(Settings {
            // Rounded up, so that the rate is never exceeded; by less than a nanosecond per call.
            interval: nanos(time).div_ceil(u64::from(calls)),
            burst: calls,
            max_wait: Duration::ZERO,
            target: Cow::Borrowed("target"),
            clock: Clock::real(),
        })
    }

    /// How many may begin at once after a pause (at least 1). Default: as many as the rate names.
    ///
    /// ```
    /// let steady = steadfast::RateLimit::per_second(20).burst(1); // one every 50 ms
    /// assert_eq!(steady.available(), 1);
    /// ```
    #[must_use]
    pub fn burst(&self, calls: u32) -> Self {
        Self::new(Settings { burst: calls.max(1), ..self.settings() })
    }

    /// How long a call may wait for its turn. Default zero: it is refused at once. A call whose turn would come
    /// after its deadline never waits. The bound on waiting callers is `max_wait` divided by the interval.
    ///
    /// ```
    /// use std::time::Duration;
    /// use steadfast::{Call, CancelToken, Code, RateLimit};
    ///
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() {
    /// let limit = RateLimit::per_second(1).max_wait(Duration::from_secs(2));
    /// let call = Call::new("find", &CancelToken::root("program"));
    /// // One at once, two after a second each, and the fourth would have to wait three seconds.
    /// let (first, second, third, fourth) =
    ///     tokio::join!(limit.take(&call, 1), limit.take(&call, 1), limit.take(&call, 1), limit.take(&call, 1));
    /// assert!(first.is_ok() && second.is_ok() && third.is_ok());
    /// assert_eq!(fourth.unwrap_err().code(), Code::RATE_LIMITED);
    /// # }
    /// ```
    #[must_use]
    pub fn max_wait(&self, max_wait: Duration) -> Self {
        Self::new(Settings { max_wait, ..self.settings() })
    }

    /// What it protects, for errors and events.
    ///
    /// ```
    /// use steadfast::RateLimit;
    ///
    /// let limit = RateLimit::per_second(20);
    /// assert!(limit.try_take(20).is_ok());
    /// let search = limit.named("search"); // a new one, unused
    /// assert_eq!((search.target(), search.available()), ("search", 20));
    /// ```
    #[must_use]
    pub fn named(&self, target: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Settings { target: target.into(), ..self.settings() })
    }

    /// Its time. Give it the calls' clock when that is a manual one.
    ///
    /// ```
    /// use std::time::Duration;
    /// use steadfast::{Clock, RateLimit};
    ///
    /// let clock = Clock::manual();
    /// let limit = RateLimit::per_second(20).with_clock(clock.clone());
    /// limit.try_take(20)?;
    /// assert_eq!(limit.available(), 0);
    /// clock.advance(Duration::from_millis(100));
    /// assert_eq!(limit.available(), 2);
    /// # Ok::<(), steadfast::Error>(())
    /// ```
    #[must_use]
    pub fn with_clock(&self, clock: Clock) -> Self {
        Self::new(Settings { clock, ..self.settings() })
    }

    fn new(settings: Settings) -> Self {
        let gcra = Gcra::new(settings.interval, settings.burst);
        Self { shared: Arc::new(Shared { gcra, began: settings.clock.now(), settings }) }
    }

    fn settings(&self) -> Settings {
        self.shared.settings.clone()
    }
}

/// Using it.
impl RateLimit {
    /// Runs `work` when it is its turn, and until the call's token or deadline ends it. Fails with
    /// `RATE_LIMITED`, which says when a turn will be free, when the wait would be too long. Cancel safe: a turn
    /// that was waited for is given back if nobody has one after it, and is lost otherwise.
    ///
    /// ```
    /// use std::time::Duration;
    /// use steadfast::{Call, CancelToken, RateLimit};
    ///
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() -> Result<(), steadfast::Error> {
    /// let limit = RateLimit::per_second(1).max_wait(Duration::from_secs(10));
    /// let call = Call::new("find", &CancelToken::root("program"));
    /// let began = call.clock().now();
    /// for _ in 0..3 {
    ///     limit.run(&call, async { Ok(()) }).await?;
    /// }
    /// assert_eq!((call.clock().now() - began).as_secs(), 2); // the first one did not wait
    /// # Ok(()) }
    /// ```
    pub fn run<'a, T, F>(&'a self, call: &'a Call, work: F) -> impl Future<Output = Result<T, Error>> + use<'a, T, F>
    where
        F: Future<Output = Result<T, Error>>,
    {
        self.around(call, Bounded::new(call, None, work))
    }

    /// Waits for a turn that costs as much as `cost` calls, for instance the kilobytes of an upload. A cost above the
    /// burst counts as the whole burst. Fails and is cancel safe as [`RateLimit::run`].
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), steadfast::Error> {
    /// use std::time::Duration;
    /// use steadfast::{Call, CancelToken, RateLimit};
    ///
    /// let kilobytes = RateLimit::per(60_000, Duration::from_secs(60)).burst(10_000);
    /// kilobytes.take(&Call::new("upload", &CancelToken::root("program")), 4_000).await?;
    /// assert!(kilobytes.available() >= 6_000);
    /// # Ok(()) }
    /// ```
    pub async fn take(&self, call: &Call, cost: u32) -> Result<(), Error> {
        let Some(mut waiting) = self.shared.admit::<Error>(call, cost)? else { return Ok(()) };
        poll_fn(|context| waiting.poll(call, context)).await
    }

    /// A turn that costs as much as `cost` calls, if one is free now; otherwise `RATE_LIMITED`.
    ///
    /// ```
    /// use std::time::Duration;
    /// use steadfast::{Clock, RateLimit};
    ///
    /// let limit = RateLimit::per(2, Duration::from_secs(60)).with_clock(Clock::manual());
    /// limit.try_take(2)?;
    /// let refused = limit.try_take(1).unwrap_err();
    /// assert_eq!(refused.retry_after(), Some(Duration::from_secs(30))); // exact, so nobody has to guess
    /// # Ok::<(), steadfast::Error>(())
    /// ```
    pub fn try_take(&self, cost: u32) -> Result<(), Error> {
        let shared = &*self.shared;
        shared.gcra.take(shared.now(), cost, 0).map_or_else(|wait| Err(shared.rejection(wait).into()), |_| Ok(()))
    }

    /// How many calls could begin now.
    ///
    /// ```
    /// use std::time::Duration;
    /// use steadfast::{Clock, RateLimit};
    ///
    /// let clock = Clock::manual();
    /// let limit = RateLimit::per_second(20).burst(5).with_clock(clock.clone());
    /// clock.advance(Duration::from_secs(3600));
    /// assert_eq!(limit.available(), 5); // a long pause saves no more than the burst
    /// ```
    pub fn available(&self) -> u32 {
        self.shared.gcra.available(self.shared.now())
    }

    /// What it protects.
    ///
    /// ```
    /// use steadfast::RateLimit;
    /// assert_eq!(RateLimit::per_second(20).target(), "target"); // until it is named
    /// ```
    pub fn target(&self) -> &str {
        &self.shared.settings.target
    }
}

impl Shared {
    /// Lets a call in, now (`None`) or at its turn.
    fn admit<X: Fault>(&self, call: &Call, cost: u32) -> Result<Option<Waiting<'_>>, X> {
        if let Some(reason) = call.token().reason() {
            return Err(call.stopped(reason));
        }
        let now = self.now();
        match self.gcra.take(now, cost, self.patience(call)) {
            Ok(turn) if turn.from == now => Ok(None),
            Ok(turn) => Ok(Some(Waiting::new(self, call, turn))),
            Err(wait) => Err(call.refused(self.rejection(wait))),
        }
    }

    fn patience(&self, call: &Call) -> u64 {
        let max_wait = self.settings.max_wait;
        // Only who may wait needs to know until when.
        if max_wait.is_zero() { 0 } else { nanos(call.remaining().map_or(max_wait, |left| left.min(max_wait))) }
    }

    fn rejection(&self, wait: u64) -> Rejection {
        let target = self.settings.target.clone();
        Rejection::new(RejectedBy::RateLimit, target).retry_after(Duration::from_nanos(wait))
    }

    fn now(&self) -> u64 {
        nanos(self.settings.clock.now().saturating_duration_since(self.began))
    }

    fn moment(&self, turn: Turn) -> Instant {
        crate::clock::later(self.began, Duration::from_nanos(turn.from))
    }
}

impl Around for RateLimit {
    type Future<'a, F: TryFuture> = Throttled<'a, F>;

    fn around<'a, F: TryFuture>(&'a self, call: &'a Call, work: F) -> Throttled<'a, F> {
        Throttled::new(&self.shared, call, work)
    }
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}
