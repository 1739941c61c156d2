//! `cargo xtask ui-types [--check]`: writes the TypeScript types that the page imports, from the Rust types
//! of `app/contract` that carry `#[derive(TS)]`. With `--check` it only says which committed files are stale.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::{Context, bail};

use crate::child::Child;
use crate::house::House;

const GENERATED: &str = "app/ui/web/src/api/generated";

pub(crate) fn run(house: &House, arguments: &[String]) -> anyhow::Result<()> {
    let fresh = export(house)?;
    let folder = house.root.join(GENERATED);
    if arguments.iter().any(|argument| argument == "--check") {
        return compare(&files(&folder)?, &fresh);
    }
    for name in files(&folder)?.into_keys().filter(|name| !fresh.contains_key(name)) {
        fs::remove_file(folder.join(name))?;
    }
    fs::create_dir_all(&folder)?;
    for (name, text) in &fresh {
        fs::write(folder.join(name), text)?;
    }
    println!("{} types written to {GENERATED}", fresh.len());
    Ok(())
}

/// ts-rs writes its files from tests that it derives, into the folder of this variable.
fn export(house: &House) -> anyhow::Result<BTreeMap<String, String>> {
    let folder = house.target.join("ui-types");
    if folder.exists() {
        fs::remove_dir_all(&folder)?;
    }
    Child::cargo("test --quiet --package steadfast-contract --lib export_bindings")
        .env("TS_RS_EXPORT_DIR", &folder)
        .within(&house.root)
        .go()?;
    let fresh = files(&folder)?;
    if fresh.is_empty() {
        bail!("steadfast-contract exported no types; does a type carry #[ts(export)]?");
    }
    Ok(fresh)
}

fn compare(committed: &BTreeMap<String, String>, fresh: &BTreeMap<String, String>) -> anyhow::Result<()> {
    let mut stale: Vec<_> = fresh
        .iter()
        .filter(|(name, text)| committed.get(*name) != Some(*text))
        .map(|(name, _)| name.as_str())
        .collect();
    stale.extend(committed.keys().filter(|name| !fresh.contains_key(*name)).map(String::as_str));
    if !stale.is_empty() {
        bail!("{GENERATED} is stale ({}); run `cargo xtask ui-types`", stale.join(", "));
    }
    println!("{} types are as Rust says", fresh.len());
    Ok(())
}

/// Every TypeScript file under a folder, by its path from there; nothing when the folder is missing.
fn files(folder: &Path) -> anyhow::Result<BTreeMap<String, String>> {
    let mut found = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop().filter(|next| next.exists()) {
        for entry in fs::read_dir(&next)? {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "ts") {
                let name = path.strip_prefix(folder)?.to_string_lossy().replace('\\', "/");
                let text = fs::read_to_string(&path).with_context(|| path.display().to_string())?;
                found.insert(name, text);
            }
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(files: &[(&str, &str)]) -> BTreeMap<String, String> {
        files.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect()
    }

    #[test]
    fn equal_folders_are_fresh() {
        compare(&folder(&[("Run.ts", "a")]), &folder(&[("Run.ts", "a")])).unwrap();
    }

    #[test]
    fn a_changed_a_missing_and_a_left_over_type_are_all_named() {
        let committed = folder(&[("Changed.ts", "old"), ("LeftOver.ts", "x")]);
        let fresh = folder(&[("Changed.ts", "new"), ("Missing.ts", "y")]);
        let error = compare(&committed, &fresh).unwrap_err().to_string();
        assert!(["Changed.ts", "Missing.ts", "LeftOver.ts"].iter().all(|name| error.contains(name)), "{error}");
    }
}
