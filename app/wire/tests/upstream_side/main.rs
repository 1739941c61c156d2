//! What a provider needs of this crate, held fast by the files in `fixtures/upstream`: answers as servers send them
//! (written after their public formats) beside what we make of them, and questions of ours beside what is sent.
//! `STEADFAST_WRITE_FIXTURES=1` writes what the code says; then read the difference.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "everything here is a test")]

mod answers;
mod golden;
mod questions;
