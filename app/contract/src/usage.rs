//! What an answer cost, in tokens.

use serde::{Deserialize, Serialize};
use ts_rs::TS;

/// Tokens read and written for one answer; summed over attempts when there were several.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct Usage {
    pub prompt_tokens: u32,
    pub completion_tokens: u32,
    /// Prompt tokens that did not have to be read again, because a prefix was still in the cache.
    #[serde(default)]
    pub cached_tokens: u32,
}

impl Usage {
    pub fn total_tokens(&self) -> u32 {
        self.prompt_tokens.saturating_add(self.completion_tokens)
    }
}
