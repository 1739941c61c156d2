//! The scripted upstream: a real HTTP server that misbehaves as the question asks (`SCN-503x2`, `SCN-slow`, …).

use std::{net::SocketAddr, path::Path, process::Stdio};

use serde_json::Value;
use tokio::process::Command;

use crate::program::{Program, binary};

#[derive(Debug)]
pub struct Upstream {
    _program: Program,
    url: String,
}

impl Upstream {
    /// Its log goes beside the house's.
    pub async fn start(dir: &Path) -> Self {
        let mut command = Command::new(binary("STEADFAST_SCRIPTED_UPSTREAM", "scripted-upstream"));
        command.stdin(Stdio::null());
        let mut program = Program::start(command, &dir.join("upstream.log"));
        let line = program.line().await;
        let url = line.split_whitespace().find(|word| word.starts_with("http://")).map(str::to_owned);
        Self { url: url.unwrap_or_else(|| format!("http://{}", line.trim())), _program: program }
    }

    /// For the settings, down to the version.
    pub fn base_url(&self) -> String {
        format!("{}/v1", self.url)
    }

    pub fn address(&self) -> SocketAddr {
        self.url.trim_start_matches("http://").parse().expect("its first line is its address")
    }

    /// Plays `scenario` for every question from now on; an empty one ends that.
    pub async fn set_mood(&self, scenario: &'static str) {
        let reply = reqwest::Client::new().put(format!("{}/mood", self.url)).body(scenario).send().await;
        assert!(reply.expect("the upstream answers").status().is_success(), "it takes the mood");
    }

    /// Every call it has had, oldest first.
    pub async fn calls(&self) -> Vec<Value> {
        let log: Value = reqwest::get(format!("{}/log", self.url))
            .await
            .expect("the upstream answers")
            .json()
            .await
            .expect("its log is JSON");
        log.as_array().or_else(|| log["calls"].as_array()).cloned().expect("its log is a list")
    }
}
