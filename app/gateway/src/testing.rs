//! For tests: the checker that knows the laws of streams, and a protocol that is easy to read.
//!
//! The checker only watches. A unit test, a simulation and a program that talks to the real server all tell it the
//! same things.

mod checker;
mod law;
mod plain;
mod story;

pub use self::{
    checker::StreamChecker,
    law::{Broken, Law},
    plain::Plain,
};
