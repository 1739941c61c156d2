//! Starting the real binary, driving it over real sockets, and killing it. The tests themselves are in `tests/`.
//!
//! They need programs and a model that `cargo xtask test` puts into the environment (`STEADFAST_BIN`,
//! `STEADFAST_SCRIPTED_UPSTREAM`, `STEADFAST_TEST_MODEL`); when one is missing a test fails and says so.

#![expect(clippy::expect_used, clippy::panic, reason = "this is how a test fails")]

mod chat;
mod events;
mod fault_proxy;
pub mod faults;
mod house;
mod program;
mod tls_door;
mod upstream;
mod wait;

pub use self::{
    chat::{Ask, conversation, new_id, question},
    events::{Event, Events},
    fault_proxy::{ClosedGate, Fault, FaultProxy},
    house::{House, Models, Setup},
    program::{Program, steadfast, test_model},
    tls_door::{Certificate, TlsDoor},
    upstream::Upstream,
    wait::{until, within},
};

/// The README's Rust compiles.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct Readme;
