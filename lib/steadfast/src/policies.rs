//! Every policy, in the order in which a call should meet them from outside to inside. A policy is a value
//! with `run(&call, ..)`; it never logs, it emits events.

mod around;
mod breaker;
mod budget;
mod retry;
mod timeout;

pub use around::Around;
pub use breaker::{Abandoned, Breaker, BreakerState, Breakers, ObservedMove, OpenReason, Permit};
pub(crate) use breaker::{Guarded, guarded};
pub use budget::Budget;
pub use retry::{Again, GivenBack, Jitter, Replay, Retry, When};
pub(crate) use retry::{Each, GivesBack, Plan, Replayed, Work, drive};
pub use timeout::Timeout;
