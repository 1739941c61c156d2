//! What the protocol's events and bodies say, as far as we look.

use serde::Deserialize;
use serde_json::value::RawValue;
use steadfast_contract::usage::Usage;

use crate::loose::{LooseCount, LooseText, says_something};

/// An event of a stream, or a message: the members of both.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct WireEvent<'a> {
    #[serde(rename = "type")]
    pub(super) kind: LooseText,
    pub(super) index: LooseCount,
    #[serde(borrow)]
    pub(super) content_block: Option<Block<'a>>,
    pub(super) delta: Option<Delta>,
    #[serde(borrow)]
    pub(super) message: Option<Message<'a>>,
    #[serde(borrow)]
    pub(super) content: Option<Vec<Block<'a>>>,
    pub(super) stop_reason: LooseText,
    #[serde(borrow)]
    usage: Option<&'a RawValue>,
    #[serde(borrow)]
    error: Option<&'a RawValue>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Message<'a> {
    #[serde(borrow)]
    usage: Option<&'a RawValue>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Block<'a> {
    #[serde(rename = "type")]
    pub(super) kind: LooseText,
    pub(super) text: LooseText,
    pub(super) thinking: LooseText,
    pub(super) id: LooseText,
    pub(super) name: LooseText,
    #[serde(borrow)]
    pub(super) input: Option<&'a RawValue>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Delta {
    #[serde(rename = "type")]
    pub(super) kind: LooseText,
    pub(super) text: LooseText,
    pub(super) thinking: LooseText,
    pub(super) partial_json: LooseText,
    pub(super) stop_reason: LooseText,
}

#[derive(Debug, Default, Clone, Copy, Deserialize)]
#[serde(default)]
pub(super) struct WireUsage {
    input_tokens: Option<LooseCount>,
    output_tokens: Option<LooseCount>,
    cache_read_input_tokens: Option<LooseCount>,
    cache_creation_input_tokens: Option<LooseCount>,
}

impl WireEvent<'_> {
    pub(super) fn is_error(&self) -> bool {
        says_something(self.error)
    }

    pub(super) fn usage(&self) -> Option<WireUsage> {
        usage(self.usage)
    }
}

impl Message<'_> {
    pub(super) fn usage(&self) -> Option<WireUsage> {
        usage(self.usage)
    }
}

fn usage(raw: Option<&RawValue>) -> Option<WireUsage> {
    serde_json::from_str::<Option<WireUsage>>(raw?.get()).ok().flatten()
}

impl WireUsage {
    pub(super) fn updated(self, by: Self) -> Self {
        Self {
            input_tokens: by.input_tokens.or(self.input_tokens),
            output_tokens: by.output_tokens.or(self.output_tokens),
            cache_read_input_tokens: by.cache_read_input_tokens.or(self.cache_read_input_tokens),
            cache_creation_input_tokens: by.cache_creation_input_tokens.or(self.cache_creation_input_tokens),
        }
    }
}

impl From<WireUsage> for Usage {
    /// Here the input is what was neither read from the cache nor written to it; for us it is all of it.
    fn from(usage: WireUsage) -> Self {
        let count = |count: Option<LooseCount>| count.unwrap_or_default().0;
        let cached = count(usage.cache_read_input_tokens);
        let prompt =
            count(usage.input_tokens).saturating_add(cached).saturating_add(count(usage.cache_creation_input_tokens));
        Self { prompt_tokens: prompt, completion_tokens: count(usage.output_tokens), cached_tokens: cached }
    }
}
