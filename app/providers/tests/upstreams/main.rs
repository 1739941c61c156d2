//! The providers against real sockets: servers that behave, and servers that break every rule.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "everything here is a test")]

mod answers;
mod anthropic;
mod broken;
mod continuation;
mod line;
mod odd_streams;
mod passing_on;
mod scenarios;
mod silence;
mod simulated;
mod whole;
