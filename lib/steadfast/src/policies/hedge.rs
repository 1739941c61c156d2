//! Asks a second time when the first answer is late, and takes whichever comes first: against the slow one in a
//! hundred, not against failures. The work must be harmless to do twice. Surprise: a copy that fails starts no
//! other one, that would be a retry; and hedges have a budget, or they would double the load of a slow target.

use crate::{Attempt, Budget, Call, Error, call::Bounded, error::Fault};
use hedged::Hedged;
use latencies::Latencies;
use std::{sync::Arc, time::Duration};

mod hedged;
mod latencies;
mod race;

/// Another copy for what is late; clones share their latencies and their budget. Dean and Barroso, "The Tail at
/// Scale" (2013), whose numbers are the defaults: at the 95th percentile, for at most 5 % of the calls.
///
/// Each copy gets a [`Call`] with a token of its own. Whichever succeeds first wins; the others' tokens are cancelled
/// with [`CancelReason::HedgeLost`](crate::CancelReason::HedgeLost), which a breaker does not hold against anybody,
/// and their futures are dropped. No task is started. The price of a call is a child token, which is a few small
/// allocations; the other policies have none.
///
/// ```
/// use std::time::Duration;
/// use steadfast::{Call, CancelToken, Error, Hedge};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Error> {
/// let hedge = Hedge::after(Duration::from_millis(5));
/// let call = Call::new("look up", &CancelToken::root("program"));
/// let who = hedge
///     .run(&call, |attempt, call| async move {
///         if attempt.number == 1 {
///             call.clock().sleep(Duration::from_secs(10)).await; // stuck
///         }
///         Ok(attempt.number)
///     })
///     .await?;
/// assert_eq!(who, 2);
/// # Ok(()) }
/// ```
#[derive(Debug, Clone)]
pub struct Hedge {
    delay: Delay,
    max_copies: u32,
    budget: Budget,
}

#[derive(Debug, Clone)]
enum Delay {
    Fixed(Duration),
    Measured { latencies: Arc<Latencies>, min: Duration },
}

impl Hedge {
    /// Starts a copy when there is no answer after this long, at least a millisecond.
    ///
    /// ```
    /// use std::time::Duration;
    /// use steadfast::Hedge;
    /// assert_eq!(Hedge::after(Duration::ZERO).delay(), Some(Duration::from_millis(1)));
    /// ```
    pub fn after(delay: Duration) -> Self {
        Self::new(Delay::Fixed(delay.max(SHORTEST)))
    }

    /// Starts a copy when a call takes longer than this share of the calls before it: 0.95 is the slowest 5 %. From
    /// 0.5 to 0.999, what is outside is moved to the nearer end, and what is no number is 0.95. It measures its own
    /// calls, from the start to the answer; of the last about thousand, to an eighth of the value. Until it has seen
    /// 32 there are no copies.
    ///
    /// ```
    /// use std::time::Duration;
    /// let hedge = steadfast::Hedge::at_quantile(0.95).min_delay(Duration::from_secs(1));
    /// assert_eq!(hedge.delay(), None); // nothing measured yet
    /// ```
    pub fn at_quantile(quantile: f64) -> Self {
        Self::new(Delay::Measured { latencies: Arc::new(Latencies::new(quantile)), min: MIN_DELAY })
    }

    /// A measured delay is never shorter than this, at least a millisecond. Default 10 ms. Means nothing for a fixed
    /// delay.
    ///
    /// ```
    /// use std::time::Duration;
    /// use steadfast::{Call, CancelToken, Hedge};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), steadfast::Error> {
    /// let hedge = Hedge::at_quantile(0.95).min_delay(Duration::from_secs(1));
    /// let call = Call::new("look up", &CancelToken::root("program"));
    /// for _ in 0..32 {
    ///     hedge.run(&call, |_, _| async { Ok(()) }).await?; // takes no time
    /// }
    /// assert_eq!(hedge.delay(), Some(Duration::from_secs(1)));
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn min_delay(self, min_delay: Duration) -> Self {
        match self.delay {
            Delay::Fixed(_) => self,
            Delay::Measured { latencies, .. } => {
                Self { delay: Delay::Measured { latencies, min: min_delay.max(SHORTEST) }, ..self }
            }
        }
    }

    /// How many there are at most at once, the first try included; at least 1, which means no hedging. Default 2.
    ///
    /// ```
    /// use std::time::Duration;
    /// use steadfast::{Call, CancelToken, Hedge};
    ///
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() -> Result<(), steadfast::Error> {
    /// let hedge = Hedge::after(Duration::from_millis(200)).max_copies(3);
    /// let call = Call::new("look up", &CancelToken::root("program"));
    /// let who = hedge
    ///     .run(&call, |attempt, call| async move {
    ///         let stuck = Duration::from_secs(if attempt.is_last() { 0 } else { 10 });
    ///         call.clock().sleep(stuck).await;
    ///         Ok(attempt)
    ///     })
    ///     .await?;
    /// assert_eq!(who.to_string(), "attempt 3 of 3");
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn max_copies(self, max_copies: u32) -> Self {
        Self { max_copies: max_copies.max(1), ..self }
    }

    /// What extra copies are paid from, one token each. Default: 5 % of the calls that succeed, with 10 in hand.
    /// Give it the retries' budget to hold both together.
    ///
    /// ```
    /// use std::time::Duration;
    /// use steadfast::{Budget, Call, CancelToken, Hedge};
    ///
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() -> Result<(), steadfast::Error> {
    /// let spent = Budget::ratio(0.01);
    /// assert!(spent.try_spend(10)); // by the retries, say
    /// let hedge = Hedge::after(Duration::from_millis(200)).budget(spent);
    /// let call = Call::new("look up", &CancelToken::root("program"));
    /// let who = hedge
    ///     .run(&call, |attempt, call| async move {
    ///         call.clock().sleep(Duration::from_secs(10)).await;
    ///         Ok(attempt.number)
    ///     })
    ///     .await?;
    /// assert_eq!(who, 1); // late, and no copy was started
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn budget(self, budget: Budget) -> Self {
        Self { budget, ..self }
    }

    fn new(delay: Delay) -> Self {
        Self { delay, max_copies: MAX_COPIES, budget: Budget::ratio(SHARE) }
    }
}

/// Using it.
impl Hedge {
    /// Runs `work`, and more copies of it while there is no answer, until one succeeds. Each copy is told which one it
    /// is, and gets a call of its own, under which it should run.
    ///
    /// Fails as the last copy that was under way, or at once when an error says that trying helps nobody, and when
    /// the call's token or deadline ends it. Cancel safe as far as `work` is: dropping it drops every copy.
    ///
    /// ```
    /// use std::time::Duration;
    /// use steadfast::{Call, CancelReason, CancelToken, Hedge};
    ///
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() -> Result<(), steadfast::Error> {
    /// let hedge = Hedge::after(Duration::from_millis(200));
    /// let call = Call::new("look up", &CancelToken::root("program"));
    /// let mut tokens = Vec::new();
    /// let who = hedge
    ///     .run(&call, |attempt, call| {
    ///         tokens.push(call.token().clone());
    ///         async move {
    ///             let stuck = Duration::from_secs(if attempt.number == 1 { 10 } else { 0 });
    ///             call.clock().sleep(stuck).await;
    ///             Ok(attempt.number)
    ///         }
    ///     })
    ///     .await?;
    /// assert_eq!(who, 2);
    /// assert_eq!(tokens[0].reason(), Some(CancelReason::HedgeLost));
    /// assert!(!tokens[1].is_cancelled()); // what the winner gave back may still live on its token
    /// # Ok(()) }
    /// ```
    pub fn run<'a, T, W, F>(
        &'a self,
        call: &'a Call,
        work: W,
    ) -> impl Future<Output = Result<T, Error>> + use<'a, T, W, F>
    where
        W: FnMut(Attempt, Call) -> F,
        F: Future<Output = Result<T, Error>>,
    {
        self.around(call, work)
    }

    /// `run` for any error type.
    pub(crate) fn around<'a, T, X, W, F>(&'a self, call: &'a Call, work: W) -> Bounded<'a, Hedged<'a, X, W, F>>
    where
        X: Fault,
        W: FnMut(Attempt, Call) -> F,
        F: Future<Output = Result<T, X>>,
    {
        Bounded::new(call, None, Hedged::new(self, call, work))
    }

    /// How long it waits for an answer now; `None` while it has not measured enough.
    ///
    /// ```
    /// use std::time::Duration;
    /// use steadfast::Hedge;
    ///
    /// let delay = Duration::from_millis(200);
    /// assert_eq!(Hedge::after(delay).delay(), Some(delay));
    /// assert_eq!(Hedge::at_quantile(0.95).delay(), None); // no copies until it has seen 32 calls
    /// ```
    pub fn delay(&self) -> Option<Duration> {
        match &self.delay {
            Delay::Fixed(delay) => Some(*delay),
            Delay::Measured { latencies, min } => Some(latencies.quantile()?.max(*min)),
        }
    }
}

/// One more is what most of the gain comes from.
const MAX_COPIES: u32 = 2;

/// "The Tail at Scale": a second request after the 95th percentile adds about 5 % of load.
const SHARE: f64 = 0.05;

/// What tokio's timers can tell apart.
const SHORTEST: Duration = Duration::from_millis(1);

/// A choice: below this the copy costs more than the wait.
const MIN_DELAY: Duration = Duration::from_millis(10);
