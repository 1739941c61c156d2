//! The body of a request.

pub mod write;
