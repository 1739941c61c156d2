//! From what was written to what can be used. Collects every problem instead of stopping at the first.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::SocketAddr,
    path::PathBuf,
    time::Duration,
};

use steadfast::Detail;
use steadfast_contract::model::Tier;
use steadfast_gateway::GatewaySettings;
use steadfast_providers::{ModelSettings, Secret, UpstreamSettings};

use super::{
    ConnectionLimits, Environment, Exposure, Flags, Listen, Models, Origin, Problems, Settings, WhenTaken, cache,
    duration::Written,
    hint, key,
    raw::{RawChain, RawConnections, RawGateway, RawModel, RawModels, RawSettings, RawUpstream},
    upstream,
};

pub(super) fn check(
    raw: RawSettings,
    file: Option<PathBuf>,
    flags: &Flags,
    environment: &Environment,
) -> Result<Settings, Problems> {
    let mut check = Check { environment, found: vec![] };
    let data_dir = check.data_dir(raw.data_dir);
    let upstreams: Vec<_> = raw.upstreams.iter().filter_map(|upstream| check.upstream(upstream)).collect();
    check.names_are_unique(&raw.upstreams);
    let settings = Settings {
        connections: check.connections(raw.connections),
        listen: check.listen(raw.listen.as_deref(), raw.hosts, flags.exposure),
        models: check.models(raw.models, &data_dir),
        gateway: check.gateway(&raw.gateway, raw.tiers, raw.chains, &raw.upstreams),
        data_dir,
        upstreams,
        file,
        detail: if raw.debug { Detail::Debug } else { Detail::Public },
        log: raw.log.unwrap_or_else(|| DEFAULT_LOG.to_owned()),
        origin: Origin { flags: flags.clone(), environment: environment.clone() },
    };
    if check.found.is_empty() { Ok(settings) } else { Err(Problems(check.found)) }
}

struct Check<'a> {
    environment: &'a Environment,
    found: Vec<String>,
}

impl Check<'_> {
    fn problem(&mut self, problem: impl Into<String>) {
        self.found.push(problem.into());
    }

    fn data_dir(&mut self, written: Option<PathBuf>) -> PathBuf {
        written.or_else(|| self.environment.data_dir()).unwrap_or_else(|| {
            self.problem(
                "data_dir: There is no home directory; say where to keep data with `data_dir` or STEADFAST_DATA_DIR.",
            );
            PathBuf::new()
        })
    }

    fn listen(&mut self, written: Option<&str>, hosts: Vec<String>, exposure: Exposure) -> Listen {
        let when_taken = if written.is_some() { WhenTaken::Fail } else { WhenTaken::TakeTheNext };
        let text = written.unwrap_or(DEFAULT_ADDRESS).replace("localhost", "127.0.0.1");
        let address = text.parse::<SocketAddr>().unwrap_or_else(|_| {
            self.problem(format!("listen: `{text}` is not an address with a port, such as `{DEFAULT_ADDRESS}`."));
            SocketAddr::from(([127, 0, 0, 1], 0))
        });
        if !address.ip().is_loopback() && exposure == Exposure::ThisMachine {
            self.problem(format!("listen: {address} can be reached from other machines. {NO_SIGN_IN_YET}"));
        }
        Listen { address, when_taken, hosts }
    }

    fn connections(&mut self, raw: RawConnections) -> ConnectionLimits {
        let usual = ConnectionLimits::default();
        let total = raw.total.unwrap_or(usual.total);
        if !(1..=MOST_CONNECTIONS).contains(&total) {
            self.problem(format!("connections.total: Between 1 and {MOST_CONNECTIONS}."));
        }
        // Who lowers the total alone means it for everybody.
        let mut share = |name: &str, written: Option<usize>, usual: usize| {
            let share = written.unwrap_or(usual.min(total));
            if !(1..=total).contains(&share) {
                self.problem(format!("connections.{name}: Between 1 and connections.total, which is {total}."));
            }
            share
        };
        ConnectionLimits {
            per_address: share("per_address", raw.per_address, usual.per_address),
            per_local_address: share("per_local_address", raw.per_local_address, usual.per_local_address),
            total,
        }
    }

    fn models(&mut self, raw: RawModels, data_dir: &std::path::Path) -> Models {
        Models {
            dir: raw.dir.unwrap_or_else(|| data_dir.join("models")),
            catalogue: raw.catalogue,
            start: raw
                .start
                .map_or_else(|| Some(DEFAULT_START.to_owned()), |start| (!start.is_empty()).then_some(start)),
            hub_endpoint: raw.hub_endpoint,
            hub_cache: self.environment.hub_cache(),
            python: raw.python.unwrap_or_else(|| PathBuf::from("python3")),
        }
    }

    fn upstream(&mut self, raw: &RawUpstream) -> Option<UpstreamSettings> {
        let place = format!("upstreams `{}`", raw.name);
        let before = self.found.len();
        if raw.name.is_empty()
            || !raw.name.chars().all(|letter| letter.is_ascii_alphanumeric() || "-_.".contains(letter))
        {
            self.problem(format!("{place}: A name is made of letters, digits, `-`, `_` and `.`."));
        }
        if raw.models.is_empty() && !raw.discover {
            self.problem(format!(
                "{place}: Name at least one model, models = [{{ id = \"…\" }}], or ask for all of them, discover = true."
            ));
        }
        upstream::problems(raw).for_each(|problem| self.problem(format!("{place}: {problem}")));
        let key = self.key(&place, raw);
        let models = raw.models.iter().map(|model| self.model(&place, model)).collect();
        let mut settings = UpstreamSettings::new(raw.name.clone(), raw.url.clone(), models);
        settings.key = key;
        settings.protocol = upstream::protocol(raw.protocol);
        settings.found = upstream::found(raw);
        settings.timeouts = upstream::timeouts(raw);
        (self.found.len() == before).then_some(settings)
    }

    fn key(&mut self, place: &str, raw: &RawUpstream) -> Option<Secret> {
        key::key(raw, self.environment).unwrap_or_else(|why| {
            self.problem(format!("{place}: {why}"));
            None
        })
    }

    fn model(&mut self, place: &str, raw: &RawModel) -> ModelSettings {
        let tier = raw.tier.as_deref().and_then(|written| {
            let tier = TIERS.iter().find(|(name, _)| *name == written).map(|(_, tier)| *tier);
            if tier.is_none() {
                self.problem(format!(
                    "{place}: tier `{written}` is none of quick, smart, genius{}",
                    hint::did_you_mean(written, tier_names())
                ));
            }
            tier
        });
        upstream::model(raw, tier)
    }

    fn names_are_unique(&mut self, upstreams: &[RawUpstream]) {
        let mut seen = BTreeSet::new();
        for upstream in upstreams.iter().filter(|upstream| !seen.insert(upstream.name.as_str())) {
            self.problem(format!("upstreams `{}`: The name is used twice.", upstream.name));
        }
    }

    fn gateway(
        &mut self,
        raw: &RawGateway,
        tiers: BTreeMap<String, Vec<String>>,
        chains: BTreeMap<String, RawChain>,
        upstreams: &[RawUpstream],
    ) -> GatewaySettings {
        for (name, chain) in &chains {
            self.walk(name, chain, &tiers);
        }
        for (tier, chain) in &tiers {
            self.chain(tier, chain, upstreams);
        }
        let usual = GatewaySettings::default();
        let wait = |written: Option<Written>, usual: Duration| written.map_or(usual, |Written(duration)| duration);
        let settings = GatewaySettings {
            attempts: raw.attempts.unwrap_or(usual.attempts),
            wait_first: wait(raw.wait_first, usual.wait_first),
            wait_max: wait(raw.wait_max, usual.wait_max),
            breaker_failures: raw.breaker_failures.unwrap_or(usual.breaker_failures),
            breaker_rest: wait(raw.breaker_rest, usual.breaker_rest),
            idle: wait(raw.idle, usual.idle),
            total: wait(raw.total, usual.total),
            flush_every: wait(raw.flush_every, usual.flush_every),
            queue_max: raw.queue_max.unwrap_or(usual.queue_max),
            undo_for: wait(raw.undo_for, usual.undo_for),
            system_prompt: raw.system_prompt.clone(),
            chains: chains.into_iter().map(|(name, chain)| (name, upstream::chain(chain))).collect(),
            routers: upstreams.iter().filter(|raw| raw.router).map(|raw| raw.name.clone()).collect(),
            tiers,
            streams: usual.streams,
            cache: raw.cache.enabled.then(|| cache::settings(&raw.cache)),
        };
        self.gateway_numbers(&settings);
        cache::problems(&raw.cache).for_each(|problem| self.problem(format!("gateway.cache.{problem}")));
        settings
    }

    fn gateway_numbers(&mut self, settings: &GatewaySettings) {
        let wrong = [
            (!(1..=20).contains(&settings.attempts), "attempts: Between 1 and 20."),
            (settings.wait_first > settings.wait_max, "wait_first: Not longer than wait_max."),
            (settings.breaker_failures == 0, "breaker_failures: At least 1."),
            (settings.idle.is_zero(), "idle: Longer than nothing."),
            (settings.total < settings.idle, "total: Not shorter than idle."),
            (!(1..=1000).contains(&settings.queue_max), "queue_max: Between 1 and 1000."),
            (
                settings.flush_every > Duration::from_secs(10),
                "flush_every: At most 10s: what was shown must soon be on disk.",
            ),
            (
                settings.undo_for < Duration::from_secs(10),
                "undo_for: At least 10s: the page offers Undo for that long.",
            ),
        ];
        for (_, rule) in wrong.into_iter().filter(|(is_wrong, _)| *is_wrong) {
            self.problem(format!("gateway.{rule}"));
        }
    }

    fn walk(&mut self, name: &str, chain: &RawChain, tiers: &BTreeMap<String, Vec<String>>) {
        let Some(links) = tiers.get(name) else {
            let hint = hint::did_you_mean(name, tiers.keys().map(String::as_str));
            self.problem(format!("chains.{name}: There is no chain of that name in `tiers`{hint}"));
            return;
        };
        for link in chain.weights.keys().filter(|link| !links.contains(link)) {
            let hint = hint::did_you_mean(link, links.iter().map(String::as_str));
            self.problem(format!("chains.{name}: The chain has no link `{link}`{hint}"));
        }
    }

    fn chain(&mut self, tier: &str, chain: &[String], upstreams: &[RawUpstream]) {
        if !tier_names().any(|name| name == tier) {
            self.problem(format!(
                "tiers.{tier}: The tiers are quick, smart and genius{}",
                hint::did_you_mean(tier, tier_names())
            ));
        }
        if chain.is_empty() {
            self.problem(format!("tiers.{tier}: The chain is empty."));
        }
        for link in chain {
            let Some((upstream, model)) = link.split_once('/') else { continue };
            let known = upstreams
                .iter()
                .any(|raw| raw.name == upstream && (raw.discover || raw.models.iter().any(|raw| raw.id == model)));
            if !known {
                let all: Vec<String> = upstreams
                    .iter()
                    .flat_map(|raw| raw.models.iter().map(move |model| format!("{}/{}", raw.name, model.id)))
                    .collect();
                let hint = hint::did_you_mean(link, all.iter().map(String::as_str));
                self.problem(format!("tiers.{tier}: No upstream has the model `{link}`{hint}"));
            }
        }
    }
}

fn tier_names() -> impl Iterator<Item = &'static str> {
    TIERS.iter().map(|(name, _)| *name)
}

const TIERS: [(&str, Tier); 3] = [("quick", Tier::Quick), ("smart", Tier::Smart), ("genius", Tier::Genius)];
/// Beyond the ports of a machine with many addresses; a number above it is a slip.
const MOST_CONNECTIONS: usize = 1_000_000;
const DEFAULT_ADDRESS: &str = "127.0.0.1:8080";
const DEFAULT_LOG: &str = "info";
const DEFAULT_START: &str = "quick";
const NO_SIGN_IN_YET: &str = "This version has no sign-in of its own: put a proxy with TLS and sign-in in front and say so with `--i-have-a-proxy`.";
