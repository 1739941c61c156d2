//! Python with pip and venv: it fetches the test model and holds the clients.

use super::ways::Way;
use super::{Found, Need};
use crate::child::Child;

pub(crate) const PYTHON: Need = Need {
    name: "Python 3 with pip and venv",
    what_for: "the test model and the Python clients",
    find: |_| Child::new("python3").args(["-c", "import ensurepip, pip, venv"]).read().map(|_| Found::default()),
    ways: &[Way::Debian("python3 python3-pip python3-venv")],
    otherwise: "install it (macOS: brew install python)",
};
