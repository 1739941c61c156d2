//! One house: a data directory, settings, and the program that lives there, which can be killed and started again.

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use reqwest::{Client, Response};
use rustix::process::Signal;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::net::TcpStream;

use crate::{
    program::{self, Program, steadfast, test_model},
    upstream::Upstream,
    wait::until,
};

/// What the house has.
#[derive(Debug, Default)]
pub struct Setup {
    pub models: Models,
    /// More tables of the settings, as they stand in the file.
    pub settings: String,
    /// The only authority whose certificates it trusts, as a file; without one, those of the system.
    pub authority: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Models {
    /// Nothing is loaded and nothing is fetched.
    #[default]
    None,
    /// Quick is the model of the tests, and is loaded at the start.
    Quick,
    /// Quick is the model of the tests, and waits to be loaded.
    QuickWhenAsked,
}

#[derive(Debug)]
pub struct House {
    pub http: Client,
    pub address: SocketAddr,
    program: Option<Program>,
    authority: Option<PathBuf>,
    dir: TempDir,
}

impl House {
    /// A house without models of its own.
    pub async fn empty() -> Self {
        Self::start(Setup::default()).await
    }

    /// A house in which Quick is ready.
    pub async fn with_quick() -> Self {
        let house = Self::start(Setup { models: Models::Quick, ..Setup::default() }).await;
        house.quick_is_ready().await;
        house
    }

    /// A house that asks `upstream`, under the name `cloud-b/big-model`.
    pub async fn asking(upstream: &Upstream, settings: &str) -> Self {
        let upstream = format!(
            "[[upstreams]]\nname = \"cloud-b\"\nurl = \"{}\"\nkey = \"sk-of-the-tests\"\nmodels = [{{ id = \"big-model\" }}]\n",
            upstream.base_url()
        );
        Self::start(Setup { settings: format!("{settings}\n{upstream}"), ..Setup::default() }).await
    }

    pub async fn start(setup: Setup) -> Self {
        let dir = tempfile::tempdir().expect("a temporary directory");
        std::fs::write(dir.path().join("steadfast.toml"), settings(&dir, &setup)).expect("the settings can be written");
        let address = SocketAddr::from(([127, 0, 0, 1], 0));
        let mut house = Self { http: Client::new(), address, program: None, authority: setup.authority, dir };
        house.begin().await;
        house
    }

    /// Starts the program again, on the same data.
    pub async fn begin(&mut self) {
        let mut command = steadfast();
        command
            .args(["serve", "--listen", "127.0.0.1:0", "--data-dir"])
            .arg(self.data_dir())
            .arg("--config")
            .arg(self.settings_file());
        if let Some(authority) = &self.authority {
            command.env("SSL_CERT_FILE", authority);
        }
        let mut program = Program::start(command, &self.dir.path().join("server.log"));
        let line = program.line().await;
        let address = line.strip_prefix("steadfast is listening on http://").and_then(|address| address.parse().ok());
        self.address = address.unwrap_or_else(|| panic!("its first line was `{line}`"));
        self.program = Some(program);
    }

    /// Pulls the plug.
    pub async fn kill(&mut self) {
        self.program_mut().signal(Signal::KILL);
        self.program_mut().ended(Duration::from_secs(10)).await;
    }

    /// Asks it to end, and says how it did.
    pub async fn end(&mut self) -> std::process::ExitStatus {
        self.program_mut().signal(Signal::TERM);
        self.program_mut().ended(Duration::from_secs(20)).await
    }

    pub fn program(&self) -> &Program {
        self.program.as_ref().expect("the program was started")
    }

    fn program_mut(&mut self) -> &mut Program {
        self.program.as_mut().expect("the program was started")
    }

    pub fn data_dir(&self) -> PathBuf {
        self.dir.path().join("data")
    }

    pub fn settings_file(&self) -> PathBuf {
        self.dir.path().join("steadfast.toml")
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub async fn get(&self, path: &str) -> Response {
        self.http.get(self.url(path)).send().await.expect("the house answers")
    }

    pub async fn json(&self, path: &str) -> Value {
        self.get(path).await.json().await.expect("the answer is JSON")
    }

    pub async fn post(&self, path: &str, body: Value) -> Response {
        self.http.post(self.url(path)).json(&body).send().await.expect("the house answers")
    }

    /// A bare connection, for those who do not speak HTTP well.
    pub async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.expect("the house accepts")
    }

    pub async fn quick_is_ready(&self) {
        until("Quick ready", Duration::from_secs(120), async || {
            let status = self.json(&format!("/api/models/{QUICK}")).await;
            assert!(status["phase"] != "failed", "Quick failed: {}", status["error"]);
            (status["phase"] == "ready").then_some(())
        })
        .await;
    }

    pub async fn load_quick(&self) {
        let loading = self.post(&format!("/api/models/{QUICK}/load"), json!({})).await;
        assert_eq!(loading.status(), 202, "{}", loading.text().await.unwrap_or_default());
        self.quick_is_ready().await;
    }

    /// The engine's child process, if there is one.
    pub fn worker(&self) -> Option<u32> {
        let server = self.program().pid();
        let children = std::fs::read_to_string(format!("/proc/{server}/task/{server}/children")).unwrap_or_default();
        let mut tasks: Vec<u32> = children.split_whitespace().filter_map(|pid| pid.parse().ok()).collect();
        // A child belongs to the thread that started it, and that may be any of them.
        for task in std::fs::read_dir(format!("/proc/{server}/task")).into_iter().flatten().flatten() {
            let children = std::fs::read_to_string(task.path().join("children")).unwrap_or_default();
            tasks.extend(children.split_whitespace().filter_map(|pid| pid.parse::<u32>().ok()));
        }
        tasks.into_iter().find(|pid| {
            std::fs::read(format!("/proc/{pid}/cmdline")).is_ok_and(|words| contains(&words, b"engine-worker"))
        })
    }

    pub fn kill_worker(&self) {
        program::kill(self.worker().expect("the engine's worker runs"));
    }
}

impl Drop for House {
    #[expect(clippy::print_stderr, reason = "a failed test shows what the server said")]
    fn drop(&mut self) {
        if std::thread::panicking()
            && let Some(program) = &self.program
        {
            let log = program.log();
            let tail: Vec<&str> = log.lines().rev().take(60).collect();
            eprintln!("--- the end of the server's log ---\n{}", tail.into_iter().rev().collect::<Vec<_>>().join("\n"));
        }
    }
}

fn settings(dir: &TempDir, setup: &Setup) -> String {
    let start = if setup.models == Models::Quick { "quick" } else { "" };
    // Neither hub nor package index: tests fetch nothing.
    let nowhere = "hub_endpoint = \"http://127.0.0.1:9\"\npython = \"/no/python\"";
    let mut models = format!("[models]\nstart = \"{start}\"\n{nowhere}\n");
    if setup.models != Models::None {
        let catalogue = dir.path().join("models.toml");
        let source =
            format!("[[model]]\nid = \"{QUICK}\"\nsources = [{{ kind = \"file\", path = {:?} }}]\n", test_model());
        std::fs::write(&catalogue, source).expect("the catalogue can be written");
        models.push_str(&format!("catalogue = {catalogue:?}\n"));
    }
    format!("{models}\n{}\n", setup.settings)
}

fn contains(haystack: &[u8], needle: &[u8]) -> bool {
    haystack.windows(needle.len()).any(|window| window == needle)
}

const QUICK: &str = "smollm2-135m-instruct";
