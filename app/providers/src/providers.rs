//! The list of providers: from every upstream in the settings to the code that speaks its protocol.

use std::sync::Arc;

use steadfast::{Clock, Error};
use steadfast_contract::provider::Provider;

use crate::{
    anthropic::Anthropic,
    openai_compatible::OpenAiCompatible,
    settings::{UpstreamProtocol, UpstreamSettings},
};

/// One provider for each upstream, in the same order. Fails with `VALIDATION` on the first that cannot be used.
pub fn open_all(upstreams: Vec<UpstreamSettings>, clock: &Clock) -> Result<Vec<Arc<dyn Provider>>, Error> {
    upstreams.into_iter().map(|upstream| open(upstream, clock.clone())).collect()
}

/// The provider for one upstream. Fails with `VALIDATION` when its settings cannot be used.
pub fn open(upstream: UpstreamSettings, clock: Clock) -> Result<Arc<dyn Provider>, Error> {
    Ok(match upstream.protocol {
        UpstreamProtocol::OpenAi => Arc::new(OpenAiCompatible::new(upstream, clock)?),
        UpstreamProtocol::Anthropic => Arc::new(Anthropic::new(upstream, clock)?),
    })
}
