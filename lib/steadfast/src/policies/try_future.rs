//! A future of a `Result` whose error policies can speak in, as one bound. It is there for the types of policies'
//! futures: they are made of this alone, and never name what it answers beside it. Named twice, the lifetimes of a
//! trait object in an answer are compared when a task is spawned, and are found too general (rustc 1.95).

use crate::error::Fault;

/// A future of a `Result`. Every such future is one; nobody needs to implement it.
///
/// ```
/// use steadfast::{Error, TryFuture};
///
/// fn is_one<F: TryFuture<Ok = u32, Fault = Error>>(_: F) {}
/// is_one(async { Ok::<u32, Error>(7) });
/// ```
pub trait TryFuture: Future<Output = Result<Self::Ok, Self::Fault>> {
    /// What it gives when it succeeds.
    type Ok;
    /// What it fails with.
    type Fault: Fault;
}

impl<T, X: Fault, F: Future<Output = Result<T, X>>> TryFuture for F {
    type Ok = T;
    type Fault = X;
}
