//! Sinks that carry events out of the program. Each is behind its own feature.

#[cfg(feature = "metrics")]
mod metrics;
#[cfg(feature = "tracing")]
mod tracing;

#[cfg(feature = "metrics")]
pub use self::metrics::{METRICS, Metric, MetricKind, MetricsSink};
#[cfg(feature = "tracing")]
pub use self::tracing::TracingSink;
