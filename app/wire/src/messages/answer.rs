//! The events of a stream, or one body.

pub mod read;
pub mod write;
