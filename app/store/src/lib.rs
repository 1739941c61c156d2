//! What must last: conversations, messages, runs and their events, and streams whose callers come back.
//!
//! [`open`] gives a `Store` of the contract; which backend stands behind it is a setting. The rules
//! that every backend keeps are in `rules.rs`, so a new backend only has to store and to find.

mod backends;
mod memory;
mod rules;
mod sqlite;

pub use backends::{StoreSettings, open};
