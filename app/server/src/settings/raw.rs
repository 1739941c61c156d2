//! The settings file as it is written: every member optional, unknown ones refused.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use serde::Deserialize;

use super::{Environment, Flags, Problems, duration::Written, hint};

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawSettings {
    pub(super) listen: Option<String>,
    pub(super) hosts: Vec<String>,
    pub(super) connections: RawConnections,
    pub(super) data_dir: Option<PathBuf>,
    pub(super) log: Option<String>,
    pub(super) debug: bool,
    pub(super) models: RawModels,
    pub(super) gateway: RawGateway,
    pub(super) upstreams: Vec<RawUpstream>,
    pub(super) tiers: BTreeMap<String, Vec<String>>,
    pub(super) chains: BTreeMap<String, RawChain>,
}

#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawConnections {
    pub(super) total: Option<usize>,
    pub(super) per_address: Option<usize>,
    pub(super) per_local_address: Option<usize>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawModels {
    pub(super) dir: Option<PathBuf>,
    pub(super) catalogue: Option<PathBuf>,
    pub(super) start: Option<String>,
    pub(super) hub_endpoint: Option<String>,
    pub(super) python: Option<PathBuf>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawGateway {
    pub(super) attempts: Option<u32>,
    pub(super) wait_first: Option<Written>,
    pub(super) wait_max: Option<Written>,
    pub(super) breaker_failures: Option<u32>,
    pub(super) breaker_rest: Option<Written>,
    pub(super) idle: Option<Written>,
    pub(super) total: Option<Written>,
    pub(super) flush_every: Option<Written>,
    pub(super) queue_max: Option<usize>,
    pub(super) undo_for: Option<Written>,
    pub(super) system_prompt: Option<String>,
    pub(super) cache: RawCache,
}

/// Answers that are given again.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawCache {
    pub(super) enabled: bool,
    pub(super) fresh_for: Option<Written>,
    pub(super) stale_for: Option<Written>,
    pub(super) max_mib: Option<usize>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawUpstream {
    pub(super) name: String,
    pub(super) url: String,
    pub(super) key: Option<String>,
    pub(super) key_env: Option<String>,
    pub(super) key_file: Option<PathBuf>,
    pub(super) key_command: Option<Vec<String>>,
    #[serde(default)]
    pub(super) protocol: RawProtocol,
    /// Ask the upstream which models it has, beside those named here.
    #[serde(default)]
    pub(super) discover: bool,
    /// It tries again and elsewhere by itself.
    #[serde(default)]
    pub(super) router: bool,
    pub(super) connect: Option<Written>,
    pub(super) first_token: Option<Written>,
    pub(super) per_1k_tokens: Option<Written>,
    pub(super) idle: Option<Written>,
    pub(super) whole: Option<Written>,
    pub(super) min_chars_per_second: Option<f32>,
    #[serde(default)]
    pub(super) models: Vec<RawModel>,
}

#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum RawProtocol {
    #[default]
    OpenAi,
    Anthropic,
}

/// How a chain of `tiers` is walked.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawChain {
    pub(super) order: RawOrder,
    pub(super) weights: BTreeMap<String, u32>,
}

#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum RawOrder {
    #[default]
    Listed,
    Ranked,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawModel {
    pub(super) id: String,
    pub(super) name: Option<String>,
    pub(super) tier: Option<String>,
    pub(super) context: Option<u32>,
    #[serde(default)]
    pub(super) continuation: RawContinuation,
    pub(super) tools: Option<bool>,
    pub(super) images: Option<bool>,
    pub(super) schema: Option<bool>,
}

/// Whether the model goes on from a given beginning; somebody must have looked.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum RawContinuation {
    Verified,
    /// Whoever runs this shall look.
    Probe,
    Unsupported,
    #[default]
    Unknown,
}

impl RawSettings {
    /// The file that was named, or the usual one if it is there, with the environment and the flags laid over it.
    pub(super) fn read(flags: &Flags, environment: &Environment) -> Result<(Option<PathBuf>, Self), Problems> {
        let named = flags.config.clone().or_else(|| environment.path("STEADFAST_CONFIG"));
        let file = named.or_else(|| environment.config_file().filter(|path| path.exists()));
        let mut raw = file.as_deref().map_or_else(|| Ok(Self::default()), Self::from_file)?;
        raw.lay_over(environment, flags);
        Ok((file, raw))
    }

    fn from_file(path: &Path) -> Result<Self, Problems> {
        let text = std::fs::read_to_string(path).map_err(|error| {
            Problems::one(format!("{}: The settings file cannot be read: {error}.", path.display()))
        })?;
        Self::from_text(&text).map_err(|problem| Problems::one(format!("{}:{problem}", path.display())))
    }

    /// The problem begins with its line: `3: unknown field …`.
    pub(super) fn from_text(text: &str) -> Result<Self, String> {
        toml::from_str(text).map_err(|error| {
            let line = error.span().map_or(1, |span| text[..span.start].matches('\n').count() + 1);
            format!("{line}: {}{}", error.message(), hint::for_unknown_field(error.message()))
        })
    }

    fn lay_over(&mut self, environment: &Environment, flags: &Flags) {
        let port = environment.get("PORT").map(|port| format!("127.0.0.1:{port}"));
        let listen = flags.listen.clone().or_else(|| environment.get("STEADFAST_LISTEN").map(str::to_owned)).or(port);
        lay(&mut self.listen, listen);
        lay(&mut self.data_dir, flags.data_dir.clone().or_else(|| environment.path("STEADFAST_DATA_DIR")));
        lay(&mut self.log, environment.get("STEADFAST_LOG").map(str::to_owned));
        lay(&mut self.models.hub_endpoint, environment.get("HF_ENDPOINT").map(str::to_owned));
    }
}

fn lay<T>(below: &mut Option<T>, above: Option<T>) {
    if above.is_some() {
        *below = above;
    }
}
