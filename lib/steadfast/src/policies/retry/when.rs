//! Which values are no good answer although the work succeeded.

use std::fmt;

/// Judges a value; `()` is content with everything, [`When`] asks a closure.
///
/// ```
/// use std::time::Duration;
/// use steadfast::{Again, Call, CancelToken, Error, Retry};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), steadfast::Error> {
/// // For signatures that take a `Retry` with or without a predicate.
/// async fn poll<W: Again<u32>>(retry: &Retry<W>, call: &Call) -> Result<u32, Error> {
///     retry.run(call, |attempt| async move { Ok(attempt.number) }).await
/// }
/// let call = Call::new("poll", &CancelToken::root("program"));
/// let retry = Retry::fixed(Duration::from_millis(1));
/// assert_eq!(poll(&retry, &call).await?, 1);
/// assert_eq!(poll(&retry.retry_when(|state: &u32| *state < 3), &call).await?, 3);
/// # Ok(()) }
/// ```
pub trait Again<T> {
    /// Whether another attempt should be made although this is a value.
    fn again(&self, value: &T) -> bool;
}

impl<T> Again<T> for () {
    fn again(&self, _: &T) -> bool {
        false
    }
}

/// A predicate on values; made by [`Retry::retry_when`](crate::Retry::retry_when).
///
/// ```
/// use std::time::Duration;
/// use steadfast::{Call, CancelToken, Retry, When};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), steadfast::Error> {
/// struct Poller {
///     retry: Retry<When<fn(&u32) -> bool>>, // a closure's type has no name, a function's has
/// }
/// fn unfinished(state: &u32) -> bool {
///     *state < 3
/// }
/// let retry = Retry::fixed(Duration::from_millis(1)).retry_when(unfinished as fn(&u32) -> bool);
/// let poller = Poller { retry };
/// let call = Call::new("poll", &CancelToken::root("program"));
/// assert_eq!(poller.retry.run(&call, |attempt| async move { Ok(attempt.number) }).await?, 3);
/// # Ok(()) }
/// ```
#[derive(Clone, Copy)]
pub struct When<P>(pub(super) P);

impl<T, P: Fn(&T) -> bool> Again<T> for When<P> {
    fn again(&self, value: &T) -> bool {
        (self.0)(value)
    }
}

impl<P> fmt::Debug for When<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("When")
    }
}
