//! Clients that nobody here wrote, unmodified, against an upstream that answers, calls tools, refuses, cuts and stays
//! silent, with the real program in between. Each script tells the same things; what is true for one is true for all.
//!
//! `cargo xtask test` installs them, pinned, and names the places in `STEADFAST_PYTHON_CLIENT` (a virtual environment)
//! and `STEADFAST_NODE_CLIENT` (a folder with `node_modules`).

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "clippy knows test functions only, and the words they share are test code too"
)]

use std::{
    env,
    fmt::Write as _,
    path::{Path, PathBuf},
    time::Duration,
};

use serde_json::{Value, json};
use steadfast_house_tests::{House, Setup, Upstream, new_id, question, within};
use tempfile::TempDir;
use tokio::process::Command;

/// Each has an upstream of its own, so that a target that rests after one says nothing about the next.
const SCENARIOS: [&str; 7] = ["ok", "tool", "401", "cut", "hang", "429long", "503"];

/// How often a client asks when it is refused for a while: these obey `x-should-retry`, Vercel's does not know it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Obeys {
    ShouldRetry,
    Nothing,
}

struct Stage {
    house: House,
    upstream: Upstream,
    dir: TempDir,
}

impl Stage {
    /// One attempt for one question, so that the upstream's log counts what the client does.
    async fn set() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let upstream = Upstream::start(dir.path()).await;
        let mut settings = "[gateway]\nattempts = 1\nbreaker_failures = 100\nbreaker_rest = \"1s\"\n".to_owned();
        for name in SCENARIOS {
            let url = upstream.base_url();
            writeln!(settings, "[[upstreams]]\nname = \"{name}\"\nurl = \"{url}\"\nkey = \"sk-of-the-tests\"").unwrap();
            writeln!(settings, "models = [{{ id = \"scripted\" }}]").unwrap();
        }
        let house = House::start(Setup { settings, ..Setup::default() }).await;
        Self { house, upstream, dir }
    }

    async fn told_by(&self, mut command: Command, run: &str) -> Value {
        command.env("STEADFAST_URL", self.house.url("/v1")).env("STEADFAST_RUN", run).kill_on_drop(true);
        let output = within("the client's end", Duration::from_secs(90), command.output()).await.unwrap();
        assert!(output.status.success(), "{command:?}\n{}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice(&output.stdout).unwrap()
    }

    /// The calls of one scenario, by this client.
    async fn calls(&self, scenario: &str, run: &str) -> Vec<Value> {
        let key = format!("SCN-{scenario}#{run}");
        self.upstream.calls().await.into_iter().filter(|call| call["scenario"] == *key).collect()
    }

    async fn check(&self, command: Command, obeys: Obeys) {
        let run = new_id();
        let told = self.told_by(command, &run).await;
        let sent = self.calls("ok", &run).await[0]["text_sent"].clone();
        assert!(sent.as_str().is_some_and(|text| text.split_whitespace().count() == 50), "{sent}");
        assert_eq!((&told["streamed"], &told["whole"]), (&sent, &sent), "word for word");
        assert!(["stop", "end_turn"].iter().any(|finish| told["finish"] == *finish), "{told}");
        assert_eq!(told["tool"], json!({"name": "look_up", "arguments": {"city": "Oslo", "days": 3}}), "{told}");
        assert!(["tool_calls", "tool-calls", "tool_use"].iter().any(|finish| told["tool_finish"] == *finish), "{told}");
        assert!(!told["after_tool"].as_str().unwrap().trim().is_empty(), "{told}");
        assert_eq!(told["bad_key"]["status"], 401, "{told}");
        assert!(told["bad_key"]["request_id"].is_string(), "{told}");
        assert!(told["cut"].is_object(), "an answer that was cut must fail in the client: {told}");
        let waited = told["timeout"]["seconds"].as_f64().unwrap();
        assert!((0.9..3.0).contains(&waited), "{told}");
        assert_eq!(self.calls("hang", &run).await.len(), 1);
        assert_eq!(told["long_wait"]["status"], 429, "{told}");
        assert!(told["long_wait"]["seconds"].as_f64().unwrap() < 3.0, "nobody sleeps for an hour: {told}");
        assert!(self.calls("429long", &run).await.len() <= 1);
        self.check_tries(&run, obeys, &told["overloaded"]).await;
    }

    /// Two retries are every client's default, unless our answer says that none can help.
    async fn check_tries(&self, run: &str, obeys: Obeys, told: &Value) {
        let plain = self.house.post("/v1/chat/completions", question("503/scripted", "SCN-503#plain")).await;
        let says_no = plain.headers().get("x-should-retry").is_some_and(|value| value == "false");
        let tries = if says_no && obeys == Obeys::ShouldRetry { 1 } else { 3 };
        assert_eq!(plain.status(), 503);
        assert_eq!(told["status"], 503, "{told}");
        assert_eq!(self.calls("503", run).await.len(), tries, "{told}");
    }

    fn python(name: &str) -> Command {
        let mut python = Command::new(place("STEADFAST_PYTHON_CLIENT").join("bin/python"));
        python.arg(script(name));
        python
    }

    /// A module finds its packages from where it stands, so it is put beside them.
    fn node(name: &str) -> Command {
        let place = place("STEADFAST_NODE_CLIENT");
        let beside = place.join(name);
        std::fs::copy(script(name), &beside).unwrap();
        let mut node = Command::new("node");
        node.arg(beside).current_dir(place);
        node
    }
}

fn place(variable: &str) -> PathBuf {
    let place = env::var_os(variable)
        .unwrap_or_else(|| panic!("{variable} is not set: `cargo xtask test` installs the client and sets it"));
    let place = PathBuf::from(place);
    assert!(place.is_dir(), "{variable} names {}, which is not a folder", place.display());
    place
}

fn script(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("clients/scripted").join(name)
}

#[tokio::test]
async fn openai_for_python() {
    Stage::set().await.check(Stage::python("openai_python.py"), Obeys::ShouldRetry).await;
}

#[tokio::test]
async fn openai_for_node() {
    Stage::set().await.check(Stage::node("openai_node.mjs"), Obeys::ShouldRetry).await;
}

#[tokio::test]
async fn anthropic_for_python() {
    Stage::set().await.check(Stage::python("anthropic_python.py"), Obeys::ShouldRetry).await;
}

#[tokio::test]
async fn anthropic_for_node() {
    Stage::set().await.check(Stage::node("anthropic_node.mjs"), Obeys::ShouldRetry).await;
}

#[tokio::test]
async fn langchain() {
    Stage::set().await.check(Stage::python("langchain_python.py"), Obeys::ShouldRetry).await;
}

#[tokio::test]
async fn vercels_ai_sdk() {
    Stage::set().await.check(Stage::node("vercel_node.mjs"), Obeys::Nothing).await;
}

/// A command line has no tools of its own to bring, and its errors are its exit code.
#[tokio::test]
async fn the_llm_command_line() {
    let stage = Stage::set().await;
    let models: String = SCENARIOS.iter().fold(String::new(), |mut models, name| {
        let url = stage.house.url("/v1");
        writeln!(models, "- model_id: {name}\n  model_name: {name}/scripted\n  api_base: {url}").unwrap();
        models
    });
    std::fs::write(stage.dir.path().join("extra-openai-models.yaml"), models).unwrap();
    let run = new_id();
    let llm = async |scenario: &str, more: &[&str]| {
        let mut llm = Command::new(place("STEADFAST_PYTHON_CLIENT").join("bin/llm"));
        llm.env("LLM_USER_PATH", stage.dir.path()).env("OPENAI_API_KEY", "none").kill_on_drop(true);
        llm.args(["prompt", "--model", scenario, "--no-log"]).args(more).arg(format!("SCN-{scenario}#{run}"));
        within("the end of llm", Duration::from_secs(60), llm.output()).await.unwrap()
    };
    let (streamed, whole) = (llm("ok", &[]).await, llm("ok", &["--no-stream"]).await);
    let sent = stage.calls("ok", &run).await[0]["text_sent"].as_str().unwrap().to_owned();
    for output in [streamed, whole] {
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        assert_eq!(String::from_utf8_lossy(&output.stdout).trim(), sent.trim(), "word for word");
    }
    for scenario in ["401", "cut"] {
        let output = llm(scenario, &[]).await;
        assert!(!output.status.success(), "{scenario}: {}", String::from_utf8_lossy(&output.stdout));
        assert!(String::from_utf8_lossy(&output.stderr).contains("Error"), "{scenario}");
    }
}
