//! Anthropic's `/v1/messages`.

pub mod answer;
pub mod question;
