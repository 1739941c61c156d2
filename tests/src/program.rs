//! A program of the house as a child process: its first line, its log, its end.

use std::{
    env,
    path::{Path, PathBuf},
    process::{ExitStatus, Stdio},
    time::Duration,
};

use rustix::process::{Pid, Signal, kill_process};
use tokio::{
    io::{AsyncBufReadExt, BufReader, Lines},
    process::{Child, ChildStdout, Command},
};

use crate::wait::within;

/// A running child. Dropping it kills it.
#[derive(Debug)]
pub struct Program {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
    log: PathBuf,
}

impl Program {
    /// Starts it with its standard error going to `log`.
    pub fn start(mut command: Command, log: &Path) -> Self {
        let file = std::fs::File::options().create(true).append(true).open(log).expect("the log can be written");
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(file).kill_on_drop(true);
        let mut child = command.spawn().unwrap_or_else(|error| panic!("{command:?} cannot be started: {error}"));
        let out = child.stdout.take().expect("standard output is piped");
        Self { child, lines: BufReader::new(out).lines(), log: log.to_owned() }
    }

    /// The next line of standard output.
    pub async fn line(&mut self) -> String {
        let line = within("a line on standard output", START, self.lines.next_line())
            .await
            .expect("standard output can be read");
        line.unwrap_or_else(|| panic!("it ended without a word; its log:\n{}", self.log()))
    }

    pub fn pid(&self) -> u32 {
        self.child.id().expect("it has not been waited for")
    }

    pub fn signal(&self, signal: Signal) {
        kill_process(pid(self.pid()), signal).expect("it is running");
    }

    pub async fn ended(&mut self, limit: Duration) -> ExitStatus {
        within(format!("the end of the program (log: {})", self.log.display()), limit, self.child.wait())
            .await
            .expect("it can be waited for")
    }

    /// What it holds in memory.
    pub fn memory_mib(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid())).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap_or_default();
        line.split_whitespace().next().and_then(|kib| kib.parse::<u64>().ok()).unwrap_or(0) / 1024
    }

    /// The processor time it has used, as the kernel counts it: in hundredths of a second.
    pub fn cpu_seconds(&self) -> f64 {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.pid())).unwrap_or_default();
        let fields: Vec<&str> = stat.rsplit(") ").next().unwrap_or_default().split(' ').collect();
        let ticks = |place: usize| fields.get(place).and_then(|ticks| ticks.parse::<f64>().ok()).unwrap_or(0.0);
        (ticks(11) + ticks(12)) / 100.0
    }

    pub fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }
}

/// Kills a process that is not ours to wait for, such as the engine's worker.
pub(crate) fn kill(number: u32) {
    kill_process(pid(number), Signal::KILL).expect("the process is there");
}

/// `steadfast`, with nothing of this environment but what it needs to find Python and certificates.
pub fn steadfast() -> Command {
    let mut command = Command::new(binary("STEADFAST_BIN", "steadfast"));
    for name in ["STEADFAST_CONFIG", "STEADFAST_DATA_DIR", "STEADFAST_LISTEN", "PORT"] {
        command.env_remove(name);
    }
    command.env("STEADFAST_LOG", env::var("STEADFAST_LOG").unwrap_or_else(|_| "debug,hyper=info,sqlx=info".to_owned()));
    command
}

pub(crate) fn binary(variable: &str, name: &str) -> PathBuf {
    let built = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/debug").join(name);
    let path = env::var_os(variable).map_or(built, PathBuf::from);
    assert!(
        path.is_file(),
        "{} is missing: set {variable}, or run `cargo xtask test`, which builds it",
        path.display()
    );
    path
}

/// The model file that the tests answer with.
pub fn test_model() -> PathBuf {
    let path = env::var_os("STEADFAST_TEST_MODEL").map(PathBuf::from);
    let path = path
        .unwrap_or_else(|| panic!("STEADFAST_TEST_MODEL is not set: `cargo xtask test` fetches the model and sets it"));
    assert!(path.is_file(), "STEADFAST_TEST_MODEL names {}, which is not a file", path.display());
    path
}

fn pid(number: u32) -> Pid {
    Pid::from_raw(i32::try_from(number).expect("a process number")).expect("not zero")
}

/// Two busy cores start a debug build slowly.
const START: Duration = Duration::from_secs(60);
