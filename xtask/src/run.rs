//! `cargo xtask run`: fetches the build tools that are missing, builds the page and the server, and becomes
//! the server. The page is built by `app/ui/build.rs`; here it is only made a must.

use crate::child::Child;
use crate::house::House;
use crate::needs;

/// How cargo is told which program to build; the same words mean the same features, and so the same build.
pub(crate) const PROGRAM: &str = "--package steadfast-server --bin steadfast";

pub(crate) fn run(house: &House, arguments: &[String]) -> anyhow::Result<()> {
    let (profile, arguments) = match arguments.split_first() {
        Some((first, rest)) if first == "--release" => (Some("--release"), rest),
        _ => (None, arguments),
    };
    let toolbox = needs::settle(house, &[needs::FOR_BUILDING])?;
    Child::cargo("build")
        .words(PROGRAM)
        .args(profile)
        .envs(toolbox.variables()?)
        .env("STEADFAST_UI", "require")
        .within(&house.root)
        .go()?;
    let folder = profile.map_or("debug", |_| "release");
    let program = house.target.join(folder).join("steadfast").with_extension(std::env::consts::EXE_EXTENSION);
    Child::new(program).args(arguments).become_it()
}
