//! What the house needs from the machine: every need says what it is for, how to find it and how to get it.
//!
//! A way to get something is tried only when it is missing. Nothing here names a server: packages come through
//! the machine's own apt, pip and npm, under the user's own settings.

mod chromium;
mod clients;
mod cmake;
mod compiler;
mod libclang;
mod model;
mod node;
mod python;
mod rivals;
mod search;
mod ways;

use std::collections::HashSet;
use std::ffi::OsString;
use std::path::PathBuf;
use std::{env, iter};

use anyhow::{Context, bail};

use crate::house::House;
use ways::Way;

pub(crate) const FOR_THE_PAGE: &[Need] = &[node::NODE];

/// A build of the product, the page and llama.cpp included.
pub(crate) const FOR_BUILDING: &[Need] = &[compiler::CPP, compiler::MAKE, cmake::CMAKE, libclang::LIBCLANG, node::NODE];

/// Whatever asks the real model.
pub(crate) const FOR_ASKING: &[Need] = &[python::PYTHON, model::MODEL];

/// Clients that nobody here wrote.
pub(crate) const FOR_CLIENTS: &[Need] = &[python::PYTHON, clients::PYTHON_CLIENT, node::NODE, clients::NODE_CLIENT];

/// Whoever the gateway's cost is told beside.
pub(crate) const FOR_COMPARING: &[Need] = &[python::PYTHON, rivals::NGINX, rivals::ROUTERS];

pub(crate) const FOR_THE_BROWSER: &[Need] = &[node::NODE, chromium::CHROMIUM];

#[derive(Debug)]
pub(crate) struct Need {
    name: &'static str,
    what_for: &'static str,
    find: fn(&House) -> Option<Found>,
    ways: &'static [Way],
    /// What a person can do when every way has failed.
    otherwise: &'static str,
}

/// How a need was met: what its users must be told.
#[derive(Debug, Default)]
pub(crate) struct Found {
    variables: Vec<(&'static str, OsString)>,
    folder: Option<PathBuf>,
}

/// Environment variables for a child process.
pub(crate) type Variables = Vec<(OsString, OsString)>;

/// What every child process must be given so that it finds what was found.
#[derive(Debug, Default)]
pub(crate) struct Toolbox {
    variables: Vec<(&'static str, OsString)>,
    folders: Vec<PathBuf>,
}

impl Toolbox {
    /// The variables to set, the longer `PATH` among them. What was fetched comes first: it was fetched because the
    /// user's own is missing or too old.
    pub(crate) fn variables(&self) -> anyhow::Result<Variables> {
        let mut variables: Variables =
            self.variables.iter().map(|(name, value)| (OsString::from(name), value.clone())).collect();
        if !self.folders.is_empty() {
            let path = env::var_os("PATH").unwrap_or_default();
            let longer = env::join_paths(self.folders.iter().cloned().chain(env::split_paths(&path)))?;
            variables.push(("PATH".into(), longer));
        }
        Ok(variables)
    }

    fn add(&mut self, found: Found) {
        self.variables.extend(found.variables);
        self.folders.extend(found.folder.filter(|folder| !self.folders.contains(folder)));
    }
}

/// Finds or fetches every need of the lists, each once; fails with one line that says what to install.
pub(crate) fn settle(house: &House, lists: &[&[Need]]) -> anyhow::Result<Toolbox> {
    let mut toolbox = Toolbox::default();
    let mut met = HashSet::new();
    for need in lists.iter().copied().flatten().filter(|need| met.insert(need.name)) {
        toolbox.add(meet(house, need)?);
    }
    Ok(toolbox)
}

fn meet(house: &House, need: &Need) -> anyhow::Result<Found> {
    if let Some(found) = (need.find)(house) {
        return Ok(found);
    }
    println!("{} is missing; it is needed for {}", need.name, need.what_for);
    let mut refusals = Vec::new();
    for way in need.ways {
        match way.take(house).and_then(|()| (need.find)(house).context("it is still not found")) {
            Ok(found) => return Ok(found),
            Err(error) => refusals.push(format!("{}: {error:#}", way.name())),
        }
    }
    let tried: String =
        refusals.iter().flat_map(|refusal| iter::once("\n  tried ").chain(iter::once(refusal.as_str()))).collect();
    bail!("{} is needed for {}: {}{tried}", need.name, need.what_for, need.otherwise)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn house() -> House {
        House { root: "/nowhere".into(), target: "/nowhere/target".into(), tools: "/nowhere/.tools".into() }
    }

    #[test]
    fn a_need_that_no_way_meets_says_what_was_tried_and_what_to_do() {
        const UNICORN: Need = Need {
            name: "a unicorn",
            what_for: "the parade",
            find: |_| None,
            ways: &[Way::Own("the stable", |_| bail!("it is empty"))],
            otherwise: "ask a friend for one",
        };
        let error = settle(&house(), &[&[UNICORN]]).unwrap_err().to_string();
        assert_eq!(error, "a unicorn is needed for the parade: ask a friend for one\n  tried the stable: it is empty");
    }

    #[test]
    fn a_fetched_folder_is_put_before_the_users_own_path_once() {
        const TOOL: Need = Need {
            name: "a tool",
            what_for: "work",
            find: |house| Some(Found { folder: Some(house.tools.join("bin")), ..Found::default() }),
            ways: &[],
            otherwise: "",
        };
        const SAME_PLACE: Need = Need { name: "another tool", ..TOOL };
        let toolbox = settle(&house(), &[&[TOOL], &[SAME_PLACE]]).unwrap();
        let variables = toolbox.variables().unwrap();
        let folders: Vec<_> = env::split_paths(&variables[0].1).collect();
        assert_eq!(folders.iter().filter(|folder| folder.ends_with(".tools/bin")).count(), 1);
        assert!(folders.first().unwrap().ends_with(".tools/bin"));
    }
}
