//! The body of a request.

pub mod read;
pub mod write;
