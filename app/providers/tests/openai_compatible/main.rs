//! The provider against real sockets: servers that behave, and servers that break every rule.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "everything here is a test")]

mod answers;
mod broken;
mod line;
mod scenarios;
mod silence;
mod simulated;
