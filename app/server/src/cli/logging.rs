//! The log: to standard error, in the filter language of `tracing-subscriber` (`log` in the settings,
//! `STEADFAST_LOG`). Only `serve` talks by itself; the other commands warn.

use std::io::{self, IsTerminal};

use tracing_subscriber::{EnvFilter, fmt, layer::SubscriberExt, util::SubscriberInitExt};

use super::arguments::Command;
use crate::settings::{Environment, Settings};

pub(super) fn begin(command: &Command, settings: &Settings, environment: &Environment) {
    let asked = environment.get("STEADFAST_LOG").is_some() || matches!(command, Command::Serve);
    let filter = if asked { settings.log.as_str() } else { "warn" };
    let colours = io::stderr().is_terminal() && environment.get("NO_COLOR").is_none();
    let lines = fmt::layer().with_writer(io::stderr).with_ansi(colours);
    // Fails only when a log was begun already, and then there is one.
    tracing_subscriber::registry().with(EnvFilter::new(filter)).with(lines).try_init().ok();
}
