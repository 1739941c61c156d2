//! `cargo xtask bench [NAME]`: builds the real binary and runs the programs of `benches/` against it, all of
//! them or one; `library` needs no binary, and `gateway` a release of it and other programs to compare, so it runs
//! only when it is named. They print figures and fail only on a promise that is broken.

use std::path::Path;

use anyhow::{Context, bail};

use crate::child::Child;
use crate::house::House;
use crate::{needs, test};

mod gateway;
mod library;

pub(crate) fn run(house: &House, arguments: &[String]) -> anyhow::Result<()> {
    let mut all = programs(&house.root.join("benches/src/bin"))?;
    all.retain(|name| name != gateway::NAME);
    match arguments.first().map(String::as_str) {
        None => against_the_binary(house, &all).and_then(|()| library::run(house)),
        Some(library::NAME) => library::run(house),
        Some(gateway::NAME) => gateway::run(house),
        Some(name) if all.iter().any(|known| known == name) => against_the_binary(house, &[name.to_owned()]),
        Some(name) => {
            bail!("there is no bench `{name}`; there are: {}, {}, {}", all.join(", "), gateway::NAME, library::NAME)
        }
    }
}

fn against_the_binary(house: &House, wanted: &[String]) -> anyhow::Result<()> {
    let mut variables = needs::settle(house, &[needs::FOR_BUILDING, needs::FOR_ASKING])?.variables()?;
    variables.extend(test::programs(house));
    test::build_programs(house, &variables)?;
    for name in wanted {
        Child::cargo("run --package steadfast-benches --bin")
            .args([name])
            .envs(variables.clone())
            .within(&house.root)
            .go()?;
    }
    Ok(())
}

/// The names of the Rust files in a folder, sorted.
pub(crate) fn programs(folder: &Path) -> anyhow::Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in std::fs::read_dir(folder).with_context(|| format!("{} cannot be read", folder.display()))? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "rs") {
            names.extend(path.file_stem().map(|stem| stem.to_string_lossy().into_owned()));
        }
    }
    names.sort();
    Ok(names)
}
