//! Where things stand: the root of the house, cargo's target folder, and `.tools`, the one folder that holds
//! whatever xtask has fetched. Deleting `.tools` and `target` brings back a fresh clone.

use std::env;
use std::path::{Path, PathBuf};

use anyhow::Context;

#[derive(Debug, Clone)]
pub(crate) struct House {
    pub(crate) root: PathBuf,
    pub(crate) target: PathBuf,
    pub(crate) tools: PathBuf,
}

impl House {
    pub(crate) fn find() -> anyhow::Result<Self> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().context("xtask stands in a workspace")?.to_owned();
        let target = match env::var_os("CARGO_TARGET_DIR") {
            Some(dir) => env::current_dir()?.join(dir),
            None => root.join("target"),
        };
        Ok(Self { tools: root.join(".tools"), target, root })
    }

    /// The page's sources and its `package.json`.
    pub(crate) fn web(&self) -> PathBuf {
        self.root.join("app/ui/web")
    }

    /// A program of the house, as the dev profile builds it.
    pub(crate) fn built(&self, name: &str) -> PathBuf {
        self.target.join("debug").join(name).with_extension(env::consts::EXE_EXTENSION)
    }
}
