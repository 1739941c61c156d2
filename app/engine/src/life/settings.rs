//! What a user may set about local models.

use std::{path::PathBuf, time::Duration};

use steadfast::Clock;

use crate::download::DownloadSettings;

/// Where models live and how they are kept.
#[derive(Debug, Clone)]
pub struct ModelsSettings {
    pub download: DownloadSettings,
    /// Failed starts in a row after which a model rests.
    pub failures_until_rest: u32,
    pub rest: Duration,
    /// A model that answered nothing for so long gives its memory back. Never Quick.
    pub unload_after: Option<Duration>,
    /// Local models together may not need more than this, whatever the machine has.
    pub memory_limit_bytes: Option<u64>,
    pub clock: Clock,
}

impl ModelsSettings {
    pub fn new(models_dir: impl Into<PathBuf>) -> Self {
        Self {
            download: DownloadSettings::new(models_dir),
            failures_until_rest: 3,
            rest: Duration::from_secs(30),
            unload_after: None,
            memory_limit_bytes: None,
            clock: Clock::real(),
        }
    }
}
