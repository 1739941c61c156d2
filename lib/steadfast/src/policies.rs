//! Every policy, in the order in which a call should meet them from outside to inside. A policy is a value
//! with `run(&call, ..)`; it never logs, it emits events.

mod around;
mod breaker;
mod cache;
#[cfg(feature = "chaos")]
mod chaos;
mod fallback;
mod retry;
mod single_flight;
mod timeout;

pub use around::Around;
pub use breaker::{Breaker, BreakerState, OpenReason, Permit};
pub use cache::{Cache, Cached, Freshness};
#[cfg(feature = "chaos")]
pub use chaos::{Chaos, ChaosOutcome};
pub use fallback::{Fallback, Ranked, Served, Standing};
pub use retry::{Jitter, Retry};
pub use single_flight::SingleFlight;
pub use timeout::Timeout;
