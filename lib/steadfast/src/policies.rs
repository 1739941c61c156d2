//! Every policy, in the order in which a call should meet them from outside to inside. A policy is a value
//! with `run(&call, ..)`; it never logs, it emits events.

mod adaptive_limit;
mod around;
mod breaker;
mod budget;
mod bulkhead;
mod cache;
#[cfg(feature = "chaos")]
mod chaos;
mod fallback;
mod hedge;
mod keyed;
mod load_shed;
mod places;
mod rate_limit;
mod retry;
mod single_flight;
mod timeout;
mod try_future;

pub use adaptive_limit::{AdaptiveLimit, AdaptivePermit};
pub use around::Around;
pub(crate) use around::Perhaps;
pub use breaker::{Abandoned, Breaker, BreakerState, Breakers, ObservedMove, OpenReason, Permit};
pub(crate) use breaker::{Guarded, guarded};
pub use budget::Budget;
pub use bulkhead::{Bulkhead, BulkheadPermit};
pub use cache::{Cache, Cached, Freshness};
#[cfg(feature = "chaos")]
pub use chaos::{Chaos, ChaosOutcome};
pub use fallback::{Fallback, Ranked, Served, Standing};
pub use hedge::Hedge;
pub use keyed::Keyed;
pub use load_shed::{LoadShed, Pressure, Priority};
pub use rate_limit::RateLimit;
pub use retry::{Again, GivenBack, Jitter, Replay, Retry, When};
pub(crate) use retry::{Begin, Each, GivesBack, Plan, Ran, Replayed, Work, drive};
pub use single_flight::SingleFlight;
#[cfg(feature = "stream")]
pub use timeout::TimedStream;
pub use timeout::{StreamTimeout, StreamWatch, Timeout};
pub use try_future::TryFuture;
