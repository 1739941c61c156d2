//! What the crate offers, as a list that a change must change too: `public-api.txt`. It is read from the sources,
//! because the compiler's own list needs a nightly one. Surprise: what a macro makes is not in it, such as the codes.

#![expect(clippy::panic, clippy::unwrap_used, reason = "a source file that cannot be read is a failed test")]

mod exports;
mod items;

use std::{collections::BTreeSet, fs, path::Path};

const RENEW: &str = "STEADFAST_RENEW=1 cargo test -p steadfast --test public_api";

#[test]
fn the_public_face_is_the_one_that_is_written_down() {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let file = here.join("public-api.txt");
    let now = listed(&here.join("src"));
    if std::env::var_os("STEADFAST_RENEW").is_some() {
        fs::write(&file, &now).unwrap();
    }
    let written = fs::read_to_string(&file).unwrap_or_default();
    let difference = difference(&written, &now);
    assert!(difference.is_empty(), "the public face has changed; if it should:\n  {RENEW}\n{difference}");
}

#[test]
fn exported_things_are_found_with_their_methods_and_private_ones_are_not() {
    let found = listed(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"));
    let has = |start: &str| found.lines().any(|line| line.starts_with(start));
    assert!(has("Breaker::fn consecutive(failures: u32) -> Self"));
    assert!(has("struct Breaker"));
    assert!(has("Attempt::number: u32"));
    assert!(has("CancelReason::UserStop"));
    assert!(has("impl Sink for testing::EventLog"));
    assert!(has("testing::conformance::Subject::fn name(&self) -> String"));
    assert!(has("struct Run<F>"), "what pin_project! wraps is seen");
    assert!(!found.contains("Bounded"));
    assert!(!found.contains("fn admit"));
}

fn listed(src: &Path) -> String {
    let exports = exports::of(src);
    let lines: BTreeSet<_> = exports.iter().flat_map(items::of).collect();
    lines.into_iter().collect::<Vec<_>>().join("\n") + "\n"
}

fn difference(before: &str, after: &str) -> String {
    let gone = before.lines().filter(|line| !after.lines().any(|other| other == *line));
    let new = after.lines().filter(|line| !before.lines().any(|other| other == *line));
    gone.map(|line| format!("- {line}\n")).chain(new.map(|line| format!("+ {line}\n"))).collect()
}
