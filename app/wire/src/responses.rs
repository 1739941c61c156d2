//! OpenAI's `/v1/responses`, for clients only: no upstream is asked in it.

pub mod answer;
pub mod question;
