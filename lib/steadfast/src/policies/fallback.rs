//! Asks another target when one does not serve: in the given order (`Fallback::ordered`), or the one first that
//! has served best (`Ranked`). `rank.rs` scores, `tracker.rs` measures; this file walks along the chain.
//! Surprise: a request that is the caller's own mistake is not carried elsewhere, it would fail there too.

use crate::{Attempt, Blame, Call, Code, Error, Event, RejectedBy, Rejection, RetryAdvice, Stop, call::Bounded};
use crate::{error::Fault, error::Guidance};
use std::{fmt, sync::Arc};
use tracker::{Tracker, Trial};

mod rank;
mod ranked;
mod tracker;

pub use ranked::{Ranked, Standing};

/// A chain of targets; clones share what was measured.
///
/// ```
/// use steadfast::{Call, CancelToken, Error, Fallback};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Error> {
/// let call = Call::new("fetch the weather", &CancelToken::root("program"));
/// let chain = Fallback::ordered(["near", "far"]);
/// let served = chain
///     .run(&call, |station, _attempt| async move {
///         if *station == "near" { Err(Error::unavailable("near")) } else { Ok("sunny") }
///     })
///     .await?;
/// assert_eq!((served.value, *served.by, served.degraded), ("sunny", "far", true));
/// # Ok(()) }
/// ```
#[derive(Debug)]
pub struct Fallback<T> {
    targets: Arc<[T]>,
    at_most: u32,
    ranking: Option<Arc<Tracker>>,
}

/// An answer, and who gave it.
///
/// ```
/// use steadfast::{Call, CancelToken, Error, Fallback};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Error> {
/// let chain = Fallback::ordered(["resting", "near", "far"]);
/// let call = Call::new("fetch the weather", &CancelToken::root("program"));
/// let served = chain
///     .run(&call, |station, _attempt| async move {
///         match *station {
///             "resting" => Err(Error::circuit_open("resting", std::time::Duration::from_secs(7))),
///             "near" => Err(Error::unavailable("near")),
///             _ => Ok("sunny"),
///         }
///     })
///     .await?;
/// // The third in the chain, but only two were asked: a breaker stood before the first.
/// assert_eq!((*served.by, served.attempts, served.degraded), ("far", 2, true));
/// # Ok(()) }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Served<'a, T, V> {
    /// The answer.
    pub value: V,
    /// The target that gave it.
    pub by: &'a T,
    /// Whether a target that came first in this call's order failed or was skipped.
    pub degraded: bool,
    /// How many targets were asked, this one included. A target whose breaker refused was not asked.
    pub attempts: u32,
}

impl<T> Fallback<T> {
    /// The targets in the order in which to ask them. At most 64 are kept; of an empty chain every call is refused
    /// with `UNAVAILABLE`.
    ///
    /// ```
    /// use steadfast::{Call, CancelToken, Code, Fallback};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let nobody = Fallback::<&str>::ordered([]);
    /// let call = Call::new("fetch the weather", &CancelToken::root("program"));
    /// let error = nobody.run(&call, |_, _| async { Ok("sunny") }).await.unwrap_err();
    /// assert_eq!(error.code(), Code::UNAVAILABLE);
    /// # }
    /// ```
    pub fn ordered(targets: impl IntoIterator<Item = T>) -> Self {
        Self { targets: targets.into_iter().take(MAX_TARGETS).collect(), at_most: AT_MOST, ranking: None }
    }

    /// How many targets one call may ask (at least 1). A target whose breaker refuses was not asked. Default 4.
    ///
    /// ```
    /// use steadfast::{Call, CancelToken, Error, Fallback};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let chain = Fallback::ordered(["near", "far", "farther"]).at_most(2);
    /// let call = Call::new("fetch the weather", &CancelToken::root("program"));
    /// let error = chain.run(&call, |_, _| async { Err::<(), _>(Error::unavailable("far")) }).await.unwrap_err();
    /// assert_eq!(error.attempts(), Some(2));
    /// # }
    /// ```
    #[must_use]
    pub fn at_most(self, targets: u32) -> Self {
        Self { at_most: targets.max(1), ..self }
    }

    /// All targets, in the order in which they were given.
    ///
    /// ```
    /// let chain = steadfast::Fallback::ordered(["near", "far"]);
    /// assert_eq!(chain.targets(), ["near", "far"]);
    /// ```
    pub fn targets(&self) -> &[T] {
        &self.targets
    }

    fn limit(&self) -> u32 {
        self.at_most.min(u32::try_from(self.targets.len()).unwrap_or(u32::MAX))
    }

    /// The place of the target to ask next.
    fn next(&self, tried: Tried, call: &Call) -> Option<usize> {
        match &self.ranking {
            Some(tracker) => tracker.next(tried, call.clock()),
            None => (0..self.targets.len()).find(|place| !tried.contains(*place)),
        }
    }
}

impl<T: fmt::Display> Fallback<T> {
    /// Asks one target after the other until one serves. It asks the next one when the error says that this can
    /// help: all advice but `Never`, and `Never` only when the target or a quota is to blame or a retry gave up. It
    /// ends at once when the call is cancelled or out of time.
    ///
    /// Gives back the error itself when one target was asked or the error forbids asking another; the refusal when
    /// every breaker refused; otherwise `RETRY_EXHAUSTED` with the last target's error as its source. Dropping the
    /// future drops the work; a target that was cut off for taking too long counts as failed.
    ///
    /// ```
    /// use steadfast::{Call, CancelToken, Code, Error, Fallback};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let chain = Fallback::ordered(["near", "far"]);
    /// let call = Call::new("fetch the weather", &CancelToken::root("program"));
    /// let error = chain.run(&call, |_, _| async { Err::<(), _>(Error::unavailable("far")) }).await.unwrap_err();
    /// assert_eq!((error.code(), error.attempts()), (Code::RETRY_EXHAUSTED, Some(2)));
    /// // A mistake of the caller would be one everywhere: only the first target heard of it.
    /// let error = chain.run(&call, |_, _| async { Err::<(), _>(Error::not_found("town", "7")) }).await.unwrap_err();
    /// assert_eq!((error.code(), error.attempts()), (Code::NOT_FOUND, None));
    /// # }
    /// ```
    pub async fn run<'a, V, F, Fut>(&'a self, call: &Call, work: F) -> Result<Served<'a, T, V>, Error>
    where
        F: FnMut(&'a T, Attempt) -> Fut,
        Fut: Future<Output = Result<V, Error>>,
    {
        self.around(call, work).await
    }

    /// `run` for any error type.
    pub(crate) async fn around<'a, V, X: Fault, F, Fut>(
        &'a self,
        call: &Call,
        mut work: F,
    ) -> Result<Served<'a, T, V>, X>
    where
        F: FnMut(&'a T, Attempt) -> Fut,
        Fut: Future<Output = Result<V, X>>,
    {
        let mut tried = Tried::default();
        let mut attempt = Attempt { number: 1, of: self.limit() };
        let mut failed: Option<X> = None;
        let mut refused: Option<X> = None;
        let mut left: Option<(usize, Code)> = None;
        while let Some(place) = self.next(tried, call).filter(|_| attempt.number <= attempt.of) {
            let Some(target) = self.targets.get(place) else { break };
            self.say_moved(call, left, target);
            let trial = Trial::begin(self.ranking.as_deref(), place, call);
            let ended = Bounded::new(call, None, work(target, attempt)).await;
            trial.end(&ended);
            let error = match ended {
                Ok(value) => {
                    return Ok(Served { value, by: target, degraded: left.is_some(), attempts: attempt.number });
                }
                Err(error) => error,
            };
            if is_over(call) || !moves_on(&error) {
                return Err(error);
            }
            tried.add(place);
            left = Some((place, error.code()));
            if error.code() == Code::CIRCUIT_OPEN {
                refused = Some(error);
            } else {
                failed = Some(error);
                attempt.number += 1;
            }
        }
        Err(give_up(call, attempt.number - 1, failed, refused))
    }

    fn say_moved(&self, call: &Call, left: Option<(usize, Code)>, to: &T) {
        let Some((from, code)) = left.and_then(|(place, code)| Some((self.targets.get(place)?, code))) else { return };
        call.events().emit(|| Event::FellBack {
            operation: call.operation_name(),
            from: from.to_string().into(),
            to: to.to_string().into(),
            code,
        });
    }
}

impl<T> Clone for Fallback<T> {
    fn clone(&self) -> Self {
        Self { targets: Arc::clone(&self.targets), at_most: self.at_most, ranking: self.ranking.clone() }
    }
}

/// Whether another target may do better. `Never` binds when the request or this program is at fault; a target that
/// will never serve this request is the very case for another one.
fn moves_on<X: Fault>(error: &X) -> bool {
    let Guidance { advice, blame } = error.guidance();
    match advice {
        RetryAdvice::RetryNow | RetryAdvice::RetryAfter(_) | RetryAdvice::TryElsewhere => true,
        RetryAdvice::Never => matches!(blame, Blame::Target | Blame::Quota) || error.code() == Code::RETRY_EXHAUSTED,
    }
}

fn is_over(call: &Call) -> bool {
    call.token().is_cancelled() || call.deadline().is_some_and(|deadline| deadline.is_past(call.clock()))
}

fn give_up<X: Fault>(call: &Call, asked: u32, failed: Option<X>, refused: Option<X>) -> X {
    let nobody =
        || X::from_stop(Stop::Rejected(Rejection::new(RejectedBy::Fallback, "every target")), call.operation());
    let error = failed.or(refused).unwrap_or_else(nobody);
    call.events().emit(|| Event::FallbackExhausted {
        operation: call.operation_name(),
        attempts: asked,
        code: error.code(),
    });
    if asked > 1 { error.after_attempts(asked, call.operation()) } else { error }
}

/// The places that this call has been to, one bit each: no allocation.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Tried(u64);

impl Tried {
    fn add(&mut self, place: usize) {
        self.0 |= 1 << (place % MAX_TARGETS);
    }

    fn contains(self, place: usize) -> bool {
        self.0 & (1 << (place % MAX_TARGETS)) != 0
    }

    fn is_empty(self) -> bool {
        self.0 == 0
    }
}

/// One bit each in `Tried`.
const MAX_TARGETS: usize = 64;

/// A choice: whoever has failed at four places in a row is told so while they still wait.
const AT_MOST: u32 = 4;
