//! Resilience for any async program: errors with advice, cancellation with a reason, a clock that tests can move, and
//! every policy of the field, which read all three, in one [`Pipeline`]. It knows no protocol and no wire format, and
//! it starts no task by itself.
//!
//! ```
//! use std::time::Duration;
//! use steadfast::{Breaker, Call, CancelToken, Error, Pipeline, Retry};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Error> {
//! let station = Pipeline::named("weather station")
//!     .retry(Retry::exponential(Duration::from_millis(100)).max_attempts(3))
//!     .breaker(Breaker::consecutive(5).named("weather station"))
//!     .attempt_timeout(Duration::from_secs(2));
//!
//! let root = CancelToken::root("program");
//! let call = Call::new("fetch the weather", &root);
//! let outcome = station
//!     .run(&call, |attempt| async move {
//!         if attempt.number == 1 { Err(Error::connection_lost("weather")) } else { Ok("sunny") }
//!     })
//!     .await?;
//! assert_eq!((outcome.value, outcome.attempts), ("sunny", 2));
//! # Ok(()) }
//! ```
#![forbid(unsafe_code)]
#![warn(missing_docs)]

mod attempt;
mod call;
mod cancel;
mod chance;
mod clock;
mod connection;
mod deadline;
mod error;
mod event;
mod health;
mod name;
mod nudge;
mod outcome;
mod pipeline;
mod policies;
mod sync;
pub mod telemetry;
#[cfg(feature = "testing")]
pub mod testing;

pub use attempt::Attempt;
pub use call::Call;
pub use cancel::{CancelReason, CancelToken, Cancelled, Run, Task, TrackedTask};
pub use clock::Clock;
pub use connection::{Connection, ConnectionPhase, ConnectionSignal, ConnectionState, RefusedMove};
pub use deadline::Deadline;
pub use error::{
    Blame, Classify, Code, CodeSpec, Detail, Error, Fault, Guidance, RejectedBy, Rejection, Report, RetryAdvice, Stop,
};
pub use event::{BroadcastSink, Event, Events, Sink};
pub use health::{Component, ComponentReport, Health, HealthReport, HealthStatus};
pub use name::Name;
pub use nudge::Nudge;
pub use outcome::{Degraded, Failed, Outcome, TimeSplit};
pub use pipeline::{
    BackoffSettings, BoxPipeline, BreakerSettings, BudgetSettings, CustomOrder, LimitSettings, Pipeline,
    PipelineSettings, Pipelines, RetrySettings, Runs, With,
};
#[cfg(feature = "tower")]
pub use pipeline::{PipelineLayer, PipelineService};
#[cfg(feature = "stream")]
pub use policies::TimedStream;
pub use policies::{
    Abandoned, AdaptiveLimit, AdaptivePermit, Again, Around, Breaker, BreakerState, Breakers, Budget, Bulkhead,
    BulkheadPermit, GivenBack, Hedge, Jitter, Keyed, LoadShed, ObservedMove, OpenReason, Permit, Pressure, Priority,
    RateLimit, Replay, Retry, StreamTimeout, StreamWatch, Timeout, TryFuture, When,
};
pub use policies::{Cache, Cached, Fallback, Freshness, Ranked, Served, SingleFlight, Standing};
#[cfg(feature = "chaos")]
pub use policies::{Chaos, ChaosOutcome};
/// ```
/// use steadfast::{Blame, Classify, RetryAdvice};
///
/// #[derive(Classify)]
/// enum Fault {
///     #[guide(retry, blame = target)]
///     Dropped,
///     #[guide(never)]
///     Malformed,
/// }
/// assert_eq!(Fault::Dropped.guidance().advice, RetryAdvice::RetryNow);
/// assert_eq!(Fault::Malformed.guidance().blame, Blame::Caller);
/// ```
///
/// A variant without a guide does not compile:
///
/// ```compile_fail
/// #[derive(steadfast::Classify)]
/// enum Fault {
///     Forgotten,
/// }
/// ```
#[cfg(feature = "derive")]
pub use steadfast_derive::Classify;

#[cfg(doctest)]
mod guide;
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
