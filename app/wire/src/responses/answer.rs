//! A response as it is answered.

pub mod write;
