//! The ways to get a missing tool: Debian packages when root on Debian, Python wheels into `.tools/python`,
//! or a way of the need's own.

use std::path::{Path, PathBuf};

use anyhow::bail;

use super::search;
use crate::child::Child;
use crate::house::House;

#[derive(Debug)]
pub(crate) enum Way {
    Debian(&'static str),
    Wheels(&'static str),
    Own(&'static str, fn(&House) -> anyhow::Result<()>),
}

impl Way {
    pub(crate) fn name(&self) -> String {
        match self {
            Self::Debian(packages) => format!("the Debian packages {packages}"),
            Self::Wheels(packages) => format!("the Python wheels {packages}"),
            Self::Own(name, _) => (*name).to_owned(),
        }
    }

    pub(crate) fn take(&self, house: &House) -> anyhow::Result<()> {
        match self {
            Self::Debian(packages) => debian(packages),
            Self::Wheels(packages) => wheels(house, packages),
            Self::Own(_, get) => get(house),
        }
    }
}

fn debian(packages: &str) -> anyhow::Result<()> {
    if !Path::new("/etc/debian_version").exists() {
        bail!("this is not Debian");
    }
    if Child::new("id").words("-u").read().as_deref() != Some("0") {
        bail!("only root may install them");
    }
    Child::new("apt-get").words("update --quiet").go()?;
    Child::new("apt-get")
        .words("install --yes --quiet --no-install-recommends")
        .words(packages)
        .env("DEBIAN_FRONTEND", "noninteractive")
        .go()
}

fn wheels(house: &House, packages: &str) -> anyhow::Result<()> {
    let python = environment(&house.tools.join("python"))?;
    Child::new(python).words("-m pip install --quiet").words(packages).go()
}

/// A Python environment in that folder, made when it is not there; its interpreter.
pub(crate) fn environment(folder: &Path) -> anyhow::Result<PathBuf> {
    let python = folder.join("bin/python");
    if Child::new(&python).words("-m pip --version").read().is_none() {
        let Some(system) = search::on_path("python3") else { bail!("there is no python3") };
        Child::new(system).words("-m venv --clear").args([folder]).go()?;
    }
    Ok(python)
}
