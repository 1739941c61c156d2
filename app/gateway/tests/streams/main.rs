//! Streams through the gateway's own face, watched by the checker of their laws: by hand, by random scripts, and over
//! a simulated network. Time is paused or simulated; nothing is slept.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "clippy knows test functions only, and the words they share are test code too"
)]

mod checker;
mod client;
mod face;
mod kept;
mod keys;
mod promises;
mod simulation;
mod speaker;
mod stage;
