//! What the protocol's answers say, as far as we look: a few members, the rest is skipped unread.

use serde::Deserialize;
use serde_json::value::RawValue;
use steadfast_contract::{chunk::FinishReason, usage::Usage};

use crate::loose::{LooseCount, LooseText, says_something};

/// A chunk of a stream, or a whole answer: they differ in `delta` and `message`.
#[derive(Deserialize)]
pub(super) struct WireFrame<'a> {
    #[serde(borrow)]
    pub(super) choices: Option<Vec<WireChoice<'a>>>,
    /// Read separately, so that odd figures do not cost the answer.
    #[serde(borrow)]
    usage: Option<&'a RawValue>,
    /// Groq's place for the usage.
    #[serde(borrow)]
    x_groq: Option<&'a RawValue>,
    /// llama.cpp's figures, for when it was not asked for the usage.
    #[serde(borrow)]
    timings: Option<&'a RawValue>,
    #[serde(borrow)]
    error: Option<&'a RawValue>,
    /// "error" in what older vLLM servers send instead of `error`.
    #[serde(default)]
    object: LooseText,
}

#[derive(Deserialize)]
pub(super) struct WireChoice<'a> {
    #[serde(default)]
    pub(super) index: LooseCount,
    /// Two members, not one with two names: some servers send both.
    #[serde(borrow)]
    pub(super) delta: Option<Delta<'a>>,
    #[serde(borrow)]
    pub(super) message: Option<Delta<'a>>,
    #[serde(default)]
    finish_reason: LooseText,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Delta<'a> {
    pub(super) content: LooseText,
    pub(super) reasoning_content: LooseText,
    pub(super) reasoning: LooseText,
    pub(super) refusal: LooseText,
    #[serde(borrow)]
    pub(super) tool_calls: Option<Vec<WireCall<'a>>>,
    /// What came before `tool_calls`.
    #[serde(borrow)]
    pub(super) function_call: Option<WireFunction<'a>>,
    #[serde(borrow)]
    pub(super) audio: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(super) images: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(super) annotations: Option<&'a RawValue>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct WireCall<'a> {
    pub(super) index: Option<LooseCount>,
    pub(super) id: LooseText,
    #[serde(borrow)]
    pub(super) function: Option<WireFunction<'a>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct WireFunction<'a> {
    pub(super) name: LooseText,
    #[serde(borrow)]
    pub(super) arguments: Option<&'a RawValue>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Finish {
    Done(FinishReason),
    /// The upstream says itself that it could not go on.
    Broken,
}

impl WireFrame<'_> {
    pub(super) fn is_error(&self) -> bool {
        says_something(self.error) || self.object.0 == "error"
    }

    /// Is this the protocol at all, and not some other JSON?
    pub(super) fn is_protocol(&self) -> bool {
        self.choices.is_some() || self.usage.is_some() || self.object.0.starts_with("chat.completion")
    }

    pub(super) fn usage(&self) -> Option<Usage> {
        let groq = || from_raw::<Groq>(self.x_groq).and_then(|groq| groq.usage);
        from_raw::<WireUsage>(self.usage)
            .or_else(groq)
            .map(Usage::from)
            .or_else(|| from_raw::<Timings>(self.timings).map(Usage::from))
    }
}

impl WireChoice<'_> {
    pub(super) fn finish(&self) -> Option<Finish> {
        Some(match self.finish_reason.0.as_str() {
            "" => return None, // some servers send it in every chunk
            "length" | "max_tokens" | "model_length" => Finish::Done(FinishReason::Length),
            "content_filter" => Finish::Done(FinishReason::ContentFilter),
            "tool_calls" | "tool_use" | "function_call" => Finish::Done(FinishReason::ToolCalls),
            "error" | "abort" => Finish::Broken,
            _ => Finish::Done(FinishReason::Stop),
        })
    }
}

impl Delta<'_> {
    pub(super) fn says_something(&self) -> bool {
        [&self.content, &self.reasoning_content, &self.reasoning, &self.refusal].iter().any(|text| !text.0.is_empty())
            || self.tool_calls.as_ref().is_some_and(|calls| !calls.is_empty())
            || self.function_call.is_some()
            || [self.audio, self.images, self.annotations].into_iter().any(says_something)
    }
}

fn from_raw<'a, T: Deserialize<'a>>(raw: Option<&'a RawValue>) -> Option<T> {
    serde_json::from_str::<Option<T>>(raw?.get()).ok().flatten()
}

#[derive(Deserialize)]
struct Groq {
    usage: Option<WireUsage>,
}

#[derive(Deserialize)]
#[serde(default)]
#[derive(Default)]
struct WireUsage {
    prompt_tokens: LooseCount,
    completion_tokens: LooseCount,
    prompt_tokens_details: Option<PromptDetails>,
    /// DeepSeek's name for the cached ones.
    prompt_cache_hit_tokens: LooseCount,
}

#[derive(Deserialize)]
struct PromptDetails {
    #[serde(default)]
    cached_tokens: LooseCount,
}

#[derive(Deserialize)]
struct Timings {
    prompt_n: LooseCount,
    predicted_n: LooseCount,
    #[serde(default)]
    cache_n: LooseCount,
}

impl From<WireUsage> for Usage {
    fn from(usage: WireUsage) -> Self {
        let cached = usage.prompt_tokens_details.map_or(0, |details| details.cached_tokens.0);
        Self {
            prompt_tokens: usage.prompt_tokens.0,
            completion_tokens: usage.completion_tokens.0,
            cached_tokens: cached.max(usage.prompt_cache_hit_tokens.0),
        }
    }
}

impl From<Timings> for Usage {
    fn from(timings: Timings) -> Self {
        Self {
            prompt_tokens: timings.prompt_n.0.saturating_add(timings.cache_n.0),
            completion_tokens: timings.predicted_n.0,
            cached_tokens: timings.cache_n.0,
        }
    }
}
