//! Words that have no business in a place: AI words and HTTP crates in `lib/`, package registries' hosts and
//! paths out of the house anywhere.

use super::Finding;
use super::tree::{File, Tree};

/// `lib/` serves any program, so it must not know what ours is about.
const AI_WORDS: &[&str] =
    &["openai", "anthropic", "llama", "gguf", "llm", "mcp", "chatbot", "prompt", "conversation", "inference"];

/// `model` is a word of testing too (a reference model, loom's checker), so only our own uses of it count; the
/// cancel reason `model_switch` is one of the house's fixed words.
const AI_NAMES: &[&str] = &["model_id", "model_name", "modelid", "language model"];

const HTTP_CRATES: &[&str] = &[
    "http",
    "http-body",
    "hyper",
    "hyper-util",
    "axum",
    "reqwest",
    "tonic",
    "tower-http",
    "h2",
    "actix-web",
    "warp",
    "ureq",
];

/// Packages come through the user's own package managers, whatever index those are set to. The names are
/// written in two pieces so that this file does not break its own rule.
const HOSTS: &[&str] = &[
    concat!("pypi", ".org"),
    concat!("pythonhosted", ".org"),
    concat!("npmjs", ".org"),
    concat!("npmjs", ".com"),
    concat!("yarnpkg", ".com"),
    concat!("crates", ".io"),
    concat!("deb.debian", ".org"),
];

const OUTSIDE: &[&str] = &[concat!("../", "shared"), concat!("/work", "/")];

pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    tree.files.iter().flat_map(|file| anywhere(file).into_iter().chain(in_lib(file))).collect()
}

fn anywhere(file: &File) -> Vec<Finding> {
    // cargo writes its own registry into the lock file; every cargo knows how to replace it.
    let hosts = if file.name() == "Cargo.lock" { &[] } else { HOSTS };
    let words = hosts.iter().chain(OUTSIDE).filter(|word| file.text.contains(**word));
    words.map(|word| Finding::new(&file.path, format!("mentions {word}"))).collect()
}

fn in_lib(file: &File) -> Vec<Finding> {
    if !file.path.starts_with("lib/") {
        return Vec::new();
    }
    let text = file.text.to_lowercase();
    let words = AI_WORDS
        .iter()
        .filter(|word| has_word(&text, word))
        .chain(AI_NAMES.iter().filter(|name| text.contains(**name)));
    let words = words.map(|word| format!("lib/ knows no AI word: {word}"));
    let crates = HTTP_CRATES.iter().filter(|name| file.name() == "Cargo.toml" && depends_on(&text, name));
    let crates = crates.map(|name| format!("lib/ uses no HTTP crate: {name}"));
    words.chain(crates).map(|says| Finding::new(&file.path, says)).collect()
}

/// The word on its own, or in the plural.
fn has_word(text: &str, word: &str) -> bool {
    let mut words = text.split(|letter: char| !letter.is_ascii_alphanumeric());
    words.any(|found| found == word || found.strip_suffix('s') == Some(word))
}

fn depends_on(manifest: &str, name: &str) -> bool {
    manifest.lines().any(|line| line.strip_prefix(name).is_some_and(|rest| rest.starts_with([' ', '.', '='])))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn says(path: &str, text: &str) -> Vec<String> {
        check(&Tree::of(&[(path, text)])).into_iter().map(|finding| finding.says).collect()
    }

    #[test]
    fn an_ai_word_in_lib_is_found_and_elsewhere_it_is_not() {
        assert_eq!(says("lib/steadfast/src/error.rs", "/// The LLM's Prompts.").len(), 2);
        assert_eq!(says("lib/steadfast/src/error.rs", "pub fn switch(model_id: &str)").len(), 1);
        assert_eq!(says("app/gateway/src/lib.rs", "/// The LLM's prompts."), [""; 0]);
    }

    #[test]
    fn a_cancel_reason_and_a_longer_word_are_harmless() {
        assert_eq!(says("lib/steadfast/src/cancel.rs", "ModelSwitch => \"model_switch\", prompted"), [""; 0]);
    }

    #[test]
    fn an_http_crate_under_lib_is_found() {
        assert_eq!(
            says("lib/steadfast/Cargo.toml", "[dependencies]\nhyper.workspace = true\n"),
            ["lib/ uses no HTTP crate: hyper"]
        );
        assert_eq!(says("app/server/Cargo.toml", "[dependencies]\nhyper.workspace = true\n"), [""; 0]);
    }

    #[test]
    fn a_registry_and_a_path_out_of_the_house_are_found_anywhere() {
        assert_eq!(says("docs/x.md", &format!("see https://{}/simple", HOSTS[0])).len(), 1);
        assert_eq!(says("README.md", &format!("see {}/DESIGN.md", OUTSIDE[0])).len(), 1);
        assert_eq!(says("Cargo.lock", HOSTS[5]), [""; 0]);
    }
}
