//! What an operator may choose: file < environment < flags, checked once, as one value that cannot be wrong.
//!
//! Only this module reads the environment. Raw settings come in (`raw`), every problem is collected (`check`),
//! and either all of them are told at once or [`Settings`] comes out.

mod cache;
mod check;
mod duration;
mod environment;
mod hint;
mod key;
mod raw;
mod upstream;

use std::{fmt, net::SocketAddr, path::PathBuf};

use steadfast::Detail;
use steadfast_gateway::GatewaySettings;
use steadfast_providers::UpstreamSettings;

pub(crate) use environment::Environment;

/// What the command line says; `None` leaves it to the environment, the file and the defaults.
#[derive(Debug, Clone, Default)]
pub(crate) struct Flags {
    pub(crate) config: Option<PathBuf>,
    pub(crate) data_dir: Option<PathBuf>,
    pub(crate) listen: Option<String>,
    pub(crate) exposure: Exposure,
}

/// Everything the program runs by.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    pub(crate) listen: Listen,
    pub(crate) connections: ConnectionLimits,
    pub(crate) data_dir: PathBuf,
    pub(crate) models: Models,
    pub(crate) gateway: GatewaySettings,
    pub(crate) upstreams: Vec<UpstreamSettings>,
    /// The file that was read, when there was one.
    pub(crate) file: Option<PathBuf>,
    /// How much an error may say to clients.
    pub(crate) detail: Detail,
    /// What to log, in `tracing-subscriber`'s filter language.
    pub(crate) log: String,
    /// What the settings were made from, to make them again.
    pub(crate) origin: Origin,
}

#[derive(Debug, Clone)]
pub(crate) struct Origin {
    flags: Flags,
    environment: Environment,
}

/// Where to listen, and what may be done when that place is taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Listen {
    pub(crate) address: SocketAddr,
    pub(crate) when_taken: WhenTaken,
    /// Names beside `localhost` by which browsers may call us.
    pub(crate) hosts: Vec<String>,
}

/// How many connections may be open; whoever comes beyond that is turned away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ConnectionLimits {
    pub(crate) total: usize,
    /// From one address of another machine.
    pub(crate) per_address: usize,
    /// From one of this machine's loopback addresses: browsers, agents and a proxy all come from the same.
    pub(crate) per_local_address: usize,
}

impl Default for ConnectionLimits {
    /// What 100 MB of memory carry when all of them wait for an answer; a quarter for this machine's programs, so
    /// that one of them that runs wild does not shut the others out.
    fn default() -> Self {
        Self { total: 4096, per_address: 64, per_local_address: 1024 }
    }
}

impl ConnectionLimits {
    /// Open files that so many connections may need: each of them one, and another to an upstream.
    pub(crate) fn files(self) -> u64 {
        2 * self.total as u64 + FILES_OF_OUR_OWN
    }
}

/// The store, the log, models and their workers.
const FILES_OF_OUR_OWN: u64 = 256;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum WhenTaken {
    /// Somebody asked for exactly this address.
    Fail,
    /// Nobody asked: the next free port will do.
    TakeTheNext,
}

/// Who may reach the program.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Exposure {
    /// Programs of this machine only.
    #[default]
    ThisMachine,
    /// The operator says that a proxy with TLS and sign-in stands in front.
    BehindProxy,
}

/// Models of this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Models {
    pub(crate) dir: PathBuf,
    /// The user's own catalogue, when there is one.
    pub(crate) catalogue: Option<PathBuf>,
    /// The model to load at the start; `None` loads nothing by itself.
    pub(crate) start: Option<String>,
    pub(crate) hub_endpoint: Option<String>,
    pub(crate) hub_cache: Option<PathBuf>,
    pub(crate) python: PathBuf,
}

/// Everything that is wrong with the settings, each with its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Problems(Vec<String>);

impl Settings {
    /// Reads file and environment, lays the flags over them, and checks all of it.
    pub(crate) fn load(flags: &Flags, environment: &Environment) -> Result<Self, Problems> {
        let (file, raw) = raw::RawSettings::read(flags, environment)?;
        check::check(raw, file, flags, environment)
    }

    /// What differs in `new` and cannot change while the program runs.
    pub(crate) fn waiting_for_a_restart(&self, new: &Self) -> Vec<&'static str> {
        let parts = [
            ("listen", self.listen != new.listen),
            ("connections", self.connections != new.connections),
            ("data_dir", self.data_dir != new.data_dir),
            ("models", self.models != new.models),
            ("gateway", self.gateway.with_routing_of(&new.gateway) != new.gateway),
            ("log", self.log != new.log),
            ("debug", self.detail != new.detail),
        ];
        parts.into_iter().filter(|(_, differs)| *differs).map(|(name, _)| name).collect()
    }

    /// The same again, as file, keys and commands are now.
    pub(crate) fn load_again(&self) -> Result<Self, Problems> {
        Self::load(&self.origin.flags, &self.origin.environment)
    }
}

impl Problems {
    fn one(problem: impl Into<String>) -> Self {
        Self(vec![problem.into()])
    }

    pub(crate) fn list(&self) -> &[String] {
        &self.0
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join("\n"))
    }
}

#[cfg(test)]
mod tests;
