//! The page, built by `build.rs` from `web/` and embedded into the program.
//!
//! This crate only hands out files; which address gets which file, and with which headers, is the server's business.

mod assets;

pub use assets::{Asset, Encoded, asset, index};
