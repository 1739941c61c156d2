//! What a file says of an upstream, in the words of those who speak to it.

use std::time::Duration;

use steadfast_contract::{
    model::{Abilities, Tier},
    provider::{Continuation, Timers},
};
use steadfast_gateway::{ChainSettings, Order};
use steadfast_providers::{FoundModels, ModelSettings, Probing, Timeouts, UpstreamProtocol};

use super::{
    duration::Written,
    raw::{RawChain, RawContinuation, RawModel, RawOrder, RawProtocol, RawUpstream},
};

pub(super) fn protocol(raw: RawProtocol) -> UpstreamProtocol {
    match raw {
        RawProtocol::OpenAi => UpstreamProtocol::OpenAi,
        RawProtocol::Anthropic => UpstreamProtocol::Anthropic,
    }
}

pub(super) fn found(raw: &RawUpstream) -> FoundModels {
    if raw.discover { FoundModels::Added } else { FoundModels::Ignored }
}

/// What is not said stays as usual.
pub(super) fn timeouts(raw: &RawUpstream) -> Timeouts {
    let usual = Timeouts::default();
    let wait = |written: Option<Written>, usual: Duration| written.map_or(usual, |Written(duration)| duration);
    let timers = Timers {
        first_token: wait(raw.first_token, usual.timers.first_token),
        per_1k_tokens: wait(raw.per_1k_tokens, usual.timers.per_1k_tokens),
        idle: wait(raw.idle, usual.timers.idle),
        whole: wait(raw.whole, usual.timers.whole),
        min_chars_per_second: raw.min_chars_per_second.unwrap_or(usual.timers.min_chars_per_second),
        ..usual.timers
    };
    Timeouts { connect: wait(raw.connect, usual.connect), timers, ..usual }
}

/// What cannot be meant; each begins with the member's name.
pub(super) fn problems(raw: &RawUpstream) -> impl Iterator<Item = String> {
    let limits = [("connect", raw.connect), ("first_token", raw.first_token), ("idle", raw.idle), ("whole", raw.whole)];
    let wrong = |(name, written): (&str, Option<Written>)| {
        let Written(limit) = written?;
        (limit.is_zero() || limit > LONGEST).then(|| format!("{name}: Longer than nothing, and at most a day."))
    };
    let rate = raw.min_chars_per_second.is_some_and(|rate| !(0.0..=10_000.0).contains(&rate));
    let rate = rate.then(|| "min_chars_per_second: Between 0 and 10000.".to_owned());
    limits.into_iter().filter_map(wrong).collect::<Vec<_>>().into_iter().chain(rate)
}

pub(super) fn model(raw: &RawModel, tier: Option<Tier>) -> ModelSettings {
    ModelSettings {
        name: raw.name.clone(),
        tier,
        context: raw.context,
        continuation: match raw.continuation {
            RawContinuation::Verified => Continuation::Verified,
            RawContinuation::Unsupported => Continuation::Unsupported,
            RawContinuation::Unknown | RawContinuation::Probe => Continuation::Unknown,
        },
        probing: match raw.continuation {
            RawContinuation::Probe => Probing::Wanted,
            RawContinuation::Verified | RawContinuation::Unsupported | RawContinuation::Unknown => Probing::Unwanted,
        },
        abilities: Abilities { tools: raw.tools, images: raw.images, schema: raw.schema },
        ..ModelSettings::named(raw.id.clone())
    }
}

pub(super) fn chain(raw: RawChain) -> ChainSettings {
    let order = match raw.order {
        RawOrder::Listed => Order::Listed,
        RawOrder::Ranked => Order::Ranked,
    };
    ChainSettings { order, weights: raw.weights }
}

const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);
