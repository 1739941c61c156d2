//! The documents tell the truth about the tree: a file that one of them links to or names in backticks exists,
//! and every decision is in the index.

use super::Finding;
use super::tree::{File, Tree};

const INDEX: &str = "docs/README.md";

pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    let documents = tree.files.iter().filter(|file| file.extension() == "md");
    documents
        .flat_map(|file| [dead_links(tree, file), dead_names(tree, file), drawn(tree, file), unlisted(tree, file)])
        .flatten()
        .collect()
}

fn dead_links(tree: &Tree, file: &File) -> Vec<Finding> {
    let links = file.text.split("](").skip(1).filter_map(|rest| rest.split([')', '#', ' ']).next());
    let local = links.filter(|link| !link.is_empty() && !link.contains(':'));
    let dead = local.filter(|link| !exists(tree, &resolve(file.folder(), link)));
    dead.map(|link| Finding::new(&file.path, format!("links to {link}, which is not there"))).collect()
}

/// `app/store/src/memory.rs` in backticks is a promise; `NAME.rs` or `{a, b}.rs` in it is a pattern, and none.
fn dead_names(tree: &Tree, file: &File) -> Vec<Finding> {
    if file.name() == "CHANGELOG.md" {
        return Vec::new();
    }
    let names = file.text.lines().flat_map(|line| line.split('`').skip(1).step_by(2)).filter(|name| is_path(name));
    let dead = names.filter(|name| !exists(tree, name) && !exists(tree, &resolve(file.folder(), name)));
    dead.map(|name| Finding::new(&file.path, format!("names {name}, which is not there"))).collect()
}

/// In a picture, a block without a language, a source file may be named by the end of its path.
fn drawn(tree: &Tree, file: &File) -> Vec<Finding> {
    let lines = pictures(&file.text);
    let words = lines.iter().flat_map(|line| line.split_whitespace());
    let names = words.filter(|word| word.ends_with(".rs") || word.ends_with(".ts"));
    let is_there = |name: &str| tree.files.iter().any(|file| format!("/{}", file.path).ends_with(&format!("/{name}")));
    let dead = names.filter(|name| !is_there(name));
    dead.map(|name| Finding::new(&file.path, format!("draws {name}, which is not there"))).collect()
}

fn pictures(text: &str) -> Vec<&str> {
    let mut lines = Vec::new();
    let mut language = None;
    for line in text.lines() {
        match line.strip_prefix("```") {
            Some(name) => language = language.is_none().then_some(name),
            None if language == Some("") => lines.push(line),
            None => {}
        }
    }
    lines
}

fn is_path(name: &str) -> bool {
    const TOP: &[&str] = &["app/", "lib/", "xtask/", "tests/", "benches/", "fuzz/", "docs/", ".ci/", ".config/"];
    let is_pattern = name.contains("NAME") || name.contains("NNNN") || name.contains(['{', '*', ' ', '<']);
    let is_made = ["node_modules", "/dist", "test-artefacts"].iter().any(|made| name.contains(made));
    TOP.iter().any(|top| name.starts_with(top)) && !is_pattern && !is_made
}

fn unlisted(tree: &Tree, file: &File) -> Vec<Finding> {
    let listed = |index: &File| index.text.contains(file.path.trim_start_matches("docs/"));
    let missing = file.path.starts_with("docs/") && file.path != INDEX && !tree.get(INDEX).is_some_and(listed);
    missing.then(|| Finding::new(&file.path, format!("is not in {INDEX}"))).into_iter().collect()
}

fn exists(tree: &Tree, path: &str) -> bool {
    let folder = format!("{}/", path.trim_end_matches('/'));
    tree.has(path) || tree.files.iter().any(|file| file.path.starts_with(&folder))
}

fn resolve(folder: &str, link: &str) -> String {
    let mut parts: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
    for part in link.split('/') {
        match part {
            "." | "" => {}
            ".." => drop(parts.pop()),
            name => parts.push(name),
        }
    }
    parts.join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn says(files: &[(&str, &str)]) -> Vec<String> {
        check(&Tree::of(files)).into_iter().map(|finding| finding.says).collect()
    }

    #[test]
    fn a_dead_link_and_a_dead_name_are_found() {
        let found = says(&[(
            "README.md",
            "[a](docs/no.md) and `app/no/such.rs`, not [b](https://example.com) or `app/x/NAME.rs`",
        )]);
        assert_eq!(found, ["links to docs/no.md, which is not there", "names app/no/such.rs, which is not there"]);
    }

    #[test]
    fn a_dead_name_in_a_picture_is_found() {
        let picture = "```sh\nrun gone.rs\n```\n```\n page ► routes/no.rs ► routes/yes.rs\n```\n\nB `x.rs`.";
        let found = says(&[("A.md", picture), ("app/server/src/routes/yes.rs", "")]);
        assert_eq!(found, ["draws routes/no.rs, which is not there"]);
    }

    #[test]
    fn links_are_read_from_where_they_stand() {
        let files = [("docs/README.md", "[style](../STYLE.md#words)"), ("STYLE.md", "`docs/README.md`")];
        assert_eq!(says(&files), [""; 0]);
    }

    #[test]
    fn a_decision_that_the_index_does_not_name_is_found() {
        let files = [
            ("docs/README.md", "(decisions/0001-a.md)"),
            ("docs/decisions/0001-a.md", ""),
            ("docs/decisions/0002-b.md", ""),
        ];
        assert_eq!(check(&Tree::of(&files)).last().unwrap().path, "docs/decisions/0002-b.md");
    }
}
