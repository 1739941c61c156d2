//! Every list is complete: a `.rs` file below `src/` is named by a `mod` line in the file beside its folder.
//! Such a file is no part of the build otherwise, and nobody notices. And no `mod.rs`.

use super::Finding;
use super::tree::{File, Tree};

pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    tree.files.iter().filter(|file| file.extension() == "rs").filter_map(|file| check_file(tree, file)).collect()
}

fn check_file(tree: &Tree, file: &File) -> Option<Finding> {
    if file.name() == "mod.rs" {
        return Some(Finding::new(&file.path, "the house writes thing.rs beside thing/, never mod.rs"));
    }
    if named_in_manifest(tree, file) {
        return None;
    }
    let parents = parents(file)?;
    let name = file.name().trim_end_matches(".rs");
    let listed = parents.iter().filter_map(|parent| tree.get(parent)).any(|parent| declares(&parent.text, name));
    (!listed).then(|| Finding::new(&file.path, format!("`mod {name};` is missing in {}", parents.join(" or "))))
}

/// A `[[bin]]` or `[[test]]` with a path of its own.
fn named_in_manifest(tree: &Tree, file: &File) -> bool {
    let Some((package, below)) = split(file.folder()) else { return false };
    let path = format!("\"{below}/{}\"", file.name());
    tree.get(&format!("{package}Cargo.toml")).is_some_and(|manifest| manifest.text.contains(&path))
}

/// The files that may declare this one; `None` for what cargo finds by itself.
fn parents(file: &File) -> Option<Vec<String>> {
    let folder = file.folder();
    let (package, below) = split(folder)?;
    let is_root = match below {
        "src" => ["lib.rs", "main.rs"].contains(&file.name()),
        "src/bin" | "tests" | "examples" | "benches" | "fuzz_targets" => true,
        _ => below.starts_with("tests/") && file.name() == "main.rs",
    };
    if is_root {
        return None;
    }
    if below == "src" {
        return Some(vec![format!("{package}src/lib.rs"), format!("{package}src/main.rs")]);
    }
    // A helper folder of integration tests is declared by each test that uses it.
    let by_tests = below.strip_prefix("tests/").filter(|rest| !rest.contains('/')).map(|_| format!("{folder}/main.rs"));
    Some(std::iter::once(format!("{folder}.rs")).chain(by_tests).collect())
}

/// `app/store/src/sqlite` is the package `app/store/` and the folder `src/sqlite` in it.
fn split(folder: &str) -> Option<(&str, &str)> {
    let roots = ["src", "tests", "examples", "benches", "fuzz_targets"];
    let mut start = 0;
    for part in folder.split('/') {
        // The top-level `tests/`, `benches/` and `examples/` are packages, not folders of one.
        if roots.contains(&part) && (start > 0 || part == "src") {
            return Some((&folder[..start], &folder[start..]));
        }
        start += part.len() + 1;
    }
    None
}

fn declares(parent: &str, name: &str) -> bool {
    parent.lines().any(|line| {
        let line = line.trim_start();
        let rest = line
            .strip_prefix("pub(crate) ")
            .or_else(|| line.strip_prefix("pub(super) "))
            .or_else(|| line.strip_prefix("pub "))
            .unwrap_or(line);
        rest.strip_prefix("mod ")
            .and_then(|rest| rest.strip_prefix(name))
            .is_some_and(|rest| rest.starts_with([';', ' ']))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paths(files: &[(&str, &str)]) -> Vec<String> {
        check(&Tree::of(files)).into_iter().map(|finding| finding.path).collect()
    }

    #[test]
    fn a_file_that_no_list_names_is_found() {
        let found = paths(&[
            ("lib/steadfast/src/lib.rs", "mod policies;\npub(crate) mod clock;\n"),
            ("lib/steadfast/src/clock.rs", ""),
            ("lib/steadfast/src/policies.rs", "pub mod retry;\n"),
            ("lib/steadfast/src/policies/retry.rs", ""),
            ("lib/steadfast/src/policies/retry_later.rs", ""),
            ("lib/steadfast/src/orphan.rs", ""),
        ]);
        assert_eq!(found, ["lib/steadfast/src/policies/retry_later.rs", "lib/steadfast/src/orphan.rs"]);
    }

    #[test]
    fn what_cargo_finds_by_itself_needs_no_list() {
        let found = paths(&[
            ("app/store/build.rs", ""),
            ("app/store/tests/conformance.rs", ""),
            ("app/providers/src/bin/scripted-upstream.rs", ""),
            ("tests/src/lib.rs", ""),
            ("tests/tests/crash.rs", ""),
            ("fuzz/fuzz_targets/gguf_header.rs", ""),
            ("app/engine/Cargo.toml", "[[bin]]\nname = \"w\"\npath = \"tests/bin/worker.rs\""),
            ("app/engine/tests/bin/worker.rs", ""),
        ]);
        assert_eq!(found, [""; 0]);
    }

    #[test]
    fn the_helpers_of_a_test_are_listed_by_it() {
        let found = paths(&[
            ("app/store/tests/suite/main.rs", "mod durable;\n"),
            ("app/store/tests/suite/durable.rs", ""),
            ("app/store/tests/suite/lost.rs", ""),
        ]);
        assert_eq!(found, ["app/store/tests/suite/lost.rs"]);
    }

    #[test]
    fn mod_rs_is_found_even_when_it_is_listed() {
        assert_eq!(paths(&[("a/src/lib.rs", "mod b;"), ("a/src/b/mod.rs", "")]), ["a/src/b/mod.rs"]);
    }
}
