//! The worker with a real model: what it writes, how it survives, how it stops.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "clippy knows test functions only, and the words they share are test code too"
)]
#![cfg(all(unix, feature = "llama"))]

mod failing;
mod serving;
mod stage;
mod surviving;
mod writing;
