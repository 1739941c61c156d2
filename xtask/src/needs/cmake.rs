//! cmake, llama.cpp's build system.

use super::ways::Way;
use super::{Need, search};

pub(crate) const CMAKE: Need = Need {
    name: "cmake",
    what_for: "building llama.cpp",
    find: |house| search::program(house, "cmake"),
    ways: &[Way::Debian("cmake"), Way::Wheels("cmake==4.1.2")],
    otherwise: "install it (Debian: cmake, macOS: brew install cmake)",
};
