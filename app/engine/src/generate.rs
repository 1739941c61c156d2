//! From numbers to words: choosing tokens, joining their bytes, stopping, and the prompt's shape.
//!
//! Pure: nothing here knows llama.cpp, a process or a socket, so all of it is tested without a model.

pub(crate) mod sampling;
pub(crate) mod stop;
pub(crate) mod template;
pub(crate) mod utf8;
