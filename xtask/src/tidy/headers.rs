//! Every source file opens with a header that says what it is. A file past 600 lines says in its header
//! why it is "one idea".

use super::Finding;
use super::tree::{File, Tree};

/// Past this a file holds two ideas, unless its header argues otherwise.
const LONG: usize = 600;

pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    tree.files.iter().filter(|file| !is_generated(file)).filter_map(check_file).collect()
}

fn check_file(file: &File) -> Option<Finding> {
    let opening = opening(file.extension())?;
    let header: String = file
        .text
        .lines()
        .take_while(|line| opening.iter().any(|mark| line.starts_with(mark)) || line.starts_with("  "))
        .collect();
    if header.is_empty() {
        return Some(Finding::new(&file.path, format!("no header; the first line starts with `{}`", opening[0])));
    }
    let lines = file.text.lines().count();
    let says = format!("{lines} lines; split it, or say in the header why it is one idea");
    (lines > LONG && !header.contains("one idea")).then(|| Finding::new(&file.path, says))
}

/// How the header of such a file may start; `None` for what needs none.
fn opening(extension: &str) -> Option<&'static [&'static str]> {
    Some(match extension {
        "rs" => &["//!"],
        "ts" | "js" | "mjs" => &["//", "/*", " *"],
        "svelte" | "html" => &["<!--", "<!doctype", "<!DOCTYPE"],
        "css" => &["/*", " *"],
        "py" => &["#", "\"\"\""],
        "sql" => &["--"],
        _ => return None,
    })
}

/// Written by ts-rs and by insta.
fn is_generated(file: &File) -> bool {
    file.path.contains("/generated/")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paths(files: &[(&str, &str)]) -> Vec<String> {
        check(&Tree::of(files)).into_iter().map(|finding| finding.path).collect()
    }

    #[test]
    fn a_file_without_a_header_is_found() {
        let found = paths(&[
            ("a.rs", "use std::fmt;\n//! too late\n"),
            ("b.rs", "//! What it is.\n"),
            ("c.svelte", "<script>\n"),
            ("d.svelte", "<!-- What it is. -->\n<script>\n"),
            ("e.ts", "import x from 'y';\n"),
            ("f.toml", "[package]\n"),
            ("empty.rs", ""),
        ]);
        assert_eq!(found, ["a.rs", "c.svelte", "e.ts", "empty.rs"]);
    }

    #[test]
    fn a_long_file_argues_for_itself() {
        let body = "let x = 1;\n".repeat(LONG);
        let silent = format!("//! A table.\n{body}");
        let argued = format!("//! A table: one idea, a row each.\n{body}");
        assert_eq!(paths(&[("silent.rs", &silent), ("argued.rs", &argued)]), ["silent.rs"]);
    }
}
