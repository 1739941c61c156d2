//! No file without a room: the top of the house and the folders of crates hold only what is listed here, and
//! nothing that a build makes is committed.

use super::Finding;
use super::tree::{File, Tree};

/// What stands at the root: files by name, folders with a slash.
const ROOT: &[&str] = &[
    ".cargo/",
    ".ci/",
    ".config/",
    ".editorconfig",
    ".gitignore",
    "app/",
    "ARCHITECTURE.md",
    "benches/",
    "Cargo.lock",
    "Cargo.toml",
    "CHANGELOG.md",
    "clippy.toml",
    "CONTRIBUTING.md",
    "deny.toml",
    "docs/",
    "examples/",
    "fuzz/",
    "lib/",
    "LICENSE-APACHE",
    "LICENSE-MIT",
    "README.md",
    "rust-toolchain.toml",
    "rustfmt.toml",
    "STYLE.md",
    "tests/",
    "xtask/",
];

/// The crates; another one is a decision, so it is added here on purpose.
const CRATES: &[&str] = &[
    "app/contract/",
    "app/engine/",
    "app/gateway/",
    "app/providers/",
    "app/server/",
    "app/store/",
    "app/ui/",
    "app/wire/",
    "lib/steadfast/",
    "lib/steadfast-derive/",
];

/// Folders and endings that only builds and downloads make.
const MADE: &[&str] =
    &["/target/", "/node_modules/", "/dist/", "/test-artefacts/", "/.tools/", "/__pycache__/", "/test-results/"];
const MADE_ENDINGS: &[&str] = &[
    "gguf",
    "so",
    "a",
    "o",
    "dylib",
    "dll",
    "exe",
    "wasm",
    "whl",
    "pyc",
    "log",
    "sqlite",
    "db",
    "orig",
    "rej",
    "pending-snap",
];

pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    tree.files.iter().filter_map(|file| stray(file).or_else(|| made(file))).collect()
}

fn stray(file: &File) -> Option<Finding> {
    let at_root = ROOT.iter().any(|room| file.path == *room || (room.ends_with('/') && file.path.starts_with(room)));
    let below = ["app/", "lib/"].iter().any(|folder| file.path.starts_with(folder));
    let in_crate = !below || CRATES.iter().any(|room| file.path.starts_with(room));
    (!at_root || !in_crate).then(|| {
        Finding::new(&file.path, "has no room; ARCHITECTURE.md names them, xtask/src/tidy/rooms.rs lists them")
    })
}

fn made(file: &File) -> Option<Finding> {
    let path = format!("/{}", file.path);
    let is_made = MADE.iter().any(|folder| path.contains(folder)) || MADE_ENDINGS.contains(&file.extension());
    is_made.then(|| Finding::new(&file.path, "is made by a build or a download, and is not committed"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paths(files: &[&str]) -> Vec<String> {
        let files: Vec<_> = files.iter().map(|path| (*path, "")).collect();
        check(&Tree::of(&files)).into_iter().map(|finding| finding.path).collect()
    }

    #[test]
    fn a_stray_file_or_folder_or_crate_is_found() {
        let stray = ["notes.txt", "scripts/deploy.sh", "app/attic/src/lib.rs", "lib/loose.rs"];
        assert_eq!(paths(&stray), stray);
    }

    #[test]
    fn what_a_build_makes_is_found() {
        let made = [
            "app/ui/web/dist/index.html",
            "app/ui/web/node_modules/x/y.js",
            "app/engine/fixtures/m.gguf",
            "tests/t.log",
        ];
        assert_eq!(paths(&made), made);
    }

    #[test]
    fn what_has_a_room_is_fine() {
        assert_eq!(paths(&["README.md", "app/store/src/lib.rs", "docs/decisions/0001-x.md", ".ci/run"]), [""; 0]);
    }
}
