//! The official OpenAI clients, unmodified: they stream an answer of a real model, and obey our errors.
//!
//! `cargo xtask test` installs them and names the places in `STEADFAST_PYTHON_CLIENT` (a virtual environment) and
//! `STEADFAST_NODE_CLIENT` (a folder with `node_modules`).

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "clippy knows test functions only, and the words they share are test code too"
)]

use std::{
    env,
    path::{Path, PathBuf},
    time::Duration,
};

use serde_json::Value;
use steadfast_house_tests::{House, within};
use tokio::process::Command;

fn client(variable: &str) -> PathBuf {
    let place = env::var_os(variable)
        .unwrap_or_else(|| panic!("{variable} is not set: `cargo xtask test` installs the client and sets it"));
    let place = PathBuf::from(place);
    assert!(place.is_dir(), "{variable} names {}, which is not a folder", place.display());
    place
}

fn script(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("clients").join(name)
}

async fn check(mut command: Command, house: &House) {
    command.env("STEADFAST_URL", house.url("/v1"));
    let output = within("the client's end", Duration::from_secs(120), command.output()).await.unwrap();
    assert!(output.status.success(), "{command:?}\n{}", String::from_utf8_lossy(&output.stderr));
    let told: Value = serde_json::from_slice(&output.stdout).unwrap();
    let words = |member: &str| told[member].as_str().unwrap_or_default().to_owned();
    assert!(!words("streamed").trim().is_empty(), "{told}");
    assert_eq!(words("streamed"), words("whole"), "greedy answers are alike");
    assert_eq!(told["finish_reason"], "length", "{told}");
    assert!(told["models"].as_array().is_some_and(|models| models.contains(&Value::from("quick"))), "{told}");
    assert_eq!(told["not_found"]["status"], 404, "{told}");
    assert_eq!(told["not_found"]["code"], "model_not_found", "{told}");
    assert!(told["not_found"]["request_id"].is_string(), "{told}");
}

#[tokio::test]
async fn the_python_client_works_unmodified() {
    let house = House::with_quick().await;
    let mut python = Command::new(client("STEADFAST_PYTHON_CLIENT").join("bin/python"));
    python.arg(script("client.py"));
    check(python, &house).await;
}

#[tokio::test]
async fn the_node_client_works_unmodified() {
    let house = House::with_quick().await;
    let place = client("STEADFAST_NODE_CLIENT");
    // A module finds its packages from where it stands, so it is put beside them.
    let beside = place.join("client.mjs");
    std::fs::copy(script("client.mjs"), &beside).unwrap();
    let mut node = Command::new("node");
    node.arg(beside).current_dir(place);
    check(node, &house).await;
}
