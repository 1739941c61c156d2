//! The official OpenAI clients, unmodified and pinned, one for Python and one for Node, in folders that the
//! whole-house tests are told of.

use std::fs;

use anyhow::Context;

use super::ways::{Way, environment};
use super::{Found, Need, search};
use crate::child::Child;
use crate::house::House;

const PYTHON_PACKAGE: &str = "openai==3.54.0";
const NODE_PACKAGE: &str = "openai@6.49.0";

pub(crate) const PYTHON_CLIENT: Need = Need {
    name: "the official OpenAI client for Python",
    what_for: "the whole-house tests",
    find: |house| find(house, "python", PYTHON_PACKAGE, "STEADFAST_PYTHON_CLIENT"),
    ways: &[Way::Own("pip", |house| {
        let folder = house.tools.join("clients/python");
        let python = environment(&folder)?;
        Child::new(python).words("-m pip install --quiet").args([PYTHON_PACKAGE]).go()?;
        Ok(fs::write(folder.join(STAMP), PYTHON_PACKAGE)?)
    })],
    otherwise: "let pip reach a package index",
};

pub(crate) const NODE_CLIENT: Need = Need {
    name: "the official OpenAI client for Node",
    what_for: "the whole-house tests",
    find: |house| find(house, "node", NODE_PACKAGE, "STEADFAST_NODE_CLIENT"),
    ways: &[Way::Own("npm", |house| {
        let folder = house.tools.join("clients/node");
        fs::create_dir_all(&folder)?;
        fs::write(folder.join("package.json"), "{\"private\": true, \"type\": \"module\"}\n")?;
        Child::new(search::path(house, "npm").context("npm is not found")?)
            .words("install --no-audit --no-fund --save-exact")
            .args([NODE_PACKAGE])
            .within(&folder)
            .go()?;
        Ok(fs::write(folder.join(STAMP), NODE_PACKAGE)?)
    })],
    otherwise: "let npm reach a package index",
};

/// Written last, so that an installation that was cut off is done again.
const STAMP: &str = "installed";

fn find(house: &House, name: &str, package: &str, variable: &'static str) -> Option<Found> {
    let folder = house.tools.join("clients").join(name);
    let installed = fs::read_to_string(folder.join(STAMP)).ok()?;
    (installed == package).then(|| Found { variables: vec![(variable, folder.into())], folder: None })
}
