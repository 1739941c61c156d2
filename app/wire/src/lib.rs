//! The protocols that clients and upstreams speak, as pure functions: bytes in, our words out, and back. No socket,
//! no clock, no decision.
//!
//! Server and providers both need them, from opposite sides: a server reads questions and writes answers, a provider
//! writes questions and reads answers. One folder a protocol, each with the four files `question/read`,
//! `question/write`, `answer/read` and `answer/write`; what they do is held fast by the golden files in `fixtures/`.

pub mod again;
pub mod answer;
pub mod answer_reader;
pub mod chat_completions;
pub mod json;
mod loose;
pub mod messages;
pub mod object;
pub mod question;
pub mod responses;
pub mod sse;
