//! The AI words of the house, and the traits that its floors meet at.
//!
//! Nothing here decides anything: providers, engine, store and gateway are siblings that never import one
//! another, so what they say to each other is written down here. Types that the page reads too carry
//! `#[derive(TS)]`; `cargo xtask ui-types` writes them out as TypeScript.

pub mod chat;
pub mod chunk;
pub mod code;
pub mod conversation;
pub mod kept_stream;
pub mod live;
pub mod model;
pub mod provider;
pub mod run;
pub mod store;
pub mod stream_log;
pub mod usage;

/// A future that is boxed, so that a trait with it can be a `dyn Trait`.
pub type BoxFuture<'a, T> = std::pin::Pin<Box<dyn Future<Output = T> + Send + 'a>>;
