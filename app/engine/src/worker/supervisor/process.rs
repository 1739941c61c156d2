//! The child process: started, watched, killed and reaped. It knows nothing of what the child says.

use std::{
    collections::VecDeque,
    io,
    os::{
        fd::OwnedFd,
        unix::{net::UnixStream, process::CommandExt as _, process::ExitStatusExt as _},
    },
    process::{Child, Command, ExitStatus, Stdio},
    sync::{Arc, Mutex, PoisonError},
};

use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process, waitid};
use steadfast::{CancelToken, Error, Task};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, BufReader},
    net::unix::pipe,
    sync::oneshot,
};

use super::super::WorkerSettings;

#[derive(Debug)]
pub(super) struct Process {
    pid: Pid,
    alive: Arc<Mutex<bool>>,
    waiter: Task<io::Result<ExitStatus>>,
    last_words: Arc<Mutex<VecDeque<String>>>,
}

impl Process {
    /// Starts the child with one end of a socket pair as its standard input; the other end is returned.
    pub(super) async fn start(settings: &WorkerSettings, token: &CancelToken) -> io::Result<(Self, UnixStream)> {
        let (ours, theirs) = UnixStream::pair()?;
        let mut command = Command::new(&settings.program);
        command
            .args(&settings.arguments)
            .env_clear()
            .envs(settings.environment.iter().map(|(name, value)| (name, value)))
            .env("GGML_NO_BACKTRACE", "1") // it would start a debugger
            .stdin(OwnedFd::from(theirs))
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .process_group(0); // Ctrl-C is for the server, which then ends us in order
        let alive = Arc::new(Mutex::new(true));
        let (born, birth) = oneshot::channel();
        let waiter = token.spawn_blocking("wait for the engine's process", {
            let alive = Arc::clone(&alive);
            move || live(command, born, &alive)
        });
        let Ok((pid, stderr)) = birth.await else {
            return Err(waiter
                .await
                .map_err(io::Error::other)?
                .err()
                .unwrap_or_else(|| io::Error::other("it did not start")));
        };
        let last_words = Arc::new(Mutex::new(VecDeque::new()));
        let _reader = token.spawn("read the engine's stderr", keep_last_words(stderr, Arc::clone(&last_words)));
        Ok((Self { pid, alive, waiter, last_words }, ours))
    }

    pub(super) fn pid(&self) -> u32 {
        self.pid.as_raw_nonzero().get().unsigned_abs()
    }

    /// No effect once it has ended: its number may then belong to somebody else.
    pub(super) fn kill(&self) {
        let alive = self.alive.lock().unwrap_or_else(PoisonError::into_inner);
        if *alive {
            let _gone_already = kill_process(self.pid, Signal::KILL);
        }
    }

    /// Waits for its end; cancel safe.
    pub(super) async fn ended(&mut self) -> Result<ExitStatus, Error> {
        (&mut self.waiter).await?.map_err(|error| Error::internal(error.to_string()))
    }

    /// The last lines that it wrote to stderr.
    pub(super) fn last_words(&self) -> String {
        let lines = self.last_words.lock().unwrap_or_else(PoisonError::into_inner);
        lines.iter().map(String::as_str).collect::<Vec<_>>().join("\n")
    }
}

/// Starts the child and stays until it has ended: the kernel ties a child to the *thread* that started it.
fn live(mut command: Command, born: oneshot::Sender<(Pid, OwnedFd)>, alive: &Mutex<bool>) -> io::Result<ExitStatus> {
    let mut child = command.spawn()?;
    drop(command); // it holds the child's end of the socket, and we want to see that end close
    let pid = Pid::from_child(&child);
    if let Some(stderr) = child.stderr.take() {
        let _nobody_waits = born.send((pid, stderr.into()));
    }
    wait_without_reaping(pid)?;
    *alive.lock().unwrap_or_else(PoisonError::into_inner) = false;
    Child::wait(&mut child)
}

/// Until it is reaped its number stays its own, so that nobody else can be killed in its place.
fn wait_without_reaping(pid: Pid) -> io::Result<()> {
    loop {
        match waitid(WaitId::Pid(pid), WaitIdOptions::EXITED | WaitIdOptions::NOWAIT) {
            Err(rustix::io::Errno::INTR) => {}
            other => return Ok(other.map(drop)?),
        }
    }
}

async fn keep_last_words(stderr: OwnedFd, last_words: Arc<Mutex<VecDeque<String>>>) {
    let Ok(pipe) = pipe::Receiver::from_owned_fd(stderr) else { return };
    let mut reader = BufReader::new(pipe);
    let mut line = Vec::new();
    while let Ok(1..) = (&mut reader).take(LONGEST_LINE).read_until(b'\n', &mut line).await {
        let mut words = last_words.lock().unwrap_or_else(PoisonError::into_inner);
        if words.len() == MOST_LINES {
            words.pop_front();
        }
        words.push_back(String::from_utf8_lossy(&line).trim_end().to_owned());
        line.clear();
    }
}

/// What killed it, in a few words for people.
pub(super) fn cause_of(status: ExitStatus) -> Death {
    match status.signal() {
        Some(signal) if signal == Signal::ILL.as_raw() => Death::IllegalInstruction,
        Some(signal) if signal == Signal::KILL.as_raw() => Death::Killed,
        Some(signal) => Death::Crashed(format!("the engine crashed (signal {signal})")),
        None => {
            Death::Crashed(format!("the engine ended unexpectedly (exit code {})", status.code().unwrap_or_default()))
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Death {
    Crashed(String),
    /// By the system when memory runs out, or by a person.
    Killed,
    Hung(String),
    IllegalInstruction,
}

impl std::fmt::Display for Death {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Crashed(how) | Self::Hung(how) => f.write_str(how),
            Self::Killed => f.write_str("the engine was killed, perhaps because memory ran out"),
            Self::IllegalInstruction => f.write_str("this processor refused an instruction; a slower build is tried"),
        }
    }
}

const MOST_LINES: usize = 20;
const LONGEST_LINE: u64 = 500;
