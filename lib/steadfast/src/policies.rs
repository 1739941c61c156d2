//! Every policy, in the order in which a call should meet them from outside to inside. A policy is a value
//! with `run(&call, ..)`; it never logs, it emits events.

mod around;
mod breaker;
mod retry;
mod timeout;

pub use around::Around;
pub use breaker::{Abandoned, Breaker, BreakerState, Breakers, ObservedMove, OpenReason, Permit};
pub use retry::{Jitter, Retry};
pub use timeout::Timeout;
