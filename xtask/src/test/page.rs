//! The stages that npm runs: the page's packages, its types, its unit tests, and the real browser.

use super::Ground;
use crate::{ui, ui_types};

pub(super) fn packages(ground: &Ground<'_>) -> anyhow::Result<()> {
    ui::install(ground.house, &ground.variables)
}

pub(super) fn check(ground: &Ground<'_>) -> anyhow::Result<()> {
    ui::npm(ground.house, &ground.variables, "run check")
}

pub(super) fn unit(ground: &Ground<'_>) -> anyhow::Result<()> {
    ui::npm(ground.house, &ground.variables, "test")
}

/// The committed TypeScript types are what Rust says.
pub(super) fn types(ground: &Ground<'_>) -> anyhow::Result<()> {
    ui_types::run(ground.house, &["--check".to_owned()])
}

/// Chromium drives the real page of the real server.
pub(super) fn browser(ground: &Ground<'_>) -> anyhow::Result<()> {
    ui::npm(ground.house, &ground.variables, "run browser")
}
