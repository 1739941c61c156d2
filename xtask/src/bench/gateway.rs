//! `cargo xtask bench gateway`: builds the program as it is distributed, in a target folder of its own, finds the
//! others that it is measured beside (nginx from Debian's packages, a Rust router and LiteLLM from the user's Python
//! index), and runs the program that writes `docs/gateway-cost.md`. The local engine is left out of the build: it is a
//! process of its own, has no part in what is measured, and takes as long to compile as everything else.

use std::path::PathBuf;

use crate::child::Child;
use crate::house::House;
use crate::needs;

/// What `cargo xtask bench NAME` calls it.
pub(super) const NAME: &str = "gateway";

pub(super) fn run(house: &House) -> anyhow::Result<()> {
    let mut variables = needs::settle(house, &[needs::FOR_BUILDING])?.variables()?;
    let target = house.target.join("bench-gateway");
    Child::cargo("build --profile dist --no-default-features")
        .words(crate::run::PROGRAM)
        .envs(variables.clone())
        .env("STEADFAST_UI", "require")
        .env("CARGO_TARGET_DIR", &target)
        .within(&house.root)
        .go()?;
    // A rival that cannot be had is left out, and the page says so: nobody's network is a reason not to measure.
    match needs::settle(house, &[needs::FOR_COMPARING]) {
        Ok(rivals) => variables.extend(rivals.variables()?),
        Err(error) => println!("{error:#}"),
    }
    let binary: PathBuf = target.join("dist/steadfast").with_extension(std::env::consts::EXE_EXTENSION);
    Child::cargo("run --release --package steadfast-benches --bin")
        .args([NAME])
        .envs(variables)
        .env("STEADFAST_BIN", binary)
        .env("STEADFAST_LOG", "info")
        .env("CARGO_TARGET_DIR", &target)
        .within(&house.root)
        .go()
}
