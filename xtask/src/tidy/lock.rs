//! What the lock files may hold: no banned crate, nothing from outside the registry, no download addresses in
//! the page's lock file. `deny.toml` repeats the bans for cargo-deny, which is not on every machine.

use toml::{Table, Value};

use super::Finding;
use super::tree::Tree;

/// Each with the reason why.
const BANNED: &[(&str, &str)] = &[
    ("openssl", "rustls is the house's TLS"),
    ("native-tls", "rustls is the house's TLS"),
    ("tokio-tar", "abandoned, with an open hole"),
    ("bincode", "abandoned"),
    ("backoff", "abandoned; steadfast::Retry"),
    ("serde_yml", "unsound; settings are TOML"),
];

pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    crates(tree).into_iter().chain(page(tree)).collect()
}

fn crates(tree: &Tree) -> Vec<Finding> {
    let locks = tree.files.iter().filter(|file| file.name() == "Cargo.lock");
    locks
        .flat_map(|file| {
            let lock: Table = file.text.parse().unwrap_or_default();
            let packages = lock.get("package").and_then(Value::as_array).cloned().unwrap_or_default();
            let empty = packages.is_empty().then(|| "names no packages, or cannot be read".to_owned());
            let says = empty.into_iter().chain(packages.iter().filter_map(complaint));
            says.map(|says| Finding::new(&file.path, says)).collect::<Vec<_>>()
        })
        .collect()
}

fn complaint(package: &Value) -> Option<String> {
    let name = package.get("name")?.as_str()?;
    if let Some((_, reason)) = BANNED.iter().find(|(banned, _)| *banned == name) {
        return Some(format!("{name} is banned: {reason}"));
    }
    let source = package.get("source").and_then(Value::as_str).unwrap_or("registry+");
    (!source.starts_with("registry+")).then(|| format!("{name} comes from {source}, not from the registry"))
}

fn page(tree: &Tree) -> Vec<Finding> {
    let locks =
        tree.files.iter().filter(|file| file.name() == "package-lock.json" && file.text.contains("\"resolved\""));
    locks
        .map(|file| {
            Finding::new(&file.path, "holds download addresses; `npm install --omit-lockfile-registry-resolved`")
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn says(path: &str, text: &str) -> Vec<String> {
        check(&Tree::of(&[(path, text)])).into_iter().map(|finding| finding.says).collect()
    }

    #[test]
    fn a_banned_crate_is_found_by_its_exact_name() {
        let lock = "[[package]]\nname = \"backoff\"\n[[package]]\nname = \"backon\"\n";
        assert_eq!(says("Cargo.lock", lock), ["backoff is banned: abandoned; steadfast::Retry"]);
    }

    #[test]
    fn a_crate_from_a_git_address_is_found() {
        let lock = "[[package]]\nname = \"x\"\nsource = \"git+https://example.com/x\"\n";
        assert_eq!(says("Cargo.lock", lock).len(), 1);
    }

    #[test]
    fn an_unreadable_lock_file_is_no_clean_one() {
        assert_eq!(says("Cargo.lock", "<<<<<<<").len(), 1);
    }

    #[test]
    fn a_download_address_in_the_pages_lock_file_is_found() {
        assert_eq!(says("app/ui/web/package-lock.json", "{\"resolved\": \"https://example.com/x.tgz\"}").len(), 1);
    }
}
