//! The numbers of a chat completion, each within its range.

use serde::Deserialize;
use steadfast::Error;
use steadfast_contract::chat::Sampling;

use super::Raw;
use crate::{
    json::wrong,
    question::range::{real, stops, whole},
};

#[derive(Debug, Deserialize)]
#[serde(untagged, expecting = "a text, or a list of texts")]
pub(super) enum Stop {
    One(String),
    Several(Vec<String>),
}

pub(super) fn check(raw: &mut Raw) -> Result<Sampling, Error> {
    whole("n", raw.n.as_ref(), 1, 1)?;
    for (member, value) in [("frequency_penalty", &raw.frequency_penalty), ("presence_penalty", &raw.presence_penalty)]
    {
        real(member, value.as_ref(), -2.0, 2.0)?;
    }
    whole("top_logprobs", raw.top_logprobs.as_ref(), 0, 20)?;
    logit_bias(raw)?;
    let repetition = real("repetition_penalty", raw.repetition_penalty.as_ref(), 0.1, 10.0)?;
    let max_tokens = whole("max_tokens", raw.max_tokens.as_ref(), 1, u32::MAX)?;
    let stop = match raw.stop.take() {
        None => vec![],
        Some(Stop::One(text)) => vec![text],
        Some(Stop::Several(texts)) => texts,
    };
    Ok(Sampling {
        temperature: real("temperature", raw.temperature.as_ref(), 0.0, 2.0)?,
        top_p: real("top_p", raw.top_p.as_ref(), 0.0, 1.0)?,
        // -1 is how vLLM says "all of them".
        top_k: whole("top_k", raw.top_k.as_ref().filter(|k| k.as_i64() != Some(-1)), 0, u32::MAX)?,
        min_p: real("min_p", raw.min_p.as_ref(), 0.0, 1.0)?,
        repeat_penalty: real("repeat_penalty", raw.repeat_penalty.as_ref(), 0.1, 10.0)?.or(repetition),
        // Clients send -1 for "any seed"; the bits are kept otherwise.
        seed: raw.seed.filter(|seed| *seed != -1).map(i64::cast_unsigned),
        stop: stops("stop", stop)?,
        max_tokens: whole("max_completion_tokens", raw.max_completion_tokens.as_ref(), 1, u32::MAX)?.or(max_tokens),
    })
}

fn logit_bias(raw: &Raw) -> Result<(), Error> {
    let Some(biases) = &raw.logit_bias else { return Ok(()) };
    if biases.len() > BIASES {
        return Err(wrong("logit_bias", &format!("up to {BIASES} entries are possible")));
    }
    biases.values().try_for_each(|bias| real("logit_bias", Some(bias), -100.0, 100.0).map(|_| ()))
}

/// More than anybody sets by hand, fewer than slow a sampler down.
const BIASES: usize = 1024;
