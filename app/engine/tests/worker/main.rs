//! The worker with a real model: what it writes, how it survives, how it stops.
#![cfg(all(unix, feature = "llama"))]

mod failing;
mod serving;
mod stage;
mod surviving;
mod writing;
