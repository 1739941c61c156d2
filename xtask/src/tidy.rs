//! `cargo xtask tidy`: the house checks itself. Each rule is a file with the bad example that it catches;
//! the last test here runs them all on the tree, so plain `cargo test` does too.

mod documents;
mod floors;
mod headers;
mod lists;
mod lock;
mod rooms;
mod tree;
mod words;

use anyhow::bail;

use crate::house::House;
use tree::Tree;

/// A rule: reads the tree, tells what is wrong.
type Rule = fn(&Tree) -> Vec<Finding>;

const RULES: &[Rule] =
    &[headers::check, lists::check, floors::check, rooms::check, words::check, lock::check, documents::check];

#[derive(Debug, PartialEq, Eq)]
struct Finding {
    path: String,
    says: String,
}

impl Finding {
    fn new(path: &str, says: impl Into<String>) -> Self {
        Self { path: path.to_owned(), says: says.into() }
    }
}

pub(crate) fn run(house: &House, _: &[String]) -> anyhow::Result<()> {
    let tree = Tree::read(&house.root)?;
    let findings: Vec<_> = RULES.iter().flat_map(|rule| rule(&tree)).collect();
    if findings.is_empty() {
        println!("tidy: {} files, nothing to say", tree.files.len());
        return Ok(());
    }
    for Finding { path, says } in &findings {
        println!("{path}: {says}");
    }
    bail!("tidy has {} findings", findings.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_house_is_tidy() {
        run(&House::find().unwrap(), &[]).unwrap();
    }
}
