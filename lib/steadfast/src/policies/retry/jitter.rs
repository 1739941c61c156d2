//! Chance in the waits, so that many clients that failed together do not come back together.

use std::time::Duration;

/// How much chance is mixed into a wait. The formulas and the names are those of Marc Brooker, "Exponential
/// Backoff And Jitter", AWS Architecture Blog, 2015.
///
/// ```
/// use std::time::Duration;
/// use steadfast::{Call, CancelToken, Error, Jitter, Retry};
///
/// # #[tokio::main(flavor = "current_thread", start_paused = true)]
/// # async fn main() {
/// let call = Call::new("fetch", &CancelToken::root("program"));
/// for (jitter, least) in [(Jitter::None, 10), (Jitter::Equal, 5), (Jitter::Full, 0)] {
///     let began = call.clock().now();
///     let retry = Retry::fixed(Duration::from_secs(10)).max_attempts(2).jitter(jitter);
///     retry.run(&call, |_| async { Err::<(), _>(Error::unavailable("shop")) }).await.unwrap_err();
///     assert!((least..=10).contains(&(call.clock().now() - began).as_secs()));
/// }
/// # }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "snake_case"))]
pub enum Jitter {
    /// The wait as it is.
    None,
    /// Anything from nothing to the wait: spreads best.
    Full,
    /// Half of the wait, and anything up to the other half: never comes back at once.
    Equal,
}

impl Jitter {
    pub(super) fn apply(self, delay: Duration, random: &mut fastrand::Rng) -> Duration {
        match self {
            Self::None => delay,
            // Below 1 always, so the product never exceeds the delay.
            Self::Full => delay.mul_f64(random.f64()),
            Self::Equal => delay / 2 + (delay / 2).mul_f64(random.f64()),
        }
    }
}
