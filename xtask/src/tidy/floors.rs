//! Imports point down only. The table of floors says which crates of the house each crate may name in its
//! manifest; a crate that is not in the table, or an arrow that it does not allow, is a finding.

use toml::Table;

use super::Finding;
use super::tree::{File, Tree};

/// From the ground up. Siblings on one floor never import one another.
const FLOORS: &[(&str, &[&str])] = &[
    ("steadfast-derive", &[]),
    ("steadfast", &["steadfast-derive"]),
    ("steadfast-contract", &["steadfast"]),
    ("steadfast-wire", &["steadfast", "steadfast-contract"]),
    ("steadfast-providers", &["steadfast", "steadfast-contract", "steadfast-wire"]),
    ("steadfast-engine", &["steadfast", "steadfast-contract"]),
    ("steadfast-store", &["steadfast", "steadfast-contract"]),
    ("steadfast-gateway", &["steadfast", "steadfast-contract"]),
    ("steadfast-ui", &[]),
    (
        "steadfast-server",
        &[
            "steadfast",
            "steadfast-contract",
            "steadfast-wire",
            "steadfast-providers",
            "steadfast-engine",
            "steadfast-store",
            "steadfast-gateway",
            "steadfast-ui",
        ],
    ),
    ("steadfast-house-tests", &["steadfast", "steadfast-contract", "steadfast-store"]),
    ("steadfast-benches", &["steadfast", "steadfast-contract", "steadfast-house-tests"]),
    ("steadfast-library-benches", &["steadfast"]),
    ("steadfast-fuzz", &["steadfast-engine", "steadfast-wire"]),
    ("xtask", &[]),
];

/// Arrows that only tests draw: (from, to).
const IN_TESTS: &[(&str, &str)] = &[
    ("steadfast-derive", "steadfast"),
    ("steadfast-gateway", "steadfast-providers"),
    ("steadfast-gateway", "steadfast-store"),
    // The checker of the streams' laws watches the real program too.
    ("steadfast-house-tests", "steadfast-gateway"),
];

pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    tree.files.iter().filter(|file| file.name() == "Cargo.toml").flat_map(check_manifest).collect()
}

fn check_manifest(file: &File) -> Vec<Finding> {
    let manifest: Table = match file.text.parse() {
        Ok(manifest) => manifest,
        Err(error) => return vec![Finding::new(&file.path, format!("cannot be read: {error}"))],
    };
    let Some(name) = manifest.get("package").and_then(|package| package.get("name")?.as_str()) else {
        return Vec::new();
    };
    let Some((_, allowed)) = FLOORS.iter().find(|(floor, _)| *floor == name) else {
        return vec![Finding::new(
            &file.path,
            format!("{name} is on no floor; xtask/src/tidy/floors.rs has the table"),
        )];
    };
    let may = |to: &str| allowed.contains(&to);
    // A crate's tests may name the crate itself, to switch on its feature "testing".
    let may_in_tests = |to: &str| may(to) || to == name || IN_TESTS.contains(&(name, to));
    let product = arrows(&manifest, &["dependencies", "build-dependencies"]).into_iter().filter(|to| !may(to));
    let tests = arrows(&manifest, &["dev-dependencies"]).into_iter().filter(|to| !may_in_tests(to));
    product.chain(tests).map(|to| Finding::new(&file.path, format!("{name} may not import {to}"))).collect()
}

/// The crates of the house that these sections name, those of `[target.'...']` tables too.
fn arrows(manifest: &Table, sections: &[&str]) -> Vec<String> {
    let targets = manifest.get("target").and_then(|target| target.as_table()).into_iter().flat_map(Table::values);
    let holders = std::iter::once(manifest).chain(targets.filter_map(|target| target.as_table()));
    let tables = holders.flat_map(|holder| sections.iter().filter_map(|section| holder.get(*section)?.as_table()));
    let names = tables.flatten().map(|(key, value)| value.get("package").and_then(|name| name.as_str()).unwrap_or(key));
    names.filter(|name| FLOORS.iter().any(|(floor, _)| floor == name)).map(ToOwned::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn says(manifest: &str) -> Vec<String> {
        check(&Tree::of(&[("x/Cargo.toml", manifest)])).into_iter().map(|finding| finding.says).collect()
    }

    #[test]
    fn an_arrow_up_is_found() {
        let found =
            says("[package]\nname = \"steadfast\"\n[dependencies]\nsteadfast-contract.workspace = true\ntokio = \"1\"");
        assert_eq!(found, ["steadfast may not import steadfast-contract"]);
    }

    #[test]
    fn an_arrow_to_a_sibling_is_found_under_another_name_and_for_one_target_too() {
        let renamed = "[package]\nname = \"steadfast-store\"\n[dependencies]\nmodels = { package = \"steadfast-engine\", path = \"..\" }";
        let target =
            "[package]\nname = \"steadfast-engine\"\n[target.'cfg(unix)'.dependencies]\nsteadfast-store = \"1\"";
        assert_eq!(says(renamed), ["steadfast-store may not import steadfast-engine"]);
        assert_eq!(says(target), ["steadfast-engine may not import steadfast-store"]);
    }

    #[test]
    fn a_test_may_do_what_the_product_may_not() {
        let of = |section: &str| {
            format!("[package]\nname = \"steadfast-gateway\"\n[{section}]\nsteadfast-providers.workspace = true")
        };
        assert_eq!(says(&of("dev-dependencies")), [""; 0]);
        assert_eq!(says(&of("dependencies")).len(), 1);
        let itself = "[package]\nname = \"steadfast\"\n[dev-dependencies]\nsteadfast.workspace = true";
        assert_eq!(says(itself), [""; 0]);
    }

    #[test]
    fn a_new_crate_must_be_given_a_floor() {
        assert_eq!(says("[package]\nname = \"steadfast-attic\"").len(), 1);
    }
}
