//! What a worker may use and how patient its supervisor is.

use std::{num::NonZeroUsize, path::PathBuf, thread, time::Duration};

use steadfast::Clock;

#[derive(Debug, Clone)]
pub struct WorkerSettings {
    /// The program to start as the worker: by default this one, with the hidden subcommand.
    pub program: PathBuf,
    pub arguments: Vec<String>,
    /// The child's whole environment: the server's secrets are not handed on.
    pub environment: Vec<(String, String)>,
    /// Answers that are written at the same time; further ones wait in line.
    pub slots: u32,
    /// Tokens of one conversation; never more than the model was trained to read.
    pub context: u32,
    pub threads: u32,
    /// Answers being written and waiting, together; more are refused as overloaded.
    pub most_waiting: usize,
    pub heartbeat: Duration,
    /// No progress in loading for this long is a hang.
    pub load_hang_after: Duration,
    /// No progress in computing, or no sign of life, for this long is a hang.
    pub hang_after: Duration,
    /// So many restarts within the window; then the worker gives up.
    pub most_restarts: u32,
    pub restart_window: Duration,
    /// How long a child may take to end by itself before it is killed.
    pub exit_grace: Duration,
    pub clock: Clock,
}

impl Default for WorkerSettings {
    fn default() -> Self {
        Self {
            program: std::env::current_exe().unwrap_or_else(|_| "steadfast".into()),
            arguments: vec!["engine-worker".into()],
            environment: Vec::new(),
            slots: 2,
            context: 4096,
            threads: default_threads(),
            most_waiting: 64,
            heartbeat: Duration::from_millis(500),
            load_hang_after: Duration::from_secs(120),
            hang_after: Duration::from_secs(30),
            most_restarts: 5,
            restart_window: Duration::from_secs(60),
            exit_grace: Duration::from_millis(500),
            clock: Clock::real(),
        }
    }
}

/// One core is left to the server and to the person.
fn default_threads() -> u32 {
    let cores = thread::available_parallelism().map_or(1, NonZeroUsize::get);
    u32::try_from(cores - 1).unwrap_or(1).max(1)
}
