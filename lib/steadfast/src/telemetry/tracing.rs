//! Events as `tracing` events: the fields are values, the level says whether somebody should look.

use crate::{Event, Sink};
use tracing::{debug, error, info, warn};

/// Writes every event to `tracing`, under the target `steadfast`.
///
/// ```
/// use steadfast::{Events, telemetry::TracingSink};
///
/// let events = Events::to(TracingSink);
/// assert!(!events.is_empty());
/// ```
#[derive(Debug, Clone, Copy, Default)]
pub struct TracingSink;

impl Sink for TracingSink {
    fn emit(&self, event: &Event) {
        match event {
            Event::AttemptStarted { operation, attempt, of } => {
                debug!(target: "steadfast", %operation, attempt, of, "attempt started");
            }
            Event::AttemptFailed { operation, attempt, of, code, message } => {
                warn!(target: "steadfast", %operation, attempt, of, %code, %message, "attempt failed");
            }
            Event::RetryScheduled { operation, attempt, of, delay, code } => {
                info!(target: "steadfast", %operation, attempt, of, ?delay, %code, "retry scheduled");
            }
            Event::ValueRefused { operation, attempt, of, delay } => {
                info!(target: "steadfast", %operation, attempt, of, ?delay, "value refused, retry scheduled");
            }
            Event::BudgetSpent { operation, target, attempts } => {
                warn!(target: "steadfast", %operation, budget = %target, attempts, "no retry: budget used up");
            }
            Event::InputSpent { operation, attempts } => {
                warn!(target: "steadfast", %operation, attempts, "no retry: input cannot be sent again");
            }
            Event::RetriesExhausted { operation, attempts, code } => {
                error!(target: "steadfast", %operation, attempts, %code, "retries exhausted");
            }
            Event::TimedOut { operation, after } => warn!(target: "steadfast", %operation, ?after, "timed out"),
            Event::Cancelled { operation, reason } => info!(target: "steadfast", %operation, %reason, "cancelled"),
            Event::BreakerOpened { target, reason, retry_after } => {
                error!(target: "steadfast", breaker = %target, %reason, ?retry_after, "breaker opened");
            }
            Event::BreakerHalfOpened { target } => info!(target: "steadfast", breaker = %target, "breaker half open"),
            Event::BreakerClosed { target } => info!(target: "steadfast", breaker = %target, "breaker closed"),
            Event::FellBack { operation, from, to, code } => {
                warn!(target: "steadfast", %operation, %from, %to, %code, "fell back");
            }
            Event::FallbackExhausted { operation, attempts, code } => {
                error!(target: "steadfast", %operation, attempts, %code, "no target served");
            }
            Event::FlightJoined { operation } => debug!(target: "steadfast", %operation, "joined one under way"),
            Event::ServedKept { operation, age } => {
                debug!(target: "steadfast", %operation, ?age, "served from the cache");
            }
            Event::CacheMissed { operation } => debug!(target: "steadfast", %operation, "not in the cache"),
            Event::ServedStale { operation, age, code } => {
                warn!(target: "steadfast", %operation, ?age, %code, "served stale");
            }
            Event::ConnectionMoved { target, from, to, cause } => {
                info!(target: "steadfast", connection = %target, %from, %to, %cause, "connection moved");
            }
            Event::HealthChanged { component, from, to, reason } => {
                warn!(target: "steadfast", %component, %from, %to, %reason, "health changed");
            }
            Event::ChaosMade { operation, kind } => info!(target: "steadfast", %operation, %kind, "chaos"),
            Event::BreakerObserved { target, would } => {
                info!(target: "steadfast", breaker = %target, %would, "breaker only observes");
            }
            Event::Refused { operation, by, target, retry_after } => {
                info!(target: "steadfast", %operation, %by, limit = %target, ?retry_after, "refused");
            }
            Event::LimitChanged { target, from, to } => {
                debug!(target: "steadfast", limit = %target, from, to, "limit changed");
            }
            Event::SheddingChanged { target, priority, shed } => {
                warn!(target: "steadfast", shedder = %target, %priority, shed, "shedding changed");
            }
            Event::HedgeStarted { operation, copy, after } => {
                info!(target: "steadfast", %operation, copy, ?after, "hedge started");
            }
            Event::HedgeWon { operation, copy } => debug!(target: "steadfast", %operation, copy, "hedge won"),
            Event::TaskPanicked { task, message } => error!(target: "steadfast", %task, %message, "task panicked"),
        }
    }
}
