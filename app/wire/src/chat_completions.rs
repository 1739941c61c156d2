//! OpenAI's `/v1/chat/completions`, as OpenAI defined it and as many servers speak it.

pub mod answer;
pub mod question;
