//! A bound on concurrency that finds its own size: it grows while all goes well, and shrinks when the target says
//! that it is too much. `signal.rs` judges one call, `learner.rs` moves the limit, `gradient.rs` is the arithmetic
//! of latencies. Surprise: a burst of refusals shrinks it once, because all of them met the same, old limit.

use super::{
    Around, TryFuture,
    places::{Claim, Entering, Places},
};
use crate::{
    Call, Clock, Error, Events,
    call::Bounded,
    error::{RejectedBy, Rejection},
};
use learner::{Begun, Learner, Rule};
use measured::Measured;
use signal::Signal;
use std::{borrow::Cow, future::poll_fn, sync::Arc, time::Duration};

mod gradient;
mod learner;
mod measured;
mod signal;

/// A concurrency limit that learns; clones share it. A builder method gives a new limit that knows nothing yet.
///
/// What shrinks it: an error whose blame is the quota, a time-out or an overload of the target, and a call that
/// its deadline cut short. What leaves it alone: the caller's own errors, other failures, and calls that nobody
/// wanted any more. A [`RateLimit`](crate::RateLimit) of our own stands outside it: its refusals look like the target's.
///
/// ```
/// use steadfast::{AdaptiveLimit, Call, CancelToken, Error};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let limit = AdaptiveLimit::aimd().named("cloud");
/// let call = Call::new("ask", &CancelToken::root("program"));
/// limit.run(&call, async { Err::<(), _>(Error::rate_limited("cloud", None)) }).await.unwrap_err();
/// assert_eq!(limit.limit(), 11); // 0.7 times 16
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct AdaptiveLimit {
    places: Arc<Places>,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    learner: Learner,
    settings: Settings,
}

#[derive(Debug, Clone)]
struct Settings {
    rule: Rule,
    start: u32,
    min: u32,
    max: u32,
    queue: u32,
    max_wait: Option<Duration>,
    target: Cow<'static, str>,
    clock: Clock,
    events: Events,
}

impl AdaptiveLimit {
    /// Additive increase, multiplicative decrease, as TCP does it (Chiu and Jain, 1989): one more after as many
    /// successes as the limit while at least half of it is in use, times 0.7 when the target has too much. For
    /// targets whose time to answer depends on the question, so that latency says little. Reads no clock; a success
    /// takes no lock but once per window.
    ///
    /// ```
    /// use steadfast::{AdaptiveLimit, Call, CancelToken, Error};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), steadfast::Error> {
    /// let limit = AdaptiveLimit::aimd().start(2);
    /// let call = Call::new("ask", &CancelToken::root("program"));
    /// for _ in 0..2 {
    ///     limit.run(&call, async { Ok(()) }).await?;
    /// }
    /// assert_eq!(limit.limit(), 3); // as many successes as the limit, and half of it in use
    /// limit.run(&call, async { Err::<(), _>(Error::overloaded("cloud", None)) }).await.unwrap_err();
    /// assert_eq!(limit.limit(), 2); // 0.7 times 3
    /// # Ok(()) }
    /// ```
    pub fn aimd() -> Self {
        Self::new(Settings::new(Rule::Aimd))
    }

    /// Follows the latency: as long as it stays near its long average the limit grows by its square root, and
    /// it shrinks as calls take longer. This is Gradient2 of Netflix's concurrency-limits with its numbers:
    /// tolerance 1.5, average over 600 samples, smoothing 0.2. It also shrinks as [`AdaptiveLimit::aimd`] does,
    /// which the original does not. For targets where every call is about the same work. Reads the clock twice
    /// per call; a sample that meets another one being taken in is left out, so nobody waits for a lock.
    ///
    /// ```
    /// let limit = steadfast::AdaptiveLimit::gradient().bounds(4, 64);
    /// assert_eq!(limit.limit(), 16);
    /// ```
    pub fn gradient() -> Self {
        Self::new(Settings::new(Rule::Gradient))
    }

    /// Where it begins; within the bounds. Default 16.
    ///
    /// ```
    /// assert_eq!(steadfast::AdaptiveLimit::aimd().start(40).limit(), 40);
    /// ```
    #[must_use]
    pub fn start(&self, start: u32) -> Self {
        Self::new(Settings { start, ..self.settings() })
    }

    /// It never leaves these: the lower one is at least 1, and the upper at least the lower. Default 1 and 256.
    ///
    /// ```
    /// assert_eq!(steadfast::AdaptiveLimit::aimd().bounds(1, 8).limit(), 8);
    /// ```
    #[must_use]
    pub fn bounds(&self, min: u32, max: u32) -> Self {
        let min = min.max(1);
        Self::new(Settings { min, max: max.max(min), ..self.settings() })
    }

    /// How many may wait in line for a place, first come, first served. Default 0.
    ///
    /// ```
    /// use steadfast::{AdaptiveLimit, Call, CancelToken, Code};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), steadfast::Error> {
    /// let limit = AdaptiveLimit::aimd().bounds(1, 1).queue(1);
    /// let call = Call::new("ask", &CancelToken::root("program"));
    /// let inside = limit.enter(&call).await?;
    /// let (first, second, ()) = tokio::join!(
    ///     limit.run(&call, async { Ok("waited") }),
    ///     limit.run(&call, async { Ok("too many") }),
    ///     async { drop(inside) },
    /// );
    /// assert_eq!(first?, "waited");
    /// assert_eq!(second.unwrap_err().code(), Code::OVERLOADED);
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn queue(&self, places_in_line: u32) -> Self {
        Self::new(Settings { queue: places_in_line, ..self.settings() })
    }

    /// The longest wait in line. Default: no limit but the call's deadline.
    ///
    /// ```
    /// use std::time::Duration;
    /// use steadfast::{AdaptiveLimit, Call, CancelToken, Code};
    ///
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() -> Result<(), steadfast::Error> {
    /// let limit = AdaptiveLimit::aimd().bounds(1, 1).queue(4).max_wait(Duration::from_secs(2));
    /// let call = Call::new("ask", &CancelToken::root("program"));
    /// let _inside = limit.enter(&call).await?;
    /// let refused = limit.run(&call, async { Ok(()) }).await.unwrap_err();
    /// assert_eq!(refused.code(), Code::OVERLOADED); // and no `TIMEOUT`: the work never began
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn max_wait(&self, max_wait: Duration) -> Self {
        Self::new(Settings { max_wait: Some(max_wait), ..self.settings() })
    }

    /// What it protects, for errors and events.
    ///
    /// ```
    /// use steadfast::AdaptiveLimit;
    ///
    /// let limit = AdaptiveLimit::aimd();
    /// assert_eq!(limit.named("cloud").target(), "cloud");
    /// assert_eq!(limit.target(), "target"); // the first one is as it was
    /// ```
    #[must_use]
    pub fn named(&self, target: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Settings { target: target.into(), ..self.settings() })
    }

    /// Its time, for latencies. Give it the calls' clock when that is a manual one.
    ///
    /// ```
    /// use std::time::Duration;
    /// use steadfast::{AdaptiveLimit, AdaptivePermit, Call, CancelToken, Clock};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), steadfast::Error> {
    /// let clock = Clock::manual();
    /// let limit = AdaptiveLimit::gradient().start(8).with_clock(clock.clone());
    /// let call = Call::new("ask", &CancelToken::root("program"));
    /// let mut limits = Vec::new();
    /// for latency in [Duration::from_millis(100), Duration::from_secs(1)] {
    ///     let mut permits = Vec::new();
    ///     for _ in 0..8 {
    ///         permits.push(limit.enter(&call).await?);
    ///     }
    ///     clock.advance(latency);
    ///     permits.into_iter().for_each(AdaptivePermit::success);
    ///     limits.push(limit.limit());
    /// }
    /// assert_eq!(limits, [10, 8]); // it grew, until calls took ten times as long
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn with_clock(&self, clock: Clock) -> Self {
        Self::new(Settings { clock, ..self.settings() })
    }

    /// Where its changes are reported. Default nowhere.
    ///
    /// ```
    /// use steadfast::{AdaptiveLimit, Error, testing::Stage};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), steadfast::Error> {
    /// let stage = Stage::manual();
    /// let limit = AdaptiveLimit::aimd().named("cloud").with_events(stage.events());
    /// limit.enter(&stage.call("ask")).await?.failure(&Error::rate_limited("cloud", None));
    /// assert_eq!(stage.to_string(), "0 ms  limit cloud: 11 at once instead of 16\n");
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn with_events(&self, events: Events) -> Self {
        Self::new(Settings { events, ..self.settings() })
    }

    fn new(settings: Settings) -> Self {
        let start = settings.start.clamp(settings.min, settings.max);
        let learner = Learner::new(settings.rule, start, settings.min, settings.max);
        Self { places: Arc::new(Places::new(start, settings.queue)), shared: Arc::new(Shared { learner, settings }) }
    }

    fn settings(&self) -> Settings {
        self.shared.settings.clone()
    }
}

/// Using it.
impl AdaptiveLimit {
    /// Runs `work` in a place of its own, and until the call's token or deadline ends it; learns from how it ends.
    /// Fails with `OVERLOADED` when every place and the line are taken, or the wait is too long; blame is ours.
    /// Cancel safe: a dropped future gives its place back.
    ///
    /// ```
    /// use steadfast::{AdaptiveLimit, Blame, Call, CancelToken, Code};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), steadfast::Error> {
    /// let limit = AdaptiveLimit::aimd().bounds(1, 1);
    /// let call = Call::new("ask", &CancelToken::root("program"));
    /// let _inside = limit.enter(&call).await?;
    /// let refused = limit.run(&call, async { Ok(()) }).await.unwrap_err();
    /// assert_eq!((refused.code(), refused.blame()), (Code::OVERLOADED, Blame::Local));
    /// # Ok(()) }
    /// ```
    pub fn run<'a, T, F>(&'a self, call: &'a Call, work: F) -> impl Future<Output = Result<T, Error>> + use<'a, T, F>
    where
        F: Future<Output = Result<T, Error>>,
    {
        self.around(call, Bounded::new(call, None, work))
    }

    /// Waits for a place for work that is no single future, for instance a stream. Say how it ended. Fails and is
    /// cancel safe as [`AdaptiveLimit::run`].
    ///
    /// ```
    /// use steadfast::{AdaptiveLimit, Call, CancelToken};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), steadfast::Error> {
    /// let limit = AdaptiveLimit::aimd();
    /// let permit = limit.enter(&Call::new("listen", &CancelToken::root("program"))).await?;
    /// assert_eq!(limit.in_flight(), 1); // for as long as the permit lives
    /// permit.success();
    /// assert_eq!(limit.in_flight(), 0);
    /// # Ok(()) }
    /// ```
    pub async fn enter(&self, call: &Call) -> Result<AdaptivePermit, Error> {
        let settings = &self.shared.settings;
        let mut entering = Entering::new(call, Arc::clone(&self.places), settings.max_wait);
        match poll_fn(|context| entering.poll(context)).await {
            Ok(()) => {
                let (limit, begun) = (self.clone(), self.shared.begin());
                Ok(AdaptivePermit { claim: entering.into_claim(), limit, begun, first_byte: None })
            }
            Err(no_place) => Err(no_place.tell(call, || settings.refusal())),
        }
    }

    /// How many may be inside at once, as of now.
    ///
    /// ```
    /// use steadfast::{AdaptiveLimit, Call, CancelToken, Error};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), steadfast::Error> {
    /// let limit = AdaptiveLimit::aimd();
    /// let call = Call::new("ask", &CancelToken::root("program"));
    /// let (one, other) = (limit.enter(&call).await?, limit.enter(&call).await?);
    /// one.failure(&Error::rate_limited("cloud", None));
    /// other.failure(&Error::rate_limited("cloud", None));
    /// assert_eq!(limit.limit(), 11); // 0.7 times 16 and no less: both met the same limit
    /// # Ok(()) }
    /// ```
    pub fn limit(&self) -> u32 {
        self.places.limit()
    }

    /// How many are inside. May be above the limit for a while after it shrank.
    ///
    /// ```
    /// use steadfast::{AdaptiveLimit, Call, CancelToken, Error};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), steadfast::Error> {
    /// let limit = AdaptiveLimit::aimd().start(4);
    /// # let call = Call::new("ask", &CancelToken::root("program"));
    /// let first = limit.enter(&call).await?;
    /// let _others = (limit.enter(&call).await?, limit.enter(&call).await?, limit.enter(&call).await?);
    /// first.failure(&Error::rate_limited("cloud", None));
    /// assert_eq!((limit.in_flight(), limit.limit()), (3, 2)); // nobody is thrown out
    /// # Ok(()) }
    /// ```
    pub fn in_flight(&self) -> u32 {
        self.places.taken()
    }

    /// How many wait in line.
    ///
    /// ```
    /// use steadfast::{AdaptiveLimit, Call, CancelToken};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), steadfast::Error> {
    /// let limit = AdaptiveLimit::aimd().bounds(1, 1).queue(8);
    /// # let call = Call::new("ask", &CancelToken::root("program"));
    /// let inside = limit.enter(&call).await?;
    /// let look = async {
    ///     let queued = limit.queued();
    ///     drop(inside);
    ///     queued
    /// };
    /// let (_next, queued) = tokio::join!(limit.enter(&call), look);
    /// assert_eq!((queued, limit.queued()), (1, 0));
    /// # Ok(()) }
    /// ```
    pub fn queued(&self) -> u32 {
        self.places.waiting()
    }

    /// What it protects.
    ///
    /// ```
    /// use steadfast::AdaptiveLimit;
    /// assert_eq!(AdaptiveLimit::aimd().target(), "target"); // until it is named
    /// ```
    pub fn target(&self) -> &str {
        &self.shared.settings.target
    }
}

impl Settings {
    /// A choice for remote targets: 16 is what most of them take from a new caller, 256 is more than one program
    /// needs.
    fn new(rule: Rule) -> Self {
        Self {
            rule,
            start: 16,
            min: 1,
            max: 256,
            queue: 0,
            max_wait: None,
            target: Cow::Borrowed("target"),
            clock: Clock::real(),
            events: Events::none(),
        }
    }

    fn refusal(&self) -> Rejection {
        Rejection::new(RejectedBy::AdaptiveLimit, self.target.clone())
    }
}

impl Shared {
    fn begin(&self) -> Begun {
        self.learner.begin(&self.settings.clock)
    }

    /// `took` when it is known better than from the end.
    fn learn(&self, places: &Places, begun: Begun, signal: Signal, took: Option<Duration>) {
        let change = match signal {
            Signal::Neutral => None,
            Signal::Overload => self.learner.overloaded(places, begun),
            Signal::Success => {
                let took = took.or_else(|| begun.so_far(&self.settings.clock));
                self.learner.succeeded(places, took)
            }
        };
        if let Some((from, to)) = change {
            let target = || self.settings.target.clone();
            self.settings.events.emit(|| crate::Event::LimitChanged { target: target(), from, to });
        }
    }
}

/// A place in an [`AdaptiveLimit`]. Say how the work ended; dropping it without a word says nothing, and gives the
/// place back all the same.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), steadfast::Error> {
/// use steadfast::{AdaptiveLimit, Call, CancelToken};
///
/// let limit = AdaptiveLimit::gradient();
/// let mut permit = limit.enter(&Call::new("ask", &CancelToken::root("program"))).await?;
/// permit.first_byte(); // from here on the answer's length decides, not the target's load
/// permit.success();
/// # Ok(()) }
/// ```
#[derive(Debug)]
#[must_use = "dropping it at once gives the place back without learning from it"]
pub struct AdaptivePermit {
    claim: Claim<Arc<Places>>,
    limit: AdaptiveLimit,
    begun: Begun,
    first_byte: Option<Duration>,
}

impl AdaptivePermit {
    /// The answer begins: this is the latency to learn from, not the end of it. The first time counts.
    ///
    /// ```
    /// use std::time::Duration;
    /// use steadfast::{AdaptiveLimit, AdaptivePermit, Call, CancelToken, Clock};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), steadfast::Error> {
    /// let clock = Clock::manual();
    /// let limit = AdaptiveLimit::gradient().start(8).with_clock(clock.clone());
    /// # let call = Call::new("tell", &CancelToken::root("program"));
    /// for answer in [Duration::from_secs(1), Duration::from_secs(60)] {
    ///     let mut permits = Vec::new();
    ///     for _ in 0..8 {
    ///         permits.push(limit.enter(&call).await?);
    ///     }
    ///     clock.advance(Duration::from_millis(100));
    ///     permits.iter_mut().for_each(AdaptivePermit::first_byte);
    ///     clock.advance(answer);
    ///     permits.into_iter().for_each(AdaptivePermit::success);
    /// }
    /// assert_eq!(limit.limit(), 12); // long answers did not shrink it
    /// # Ok(()) }
    /// ```
    pub fn first_byte(&mut self) {
        if self.first_byte.is_none() {
            self.first_byte = self.begun.so_far(&self.limit.shared.settings.clock);
        }
    }

    /// The work succeeded.
    ///
    /// ```
    /// use steadfast::{AdaptiveLimit, Call, CancelToken};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), steadfast::Error> {
    /// let limit = AdaptiveLimit::aimd().start(1);
    /// let call = Call::new("ask", &CancelToken::root("program"));
    /// drop(limit.enter(&call).await?);
    /// assert_eq!(limit.limit(), 1); // nothing was said, nothing is learned
    /// limit.enter(&call).await?.success();
    /// assert_eq!(limit.limit(), 2);
    /// # Ok(()) }
    /// ```
    pub fn success(self) {
        self.settle(Signal::Success);
    }

    /// The work failed; what that says about the load is read from the error.
    ///
    /// ```
    /// use std::time::Duration;
    /// use steadfast::{AdaptiveLimit, Call, CancelToken, Error};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), steadfast::Error> {
    /// let limit = AdaptiveLimit::aimd();
    /// let call = Call::new("ask", &CancelToken::root("program"));
    /// limit.enter(&call).await?.failure(&Error::not_found("page", "7"));
    /// assert_eq!(limit.limit(), 16); // says nothing about the load
    /// limit.enter(&call).await?.failure(&Error::timeout("ask", Duration::from_secs(2)));
    /// assert_eq!(limit.limit(), 11);
    /// # Ok(()) }
    /// ```
    pub fn failure(self, error: &Error) {
        let signal = signal::judge(Some(error));
        self.settle(signal);
    }

    fn settle(mut self, signal: Signal) {
        self.limit.shared.learn(&self.limit.places, self.begun, signal, self.first_byte);
        self.claim.release();
    }
}

impl Around for AdaptiveLimit {
    type Future<'a, F: TryFuture> = Measured<'a, F>;

    fn around<'a, F: TryFuture>(&'a self, call: &'a Call, work: F) -> Measured<'a, F> {
        Measured::new(self, Entering::new(call, &*self.places, self.shared.settings.max_wait), work)
    }
}
