//! The gateway through its own face: real store (in memory), scripted providers, a host of models that the test
//! moves. Time is paused, so every wait is exact and none is slept.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "clippy knows test functions only, and the words they share are test code too"
)]

mod asking;
mod attempts;
mod cached;
mod embeddings;
mod fallback;
mod house;
mod laws;
mod lookout;
mod once;
mod queue;
mod recovery;
mod restart;
mod runs;
mod stop;
mod talk;
mod waiting;
