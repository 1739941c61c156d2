//! Local models: which there are, how they reach this disk, their life, and the process that runs them.
//!
//! The order of a first answer: [`catalog`] names the model, [`download`] fetches it, [`gguf`] looks at it, [`life`]
//! moves it from idle to ready and starts the worker, [`provider`] answers with it.

pub mod catalog;
pub mod download;
pub mod gguf;
pub mod life;
pub mod provider;
#[cfg(all(unix, feature = "llama"))]
pub mod worker;

#[cfg(all(unix, feature = "llama"))]
mod generate;
