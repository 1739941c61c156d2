//! `cargo xtask ui`: installs the page's packages, those of its tests too, and builds the page.

use anyhow::Context;

use crate::child::Child;
use crate::house::House;
use crate::needs::{self, Variables};

pub(crate) fn run(house: &House, _: &[String]) -> anyhow::Result<()> {
    let variables = needs::settle(house, &[needs::FOR_THE_PAGE])?.variables()?;
    install(house, &variables)?;
    npm(house, &variables, "run build")
}

/// `npm ci`, but only when the lock file changed since the last time: it empties `node_modules` first.
pub(crate) fn install(house: &House, variables: &Variables) -> anyhow::Result<()> {
    let lock = std::fs::read(house.web().join("package-lock.json")).context("the page's package-lock.json")?;
    let stamp = house.web().join("node_modules/.steadfast-lock");
    if std::fs::read(&stamp).is_ok_and(|installed| installed == lock) {
        println!("the page's packages are installed");
        return Ok(());
    }
    npm(house, variables, "ci --no-audit --no-fund")?;
    Ok(std::fs::write(stamp, lock)?)
}

pub(crate) fn npm(house: &House, variables: &Variables, arguments: &str) -> anyhow::Result<()> {
    Child::new("npm")
        .words(arguments)
        .envs(variables.clone())
        .env("PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD", "1")
        .within(house.web())
        .go()
}
