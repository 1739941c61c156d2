//! What a stream is made with, and what is known once it has opened.

use std::time::Duration;

use super::idempotency::IdempotencyKey;
use crate::{cached::FromCache, chat::AttemptNote};

#[derive(Debug, Clone)]
pub struct StreamSpec {
    /// Cannot be guessed: chosen at random by whoever starts it.
    pub id: String,
    /// Whose it is. Nobody else can read it, stop it or learn that it exists.
    pub principal: String,
    pub keep: Keep,
    pub idempotency: Option<IdempotencyKey>,
}

/// What becomes of an answer that nobody reads any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keep {
    /// It is cancelled at once, as `client_gone`.
    WhileRead,
    /// It goes on for so long; then nobody is coming back, and it is cancelled as `client_gone`.
    Resumable(Duration),
    /// It goes on to its end.
    Background,
}

/// What is known at the commit point.
#[derive(Debug, Clone)]
pub struct Opening {
    /// The model that answers, and where it runs.
    pub model: String,
    pub target: String,
    pub attempts: Vec<AttemptNote>,
    pub cached: FromCache,
}
