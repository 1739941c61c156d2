//! `/v1`: the protocols that other programs speak, one file a route. What they share: who asks (`caller`), an answer
//! as a stream (`stream`) or in one piece (`whole`), and what its headers say of it (`head`).
//!
//! The status code stays ours to choose until the first content is there, or until a streaming client would lose
//! patience; from then on it is a stream, and an error is its last frame. Whoever leaves cancels the answer, unless
//! it was asked for as one that can be resumed.

mod anthropic_headers;
mod cache_wish;
mod caller;
pub(super) mod chat_completions;
pub(super) mod embeddings;
mod head;
mod leaving;
pub(super) mod messages;
pub(super) mod models;
pub(super) mod responses;
mod stream;
mod whole;
