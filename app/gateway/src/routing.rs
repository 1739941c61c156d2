//! From the name that somebody asked for to the targets that may answer, in order.
//!
//! A name is a tier (`quick`), a model id, or `UPSTREAM/MODEL`. Nothing is guessed: an unknown name is a
//! `NOT_FOUND` that lists the names there are.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError, RwLock},
};

use steadfast::{Breaker, Error};
use steadfast_contract::{
    model::{ModelHost, ModelInfo, ModelStatus, Place},
    provider::{Continuation, Provider},
};

use crate::settings::{GatewaySettings, tier_name};

/// Somebody who may answer, with the breaker that everybody who asks it shares.
#[derive(Debug, Clone)]
pub(crate) struct Target {
    pub(crate) provider: Arc<dyn Provider>,
    pub(crate) model: ModelInfo,
    pub(crate) breaker: Breaker,
}

/// A name that can be asked for.
#[derive(Debug, Clone)]
pub struct Listed {
    pub id: String,
    pub owned_by: String,
    /// Other names for the same model.
    pub aliases: Vec<String>,
    /// Where it is in its life; `None` for remote models.
    pub status: Option<ModelStatus>,
}

pub(crate) struct Routes {
    known: RwLock<Arc<Known>>,
    models: Arc<dyn ModelHost>,
    settings: GatewaySettings,
    breakers: Mutex<BTreeMap<String, Breaker>>,
}

/// Who answers, and in which chains; changed as a whole, never in part.
struct Known {
    providers: Vec<Arc<dyn Provider>>,
    tiers: BTreeMap<String, Vec<String>>,
}

impl Known {
    fn models(&self) -> impl Iterator<Item = (&Arc<dyn Provider>, ModelInfo)> {
        self.providers.iter().flat_map(|provider| provider.models().into_iter().map(move |model| (provider, model)))
    }
}

impl Target {
    /// Whether it goes on from a begun answer to the letter.
    pub(crate) fn continues_exactly(&self) -> bool {
        self.provider.continuation(&self.model.id) == Continuation::Exact
    }

    pub(crate) fn is_local(&self) -> bool {
        self.model.place == Place::ThisMachine
    }

    /// What a person calls it: the model's name, and the upstream's when it is remote.
    pub(crate) fn label(&self) -> String {
        match self.model.place {
            Place::ThisMachine => self.model.name.clone(),
            Place::Remote => self.provider.name().to_owned(),
        }
    }
}

impl Routes {
    pub(crate) fn new(
        providers: Vec<Arc<dyn Provider>>,
        models: Arc<dyn ModelHost>,
        settings: GatewaySettings,
    ) -> Self {
        let known = Known { providers, tiers: settings.tiers.clone() };
        Self { known: RwLock::new(Arc::new(known)), models, settings, breakers: Mutex::default() }
    }

    pub(crate) fn change(&self, providers: Vec<Arc<dyn Provider>>, tiers: BTreeMap<String, Vec<String>>) {
        *self.known.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(Known { providers, tiers });
    }

    /// The targets for `name`, best first; never empty.
    pub(crate) fn resolve(&self, name: &str) -> Result<Vec<Target>, Error> {
        let known = self.known();
        let targets: Vec<Target> = match known.tiers.get(name) {
            Some(chain) => chain.iter().filter_map(|link| self.find(&known, link)).collect(),
            None => self.find(&known, name).into_iter().collect(),
        };
        if targets.is_empty() { Err(self.unknown(name)) } else { Ok(targets) }
    }

    pub(crate) fn list(&self) -> Vec<Listed> {
        self.known().models().map(|(provider, model)| self.listed(provider, model)).collect()
    }

    fn find(&self, known: &Known, name: &str) -> Option<Target> {
        let (provider, model) = known
            .models()
            .find(|(_, model)| {
                model.id == name
                    || model.tier.is_some_and(|tier| tier_name(tier) == name) && model.place == Place::ThisMachine
            })
            .or_else(|| known.models().find(|(provider, model)| full_name(provider.as_ref(), model) == name))
            .or_else(|| known.models().find(|(_, model)| model.tier.is_some_and(|tier| tier_name(tier) == name)))?;
        Some(Target { provider: Arc::clone(provider), breaker: self.breaker(provider.as_ref(), &model), model })
    }

    fn known(&self) -> Arc<Known> {
        Arc::clone(&self.known.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn breaker(&self, provider: &dyn Provider, model: &ModelInfo) -> Breaker {
        let name = full_name(provider, model);
        let mut breakers = self.breakers.lock().unwrap_or_else(PoisonError::into_inner);
        let new = || {
            Breaker::consecutive(self.settings.breaker_failures)
                .open_for(self.settings.breaker_rest)
                .named(name.clone())
        };
        breakers.entry(name.clone()).or_insert_with(new).clone()
    }

    fn listed(&self, provider: &Arc<dyn Provider>, model: ModelInfo) -> Listed {
        let tier = model.tier.filter(|_| model.place == Place::ThisMachine).map(|tier| tier_name(tier).to_owned());
        let full = (model.place == Place::Remote).then(|| full_name(provider.as_ref(), &model));
        Listed {
            owned_by: provider.name().to_owned(),
            aliases: tier.into_iter().chain(full).collect(),
            status: self.models.status(&model.id),
            id: model.id,
        }
    }

    fn unknown(&self, name: &str) -> Error {
        let mut names: Vec<String> =
            self.list().into_iter().flat_map(|listed| listed.aliases.into_iter().chain([listed.id])).collect();
        names.extend(self.known().tiers.keys().cloned());
        names.sort();
        names.dedup();
        Error::not_found("model", name).with_suggestion(format!("Ask for one of: {}.", names.join(", ")))
    }
}

fn full_name(provider: &dyn Provider, model: &ModelInfo) -> String {
    match model.place {
        Place::ThisMachine => model.id.clone(),
        Place::Remote => format!("{}/{}", provider.name(), model.id),
    }
}
