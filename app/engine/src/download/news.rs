//! What a download tells whoever watches it.

use std::sync::Arc;

use steadfast::Attempt;

use super::Reading;

/// One thing worth telling.
#[derive(Debug, Clone, PartialEq)]
pub enum News {
    /// This kind of source is being asked now: "hub", "package index".
    Source(&'static str),
    Attempt(Attempt),
    Downloading(Reading),
    Verifying {
        done: u64,
        total: u64,
    },
    /// What is being done about a trouble, as a sentence for people.
    Note(String),
}

/// Hears the news. Called often; must not wait.
pub type Watch = Arc<dyn Fn(News) + Send + Sync>;
