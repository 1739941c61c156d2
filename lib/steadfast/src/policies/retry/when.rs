//! Which values are no good answer although the work succeeded.

use std::fmt;

/// Judges a value; `()` is content with everything, [`When`] asks a closure.
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
