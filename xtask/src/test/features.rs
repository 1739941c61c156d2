//! Each feature of a library compiles by itself, and none at all does too. Nobody notices otherwise: the workspace is
//! built with many at once, and a missing `cfg` shows only for the user who picks one.

use anyhow::Context;
use toml::Table;

use super::Ground;
use crate::child::Child;

/// The packages that other programs may use with any choice of features.
const LIBRARIES: &[&str] = &["lib/steadfast"];

pub(super) fn check(ground: &Ground<'_>) -> anyhow::Result<()> {
    for folder in LIBRARIES {
        let manifest = ground.house.root.join(folder).join("Cargo.toml");
        let text = std::fs::read_to_string(&manifest).with_context(|| manifest.display().to_string())?;
        let (package, features) = read(&text)?;
        for feature in std::iter::once(String::new()).chain(features) {
            // A target folder of its own: other features are another build, and this one is kept for the next time.
            Child::cargo("check --quiet --no-default-features")
                .args(["--package", &package, "--features", &feature])
                .env("RUSTFLAGS", "--deny warnings")
                .env("CARGO_TARGET_DIR", ground.house.target.join("features"))
                .within(&ground.house.root)
                .go()?;
        }
    }
    Ok(())
}

/// The package's name, and its features without `default`.
fn read(manifest: &str) -> anyhow::Result<(String, Vec<String>)> {
    let manifest: Table = manifest.parse()?;
    let name = manifest.get("package").and_then(|package| package.get("name")?.as_str()).context("no package name")?;
    let features = manifest.get("features").and_then(|features| features.as_table());
    let features = features.into_iter().flat_map(Table::keys).filter(|name| *name != "default").cloned();
    Ok((name.to_owned(), features.collect()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_feature_is_checked_but_the_list_of_defaults() {
        let manifest = "[package]\nname = \"a\"\n[features]\ndefault = []\nserde = [\"dep:serde\"]\ntesting = []";
        assert_eq!(read(manifest).unwrap(), ("a".to_owned(), vec!["serde".to_owned(), "testing".to_owned()]));
    }

    #[test]
    fn a_library_without_features_is_checked_once() {
        assert_eq!(read("[package]\nname = \"a\"").unwrap().1, [""; 0]);
    }
}
