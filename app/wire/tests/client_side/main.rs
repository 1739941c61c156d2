//! What a server needs of the protocols: reading questions, writing answers. The golden files are in `fixtures/`.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "clippy knows test functions only, and the words they share are test code too"
)]

mod answers;
mod bodies;
mod questions;
mod refusals;
mod stories;

/// Compares with `fixtures/FOLDER/NAME.snap`.
fn golden(folder: &str, name: &str, text: &str) {
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path(format!("../../fixtures/{folder}"));
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| insta::assert_snapshot!(name, text));
}
