//! A response as it is asked for.

pub mod read;
