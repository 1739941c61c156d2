//! The stages that cargo runs. They select the workspace in the same way wherever they can, because another
//! selection of packages means other features, and with them another build.

use std::ffi::OsString;
use std::path::PathBuf;

use super::Ground;
use crate::child::Child;
use crate::house::House;
use crate::needs::Variables;

/// The package of the whole-house tests; they need the programs built first.
const HOUSE_TESTS: &str = "steadfast-house-tests";

pub(super) fn format(ground: &Ground<'_>) -> anyhow::Result<()> {
    Child::cargo("fmt --all --check").within(&ground.house.root).go()
}

/// Licences, known holes and banned crates. The bans are tidy's too; the rest needs cargo-deny.
pub(super) fn dependencies(ground: &Ground<'_>) -> anyhow::Result<()> {
    if Child::cargo("deny --version").read().is_none() {
        println!("cargo-deny is not installed: licences and advisories are not checked here");
        return Ok(());
    }
    Child::cargo("deny check").within(&ground.house.root).go()
}

pub(super) fn lint(ground: &Ground<'_>) -> anyhow::Result<()> {
    cargo(ground, "clippy --workspace --all-targets").args(["--", "--deny", "warnings"]).go()
}

pub(super) fn unit(ground: &Ground<'_>) -> anyhow::Result<()> {
    tests(ground, "--workspace --exclude").args([HOUSE_TESTS]).go()
}

/// The library's documentation has no dead link, and every example in it is compiled and run.
pub(super) fn doc(ground: &Ground<'_>) -> anyhow::Result<()> {
    Child::cargo("doc --package steadfast --all-features --no-deps")
        .env("RUSTDOCFLAGS", "--deny warnings")
        .within(&ground.house.root)
        .go()?;
    cargo(ground, "test --workspace --doc").go()
}

/// The token tree, the breaker and the limits under every interleaving, in a build of its own: `--cfg loom` swaps the locks and
/// atomics.
pub(super) fn loom(ground: &Ground<'_>) -> anyhow::Result<()> {
    Child::cargo("test --package steadfast --release --test loom_*")
        .env("RUSTFLAGS", "--cfg loom")
        .env("CARGO_TARGET_DIR", ground.house.target.join("loom"))
        .within(&ground.house.root)
        .go()
}

/// The whole house: the real binary, the real model, real sockets, the official clients.
pub(super) fn house(ground: &Ground<'_>) -> anyhow::Result<()> {
    tests(ground, "--package").args([HOUSE_TESTS]).go()
}

/// Builds the programs that tests and benches start: the binary exactly as `cargo xtask run` builds it, because the
/// unit tests left one with their own features in its place, and the upstream that misbehaves on request.
pub(crate) fn build_programs(house: &House, variables: &Variables) -> anyhow::Result<()> {
    let build = |selection: &str| {
        Child::cargo("build")
            .words(selection)
            .envs(variables.clone())
            .env("STEADFAST_UI", "require")
            .within(&house.root)
            .go()
    };
    build("--workspace --features steadfast-providers/testing --bin scripted-upstream")?;
    build(crate::run::PROGRAM)
}

/// Where those programs are, as the tests and benches are told.
pub(crate) fn programs(house: &House) -> [(OsString, OsString); 2] {
    let program = |variable: &str, path: PathBuf| (variable.into(), path.into());
    [
        program("STEADFAST_BIN", house.built("steadfast")),
        program("STEADFAST_SCRIPTED_UPSTREAM", house.built("scripted-upstream")),
    ]
}

/// nextest when it is there, else cargo's own runner; a selection without a test is an error with the former.
fn tests(ground: &Ground<'_>, selection: &str) -> Child {
    let runner = match Child::cargo("nextest --version").read() {
        Some(_) => "nextest run --no-tests=fail --no-fail-fast",
        None => "test --no-fail-fast --lib --bins --tests",
    };
    cargo(ground, runner).words(selection)
}

fn cargo(ground: &Ground<'_>, arguments: &str) -> Child {
    Child::cargo(arguments).envs(ground.variables.clone()).env("STEADFAST_UI", "require").within(&ground.house.root)
}
