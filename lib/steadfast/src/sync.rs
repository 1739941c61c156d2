//! The loom switch: the same names from `std`, or from loom when its model checker runs the tests named
//! `loom_..`. `cancel/tree.rs`, `policies/places.rs` and the breaker use it. `Arc` and `Weak` stay std's, because loom has no `Weak`.

#[cfg(loom)]
pub(crate) use loom::sync::{
    Mutex, MutexGuard,
    atomic::{AtomicU8, AtomicU32, AtomicU64, AtomicUsize, Ordering},
};
#[cfg(not(loom))]
pub(crate) use std::sync::{
    Mutex, MutexGuard,
    atomic::{AtomicU8, AtomicU32, AtomicU64, AtomicUsize, Ordering},
};
