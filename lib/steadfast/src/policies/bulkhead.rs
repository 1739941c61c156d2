//! So many at once, so many in line behind them, and no more: one slow target cannot take every task with it.
//! The line is first come, first served. Surprise: whoever runs out of time in the line was refused and not
//! timed out, because the work was never begun.

use super::{
    Around, TryFuture,
    places::{Claim, Entering, Places},
};
use crate::{
    Call, Error,
    call::Bounded,
    error::{RejectedBy, Rejection},
};
use housed::Housed;
use std::{borrow::Cow, future::poll_fn, sync::Arc, time::Duration};

mod housed;

/// A bound on concurrency; clones share their places. A builder method gives a new bulkhead, empty.
///
/// One compare-and-swap in and one out while nobody waits: no lock, no allocation, no look at the clock.
///
/// ```
/// use steadfast::{Bulkhead, Call, CancelToken, Code, Error};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Error> {
/// let bulkhead = Bulkhead::new(1).named("printer");
/// let call = Call::new("print", &CancelToken::root("program"));
/// let page = bulkhead.run(&call, async { Ok("page") }).await?;
/// assert_eq!(page, "page");
///
/// let permit = bulkhead.try_enter()?; // for instance for a stream
/// let refused = bulkhead.run(&call, async { Ok(()) }).await.unwrap_err();
/// assert_eq!(refused.code(), Code::OVERLOADED);
/// drop(permit);
/// assert_eq!(bulkhead.in_flight(), 0);
/// # Ok(()) }
/// ```
#[derive(Debug, Clone)]
pub struct Bulkhead {
    places: Arc<Places>,
    settings: Arc<Settings>,
}

#[derive(Debug, Clone)]
struct Settings {
    target: Cow<'static, str>,
    max_wait: Option<Duration>,
}

impl Bulkhead {
    /// At most this many at once (at least 1), and no line: what finds no place is refused.
    ///
    /// ```
    /// assert_eq!(steadfast::Bulkhead::new(0).limit(), 1);
    /// ```
    pub fn new(limit: u32) -> Self {
        Self::with(limit.max(1), 0, Settings { target: Cow::Borrowed("target"), max_wait: None })
    }

    /// How many may wait in line for a place. Default 0. Each waits as long as its call's deadline allows, and
    /// leaves when its token is cancelled.
    ///
    /// ```
    /// let bulkhead = steadfast::Bulkhead::new(8).queue(16);
    /// assert_eq!((bulkhead.limit(), bulkhead.queued()), (8, 0));
    /// ```
    #[must_use]
    pub fn queue(&self, places_in_line: u32) -> Self {
        Self::with(self.limit(), places_in_line, self.settings())
    }

    /// The longest wait in line. Default: no limit but the call's deadline.
    ///
    /// ```
    /// use std::time::Duration;
    /// use steadfast::{Bulkhead, Call, CancelToken, Code};
    ///
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() -> Result<(), steadfast::Error> {
    /// let bulkhead = Bulkhead::new(1).queue(16).max_wait(Duration::from_secs(2));
    /// let _inside = bulkhead.try_enter()?;
    /// let call = Call::new("print", &CancelToken::root("program"));
    /// let began = call.clock().now();
    /// assert_eq!(bulkhead.enter(&call).await.unwrap_err().code(), Code::OVERLOADED);
    /// assert_eq!((call.clock().now() - began).as_secs(), 2);
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn max_wait(&self, max_wait: Duration) -> Self {
        Self::with(self.limit(), self.places.max_waiting(), Settings { max_wait: Some(max_wait), ..self.settings() })
    }

    /// What it protects, for errors and events.
    ///
    /// ```
    /// let bulkhead = steadfast::Bulkhead::new(8).named("printer");
    /// assert_eq!(bulkhead.target(), "printer");
    /// ```
    #[must_use]
    pub fn named(&self, target: impl Into<Cow<'static, str>>) -> Self {
        Self::with(self.limit(), self.places.max_waiting(), Settings { target: target.into(), ..self.settings() })
    }

    fn with(limit: u32, queue: u32, settings: Settings) -> Self {
        Self { places: Arc::new(Places::new(limit, queue)), settings: Arc::new(settings) }
    }

    fn settings(&self) -> Settings {
        (*self.settings).clone()
    }
}

/// Using it.
impl Bulkhead {
    /// Runs `work` in a place of its own, and until the call's token or deadline ends it. Fails with
    /// `OVERLOADED` when every place and the line are taken, or the wait is too long; blame is ours, because the
    /// target was not asked. Cancel safe: a dropped future gives its place, or its place in the line, back.
    ///
    /// ```
    /// use std::time::Duration;
    /// use steadfast::{Blame, Bulkhead, Call, CancelToken, Clock, Code, Deadline};
    ///
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() -> Result<(), steadfast::Error> {
    /// let bulkhead = Bulkhead::new(1).queue(1);
    /// let _inside = bulkhead.try_enter()?;
    /// let call = Call::new("print", &CancelToken::root("program"))
    ///     .with_deadline(Deadline::after(&Clock::real(), Duration::from_secs(5)));
    /// let refused = bulkhead.run(&call, async { Ok(()) }).await.unwrap_err();
    /// // The deadline passed in the line. That is no `TIMEOUT`, and the printer is not to blame.
    /// assert_eq!((refused.code(), refused.blame()), (Code::OVERLOADED, Blame::Local));
    /// # Ok(()) }
    /// ```
    pub fn run<'a, T, F>(&'a self, call: &'a Call, work: F) -> impl Future<Output = Result<T, Error>> + use<'a, T, F>
    where
        F: Future<Output = Result<T, Error>>,
    {
        self.around(call, Bounded::new(call, None, work))
    }

    /// Waits for a place for work that is no single future, for instance a stream. The permit gives it back when
    /// it is dropped. Fails and is cancel safe as [`Bulkhead::run`].
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), steadfast::Error> {
    /// use steadfast::{Bulkhead, Call, CancelToken};
    ///
    /// let bulkhead = Bulkhead::new(4).queue(4);
    /// let permit = bulkhead.enter(&Call::new("read", &CancelToken::root("program"))).await?;
    /// assert_eq!(bulkhead.in_flight(), 1);
    /// drop(permit);
    /// # Ok(()) }
    /// ```
    pub async fn enter(&self, call: &Call) -> Result<BulkheadPermit, Error> {
        let mut entering = Entering::new(call, Arc::clone(&self.places), self.settings.max_wait);
        match poll_fn(|context| entering.poll(context)).await {
            Ok(()) => Ok(BulkheadPermit { _claim: entering.into_claim() }),
            Err(no_place) => Err(no_place.tell(call, || self.settings.refusal())),
        }
    }

    /// A place, if one is free now and nobody waits for it; otherwise `OVERLOADED`.
    ///
    /// ```
    /// use steadfast::{Bulkhead, Code};
    ///
    /// let bulkhead = Bulkhead::new(1).queue(8);
    /// let _inside = bulkhead.try_enter()?;
    /// assert_eq!(bulkhead.try_enter().unwrap_err().code(), Code::OVERLOADED); // it never joins the line
    /// # Ok::<(), steadfast::Error>(())
    /// ```
    pub fn try_enter(&self) -> Result<BulkheadPermit, Error> {
        let mut claim = Claim::new(Arc::clone(&self.places));
        match claim.try_take() {
            Ok(()) => Ok(BulkheadPermit { _claim: claim }),
            Err(_full) => Err(self.settings.refusal().into()),
        }
    }

    /// How many have a place now.
    ///
    /// ```
    /// use steadfast::Bulkhead;
    ///
    /// let bulkhead = Bulkhead::new(4);
    /// let _inside = bulkhead.clone().try_enter()?;
    /// assert_eq!(bulkhead.in_flight(), 1); // clones share their places
    /// # Ok::<(), steadfast::Error>(())
    /// ```
    pub fn in_flight(&self) -> u32 {
        self.places.taken()
    }

    /// How many wait in line now.
    ///
    /// ```
    /// use steadfast::{Bulkhead, Call, CancelToken};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), steadfast::Error> {
    /// let bulkhead = Bulkhead::new(1).queue(8);
    /// # let call = Call::new("print", &CancelToken::root("program"));
    /// let inside = bulkhead.try_enter()?;
    /// let look = async {
    ///     let queued = bulkhead.queued();
    ///     drop(inside);
    ///     queued
    /// };
    /// let (_next, queued) = tokio::join!(bulkhead.enter(&call), look);
    /// assert_eq!((queued, bulkhead.queued()), (1, 0));
    /// # Ok(()) }
    /// ```
    pub fn queued(&self) -> u32 {
        self.places.waiting()
    }

    /// How many may be inside at once.
    ///
    /// ```
    /// use steadfast::Bulkhead;
    ///
    /// let bulkhead = Bulkhead::new(2).queue(8);
    /// assert_eq!(bulkhead.limit(), 2); // the line is not counted
    /// ```
    pub fn limit(&self) -> u32 {
        self.places.limit()
    }

    /// What it protects.
    ///
    /// ```
    /// use steadfast::Bulkhead;
    /// assert_eq!(Bulkhead::new(8).target(), "target"); // until it is named
    /// ```
    pub fn target(&self) -> &str {
        &self.settings.target
    }
}

impl Settings {
    fn refusal(&self) -> Rejection {
        Rejection::new(RejectedBy::Bulkhead, self.target.clone())
    }
}

/// A place in a [`Bulkhead`], given back when it is dropped. It can be kept as long as needed and moved between
/// tasks.
///
/// ```
/// let bulkhead = steadfast::Bulkhead::new(1);
/// let permit = bulkhead.try_enter()?;
/// assert!(bulkhead.try_enter().is_err());
/// drop(permit);
/// assert!(bulkhead.try_enter().is_ok());
/// # Ok::<(), steadfast::Error>(())
/// ```
#[derive(Debug)]
#[must_use = "dropping it at once gives the place back"]
pub struct BulkheadPermit {
    _claim: Claim<Arc<Places>>,
}

impl Around for Bulkhead {
    type Future<'a, F: TryFuture> = Housed<'a, F>;

    fn around<'a, F: TryFuture>(&'a self, call: &'a Call, work: F) -> Housed<'a, F> {
        let entering = Entering::new(call, &*self.places, self.settings.max_wait);
        Housed::new(entering, &self.settings, work)
    }
}
