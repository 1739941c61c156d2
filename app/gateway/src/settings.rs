//! What an operator may choose about asking, and the numbers that hold when they choose nothing.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use steadfast_contract::model::Tier;

use crate::streams::StreamSettings;

/// Checked by the server when it reads its file; every number here is used as it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GatewaySettings {
    /// How often one target is asked before the next one's turn, the first time included.
    pub attempts: u32,
    /// The wait before the second attempt is drawn from 0 to this; doubles from attempt to attempt.
    pub wait_first: Duration,
    pub wait_max: Duration,
    /// Refusals in a row until a target rests, and for how long.
    pub breaker_failures: u32,
    pub breaker_rest: Duration,
    /// Silence after which the local engine counts as dead; heartbeats and prompt progress are not silence. Remote
    /// targets have timers of their own.
    pub idle: Duration,
    /// The longest that one question may take, waiting for a model included.
    pub total: Duration,
    /// Text that was shown is on disk at the latest after this.
    pub flush_every: Duration,
    /// Messages that may wait behind the answer that is being written.
    pub queue_max: usize,
    /// For how long a deleted conversation can be had back.
    pub undo_for: Duration,
    /// Said to every model before the conversation, when set.
    pub system_prompt: Option<String>,
    /// Ordered chains: `genius = ["cloud-b/big-model", "qwen3-8b"]`. A tier without one is its local model.
    pub tiers: BTreeMap<String, Vec<String>>,
    /// How much of the streams is kept.
    pub streams: StreamSettings,
    /// How a chain is walked, by its name in `tiers`. A chain without an entry is walked as it is listed.
    pub chains: BTreeMap<String, ChainSettings>,
    /// Upstreams that try again and elsewhere by themselves: they get one try from us and never a second.
    pub routers: BTreeSet<String>,
    /// Answers that are given again; `None` asks every question anew.
    pub cache: Option<CacheSettings>,
}

/// How long an answer stands, and how much is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CacheSettings {
    /// For so long it is given in place of asking.
    pub fresh_for: Duration,
    /// For so long after that it is given, and marked, when nobody can answer.
    pub stale_for: Duration,
    /// What all of it may hold; what was used longest ago goes first.
    pub max_bytes: usize,
}

impl Default for CacheSettings {
    fn default() -> Self {
        Self {
            fresh_for: Duration::from_secs(60 * 60),
            stale_for: Duration::from_secs(24 * 60 * 60),
            max_bytes: 64 * 1024 * 1024,
        }
    }
}

impl GatewaySettings {
    /// The same, with the chains of `new`: what can change while the program runs.
    #[must_use]
    pub fn with_routing_of(&self, new: &Self) -> Self {
        let Self { tiers, chains, routers, .. } = new.clone();
        Self { tiers, chains, routers, ..self.clone() }
    }
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ChainSettings {
    pub order: Order,
    /// By the link's name: of 3 + 1 questions, 3 begin at the first. Sessions keep to their target. A link without a
    /// weight only stands in for the others.
    pub weights: BTreeMap<String, u32>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Order {
    #[default]
    Listed,
    /// By what was measured: the least expected time to an answer first, now and then another to keep the measure.
    Ranked,
}

impl Default for GatewaySettings {
    fn default() -> Self {
        Self {
            attempts: 5,
            wait_first: Duration::from_secs(1),
            wait_max: Duration::from_secs(15),
            breaker_failures: 5,
            breaker_rest: Duration::from_secs(30),
            idle: Duration::from_secs(30),
            total: Duration::from_secs(30 * 60),
            flush_every: Duration::from_millis(250),
            queue_max: 10,
            undo_for: Duration::from_secs(60),
            system_prompt: None,
            tiers: BTreeMap::new(),
            chains: BTreeMap::new(),
            routers: BTreeSet::new(),
            streams: StreamSettings::default(),
            cache: None,
        }
    }
}

/// The name under which a tier is asked for.
pub(crate) fn tier_name(tier: Tier) -> &'static str {
    match tier {
        Tier::Quick => "quick",
        Tier::Smart => "smart",
        Tier::Genius => "genius",
    }
}
