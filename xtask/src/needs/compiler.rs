//! A C++ compiler and something that reads makefiles, for llama.cpp.

use super::ways::Way;
use super::{Found, Need, search};

pub(crate) const CPP: Need = Need {
    name: "a C++ compiler",
    what_for: "building llama.cpp",
    find: |_| ["c++", "g++", "clang++"].into_iter().find_map(search::on_path).map(|_| Found::default()),
    ways: &[Way::Debian("g++")],
    otherwise: "install one (Debian: g++, macOS: xcode-select --install)",
};

pub(crate) const MAKE: Need = Need {
    name: "make or ninja",
    what_for: "building llama.cpp",
    find: |house| search::on_path("make").map(|_| Found::default()).or_else(|| ninja(search::program(house, "ninja")?)),
    ways: &[Way::Debian("make"), Way::Wheels("ninja==1.13.0")],
    otherwise: "install one (Debian: make, macOS: xcode-select --install)",
};

/// cmake asks for make unless it is told otherwise.
fn ninja(mut found: Found) -> Option<Found> {
    found.variables.push(("CMAKE_GENERATOR", "Ninja".into()));
    Some(found)
}
