//! The shape of a policy that wraps one future and never runs it twice: time-outs, breakers, limits. The
//! pipeline's inner slots hold these. Policies that run work several times (retry, hedge, fallback) take a
//! closure instead.

use super::TryFuture;
use crate::Call;
use pin_project_lite::pin_project;
use std::{
    pin::Pin,
    task::{Context, Poll},
};

/// A policy around one piece of work. The future is a named type, not an `async fn`'s: those keep their argument
/// twice, and policies nest.
///
/// ```
/// use std::time::Duration;
/// use steadfast::{Around, Bulkhead, Call, CancelToken, Error, Timeout};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), steadfast::Error> {
/// async fn fetch(policy: &impl Around, call: &Call) -> Result<u32, Error> {
///     policy.around(call, async { Ok::<_, Error>(7) }).await
/// }
/// let call = Call::new("fetch", &CancelToken::root("program"));
/// let limits = (Bulkhead::new(4), Timeout::after(Duration::from_secs(2)));
/// assert_eq!(fetch(&(), &call).await?, 7); // no policy at all
/// assert_eq!(fetch(&limits.0, &call).await?, 7);
/// assert_eq!(fetch(&limits, &call).await?, 7); // the bulkhead outside the time-out
/// # Ok(()) }
/// ```
pub trait Around {
    /// The work inside the policy.
    type Future<'a, F: TryFuture>: TryFuture<Ok = F::Ok, Fault = F::Fault>
    where
        Self: 'a;

    /// Puts `work` inside. Nothing happens before the future is polled; dropping it gives every place back.
    fn around<'a, F: TryFuture>(&'a self, call: &'a Call, work: F) -> Self::Future<'a, F>;
}

/// The empty place: the work itself, at no cost.
impl Around for () {
    type Future<'a, F: TryFuture> = F;

    fn around<'a, F: TryFuture>(&'a self, _: &'a Call, work: F) -> F {
        work
    }
}

/// Two policies in one place, the first outside the second. More nest: `(a, (b, (c, d)))`.
impl<A: Around, B: Around> Around for (A, B) {
    type Future<'a, F: TryFuture>
        = A::Future<'a, B::Future<'a, F>>
    where
        Self: 'a;

    fn around<'a, F: TryFuture>(&'a self, call: &'a Call, work: F) -> Self::Future<'a, F> {
        self.0.around(call, self.1.around(call, work))
    }
}

/// Three policies in one place, the first outermost.
///
/// Limits stand best in this order: what refuses by importance, then what makes wait for a turn, then what holds a
/// place, so that nobody holds a place while he waits for a turn. An [`AdaptiveLimit`](crate::AdaptiveLimit) stands
/// inside a [`RateLimit`](crate::RateLimit) of our own, whose refusals it would take for the target's.
///
/// ```
/// use steadfast::{AdaptiveLimit, Around, Call, CancelToken, Error, LoadShed, Pressure, RateLimit};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Error> {
/// let shedder = LoadShed::watching(&Pressure::new());
/// let limits = (shedder, RateLimit::per_second(20), AdaptiveLimit::aimd());
/// let call = Call::new("ask", &CancelToken::root("program"));
/// let answer = limits.around(&call, async { Ok::<_, Error>("42") }).await?;
/// assert_eq!(answer, "42");
/// # Ok(()) }
/// ```
impl<A: Around, B: Around, C: Around> Around for (A, B, C) {
    type Future<'a, F: TryFuture>
        = A::Future<'a, B::Future<'a, C::Future<'a, F>>>
    where
        Self: 'a;

    fn around<'a, F: TryFuture>(&'a self, call: &'a Call, work: F) -> Self::Future<'a, F> {
        self.0.around(call, self.1.around(call, self.2.around(call, work)))
    }
}

/// A policy that was perhaps switched off.
impl<A: Around> Around for Option<A> {
    type Future<'a, F: TryFuture>
        = Perhaps<A::Future<'a, F>, F>
    where
        Self: 'a;

    fn around<'a, F: TryFuture>(&'a self, call: &'a Call, work: F) -> Self::Future<'a, F> {
        match self {
            Some(policy) => Perhaps::Inside { work: policy.around(call, work) },
            None => Perhaps::Bare { work },
        }
    }
}

pin_project! {
    /// The future of a policy that was perhaps switched off.
    ///
    /// ```
    /// use steadfast::{Around, Call, CancelToken, Error, Timeout};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), steadfast::Error> {
    /// let limit: Option<Timeout> = None; // switched off in the settings
    /// let call = Call::new("fetch", &CancelToken::root("program"));
    /// assert_eq!(limit.around(&call, async { Ok::<_, Error>(7) }).await?, 7);
    /// # Ok(()) }
    /// ```
    #[project = PerhapsProjected]
    #[must_use = "futures do nothing unless awaited"]
    pub enum Perhaps<G, F> {
        Inside { #[pin] work: G },
        Bare { #[pin] work: F },
    }
}

impl<G: Future, F: Future<Output = G::Output>> Future for Perhaps<G, F> {
    type Output = G::Output;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<G::Output> {
        match self.project() {
            PerhapsProjected::Inside { work } => work.poll(context),
            PerhapsProjected::Bare { work } => work.poll(context),
        }
    }
}
