//! Sinks that carry events out of the program. Each is behind its own feature.

#[cfg(feature = "tracing")]
mod tracing;

#[cfg(feature = "tracing")]
pub use self::tracing::TracingSink;
