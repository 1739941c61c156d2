//! A Chromium that the browser tests drive. Playwright's own download is not used.

use std::env;
use std::path::PathBuf;

use super::ways::Way;
use super::{Found, Need, search};

const VARIABLE: &str = "CHROMIUM";

pub(crate) const CHROMIUM: Need = Need {
    name: "Chromium",
    what_for: "the browser tests",
    find: |_| {
        let path = env::var_os(VARIABLE).map(PathBuf::from).filter(|path| path.exists()).or_else(installed)?;
        Some(Found { variables: vec![(VARIABLE, path.into())], folder: None })
    },
    ways: &[Way::Debian("chromium")],
    otherwise: "install it, or set CHROMIUM to the path of a Chromium or Chrome",
};

fn installed() -> Option<PathBuf> {
    let names = ["chromium", "chromium-browser", "google-chrome"];
    let mac = PathBuf::from("/Applications/Google Chrome.app/Contents/MacOS/Google Chrome");
    names.into_iter().find_map(search::on_path).or_else(|| mac.exists().then_some(mac))
}
