//! The providers in force, each beside the settings it was made of, so that a change makes only what changed anew.

use std::sync::Arc;

use steadfast::{Clock, Error};
use steadfast_contract::provider::Provider;
use steadfast_providers::UpstreamSettings;

pub(super) struct Upstreams {
    /// This machine's models; there is always one.
    local: Arc<dyn Provider>,
    remote: Vec<(UpstreamSettings, Arc<dyn Provider>)>,
}

impl Upstreams {
    pub(super) fn open(
        local: Arc<dyn Provider>,
        settings: Vec<UpstreamSettings>,
        clock: &Clock,
    ) -> Result<Self, Error> {
        Self { local, remote: vec![] }.renewed(settings, clock)
    }

    /// As the new settings want it. Whoever's settings are the same stays who it is, with its connections.
    pub(super) fn renewed(&self, settings: Vec<UpstreamSettings>, clock: &Clock) -> Result<Self, Error> {
        let remote = settings.into_iter().map(|settings| {
            let same = self.remote.iter().find(|(there, _)| *there == settings);
            let provider = match same {
                Some((_, provider)) => Arc::clone(provider),
                None => steadfast_providers::open(settings.clone(), clock.clone())?,
            };
            Ok((settings, provider))
        });
        Ok(Self { local: Arc::clone(&self.local), remote: remote.collect::<Result<_, Error>>()? })
    }

    /// Everybody who can answer.
    pub(super) fn providers(&self) -> Vec<Arc<dyn Provider>> {
        std::iter::once(&self.local).chain(self.remote.iter().map(|(_, provider)| provider)).cloned().collect()
    }

    pub(super) fn remote(&self) -> Vec<Arc<dyn Provider>> {
        self.remote.iter().map(|(_, provider)| Arc::clone(provider)).collect()
    }
}
