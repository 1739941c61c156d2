//! Tools for the tests of whoever uses the library: time and events in one place, and work that misbehaves as told.

pub mod conformance;
mod event_log;
mod script;
mod stage;

pub use event_log::EventLog;
pub use script::{Parts, Script, Step};
pub use stage::Stage;
