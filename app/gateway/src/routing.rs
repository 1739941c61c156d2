//! From the name that somebody asked for to the targets that may answer, in order.
//!
//! A name is a tier (`quick`), a model id, or `UPSTREAM/MODEL`. Nothing is guessed: an unknown name is a
//! `NOT_FOUND` that lists the names there are.

mod ability;
mod health;
mod lookout;
mod order;

use std::{
    collections::BTreeMap,
    sync::{Arc, PoisonError, RwLock},
};

use steadfast::{Clock, Error, Keyed, Ranked};
use steadfast_contract::{
    model::{ModelHost, ModelInfo, ModelStatus, Place},
    provider::{Continuation, Provider, Timers},
};

use self::order::ChainOrder;
pub(crate) use self::{
    ability::{able, tokens},
    health::{Admission, Insistence, TargetHealth},
};
use crate::settings::{ChainSettings, GatewaySettings, tier_name};

/// Somebody who may answer, with what everybody who asks it knows of it.
#[derive(Debug, Clone)]
pub(crate) struct Target {
    pub(crate) provider: Arc<dyn Provider>,
    pub(crate) model: Arc<ModelInfo>,
    pub(crate) health: TargetHealth,
    /// What its chain calls it.
    pub(crate) link: String,
    /// It tries again and elsewhere by itself.
    pub(crate) is_router: bool,
}

/// Who may answer a question, best first; never empty.
#[derive(Debug, Clone)]
pub(crate) struct Chain {
    pub(crate) targets: Vec<Target>,
    /// Over the links' names, when the order is measured.
    pub(crate) ranked: Option<Ranked<String>>,
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
    /// Whether it goes on from a begun answer, and when that was found, in milliseconds since 1970.
    pub continuation: Continuation,
    pub continuation_found_ms: Option<u64>,
}

pub(crate) struct Routes {
    known: RwLock<Arc<Known>>,
    models: Arc<dyn ModelHost>,
    healths: Keyed<String, TargetHealth>,
}

/// Who answers, and in which chains; changed as a whole, never in part.
struct Known {
    providers: Vec<Arc<dyn Provider>>,
    settings: GatewaySettings,
    orders: BTreeMap<String, ChainOrder>,
}

impl Known {
    fn new(providers: Vec<Arc<dyn Provider>>, settings: GatewaySettings) -> Self {
        let usual = ChainSettings::default();
        let orders = settings
            .tiers
            .iter()
            .map(|(name, links)| (name.clone(), ChainOrder::new(links, settings.chains.get(name).unwrap_or(&usual))));
        let orders = orders.collect();
        Self { providers, settings, orders }
    }

    fn find(&self, wanted: impl Fn(&dyn Provider, &ModelInfo) -> bool) -> Option<(&Arc<dyn Provider>, ModelInfo)> {
        let of = |provider: &Arc<dyn Provider>| provider.find(&|model| wanted(provider.as_ref(), model));
        self.providers.iter().find_map(|provider| Some((provider, of(provider)?)))
    }

    fn models(&self) -> impl Iterator<Item = (&Arc<dyn Provider>, ModelInfo)> {
        self.providers.iter().flat_map(|provider| provider.models().into_iter().map(move |model| (provider, model)))
    }
}

impl Target {
    /// Whether it goes on from a begun answer to the letter.
    pub(crate) fn continues_exactly(&self) -> bool {
        self.continuation() == Continuation::Exact
    }

    pub(crate) fn continuation(&self) -> Continuation {
        self.provider.continuation(&self.model.id)
    }

    /// `UPSTREAM/MODEL`, or the local model's id.
    pub(crate) fn full_name(&self) -> String {
        full_name(self.provider.as_ref(), &self.model)
    }

    pub(crate) fn timers(&self) -> Timers {
        self.provider.timers()
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
        clock: Clock,
    ) -> Self {
        let healths = {
            let (settings, clock) = (settings.clone(), clock.clone());
            Keyed::new(move |name: &String| TargetHealth::new(name, &settings, &clock))
        };
        Self { known: RwLock::new(Arc::new(Known::new(providers, settings))), models, healths }
    }

    pub(crate) fn change(&self, providers: Vec<Arc<dyn Provider>>, settings: GatewaySettings) {
        *self.known.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(Known::new(providers, settings));
    }

    /// The targets for `name`, as listed; never empty.
    pub(crate) fn resolve(&self, name: &str) -> Result<Vec<Target>, Error> {
        let known = self.known();
        let targets: Vec<Target> = match known.settings.tiers.get(name) {
            Some(chain) => chain.iter().filter_map(|link| self.find(&known, link)).collect(),
            None => self.find(&known, name).into_iter().collect(),
        };
        if targets.is_empty() { Err(self.unknown(name)) } else { Ok(targets) }
    }

    /// Puts `targets`, which `resolve` gave for `name`, into the order of this question.
    pub(crate) fn in_order(&self, name: &str, targets: Vec<Target>, session: Option<&str>) -> Chain {
        match self.known().orders.get(name) {
            Some(order) => Chain { targets: order.arrange(targets, session), ranked: order.ranked.clone() },
            None => Chain { targets, ranked: None },
        }
    }

    pub(crate) fn list(&self) -> Vec<Listed> {
        self.known().models().map(|(provider, model)| self.listed(provider, model)).collect()
    }

    fn find(&self, known: &Known, name: &str) -> Option<Target> {
        let is_of_tier = |model: &ModelInfo| model.tier.is_some_and(|tier| tier_name(tier) == name);
        let (provider, model) = known
            .find(|_, model| model.id == name || is_of_tier(model) && model.place == Place::ThisMachine)
            .or_else(|| known.find(|provider, model| is_full_name(name, provider, model)))
            .or_else(|| known.find(|_, model| is_of_tier(model)))?;
        Some(Target {
            provider: Arc::clone(provider),
            health: self.healths.of(full_name(provider.as_ref(), &model).as_str()),
            model: Arc::new(model),
            link: name.to_owned(),
            is_router: known.settings.routers.contains(provider.name()),
        })
    }

    fn known(&self) -> Arc<Known> {
        Arc::clone(&self.known.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn listed(&self, provider: &Arc<dyn Provider>, model: ModelInfo) -> Listed {
        let tier = model.tier.filter(|_| model.place == Place::ThisMachine).map(|tier| tier_name(tier).to_owned());
        let full = (model.place == Place::Remote).then(|| full_name(provider.as_ref(), &model));
        Listed {
            owned_by: provider.name().to_owned(),
            aliases: tier.into_iter().chain(full).collect(),
            status: self.models.status(&model.id),
            continuation: provider.continuation(&model.id),
            continuation_found_ms: provider.continuation_found_ms(&model.id),
            id: model.id,
        }
    }

    fn unknown(&self, name: &str) -> Error {
        let mut names: Vec<String> =
            self.list().into_iter().flat_map(|listed| listed.aliases.into_iter().chain([listed.id])).collect();
        names.extend(self.known().settings.tiers.keys().cloned());
        names.sort();
        names.dedup();
        Error::not_found("model", name).with_suggestion(format!("Ask for one of: {}.", names.join(", ")))
    }
}

/// Whether `full_name` is `name`, without making it.
fn is_full_name(name: &str, provider: &dyn Provider, model: &ModelInfo) -> bool {
    match model.place {
        Place::ThisMachine => name == model.id,
        Place::Remote => {
            name.strip_prefix(provider.name()).and_then(|rest| rest.strip_prefix('/')) == Some(model.id.as_str())
        }
    }
}

fn full_name(provider: &dyn Provider, model: &ModelInfo) -> String {
    match model.place {
        Place::ThisMachine => model.id.clone(),
        Place::Remote => format!("{}/{}", provider.name(), model.id),
    }
}
