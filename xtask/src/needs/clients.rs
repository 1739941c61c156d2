//! Clients that nobody here wrote, unmodified and pinned, for Python and for Node (20 and newer), in folders that the
//! whole-house tests are told of.

use std::fs;

use anyhow::Context;

use super::ways::{Way, environment};
use super::{Found, Need, search};
use crate::child::Child;
use crate::house::House;

/// Separated by spaces; the second of a pair is what the first must not choose for itself.
const PYTHON_PACKAGES: &str =
    "openai==3.54.0 anthropic==2.12.0 langchain-openai==1.7.3 langchain-core==1.7.2 llm==0.36";
/// The newest that run on Node 20.
const NODE_PACKAGES: &str = "openai@6.49.0 @anthropic-ai/sdk@1.12.0 ai@6.0.326 @ai-sdk/openai-compatible@2.0.91";

pub(crate) const PYTHON_CLIENT: Need = Need {
    name: "the clients for Python",
    what_for: "the whole-house tests",
    find: |house| find(house, "python", PYTHON_PACKAGES, "STEADFAST_PYTHON_CLIENT"),
    ways: &[Way::Own("pip", |house| {
        let folder = house.tools.join("clients/python");
        let python = environment(&folder)?;
        Child::new(python).words("-m pip install --quiet").words(PYTHON_PACKAGES).go()?;
        Ok(fs::write(folder.join(STAMP), PYTHON_PACKAGES)?)
    })],
    otherwise: "let pip reach a package index",
};

pub(crate) const NODE_CLIENT: Need = Need {
    name: "the clients for Node",
    what_for: "the whole-house tests",
    find: |house| find(house, "node", NODE_PACKAGES, "STEADFAST_NODE_CLIENT"),
    ways: &[Way::Own("npm", |house| {
        let folder = house.tools.join("clients/node");
        fs::create_dir_all(&folder)?;
        fs::write(folder.join("package.json"), "{\"private\": true, \"type\": \"module\"}\n")?;
        Child::new(search::path(house, "npm").context("npm is not found")?)
            .words("install --no-audit --no-fund --save-exact")
            .words(NODE_PACKAGES)
            .within(&folder)
            .go()?;
        Ok(fs::write(folder.join(STAMP), NODE_PACKAGES)?)
    })],
    otherwise: "let npm reach a package index",
};

/// Written last, so that an installation that was cut off is done again.
const STAMP: &str = "installed";

fn find(house: &House, name: &str, packages: &str, variable: &'static str) -> Option<Found> {
    let folder = house.tools.join("clients").join(name);
    let installed = fs::read_to_string(folder.join(STAMP)).ok()?;
    (installed == packages).then(|| Found { variables: vec![(variable, folder.into())], folder: None })
}
