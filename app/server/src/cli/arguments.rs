//! What may be said on the command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use clap_complete::Shell;

use crate::settings::{Exposure, Flags};

/// Serves AI chat that does not let you down: with models on this machine, with remote servers, or with both.
#[derive(Debug, Parser)]
#[command(name = "steadfast", version, about, after_help = EXIT_CODES)]
pub(super) struct Arguments {
    /// Answer in JSON, for programs
    #[arg(long, global = true)]
    pub(super) json: bool,

    #[command(flatten)]
    shared: Shared,

    /// Without a command: serve
    #[command(subcommand)]
    pub(super) command: Option<Command>,
}

#[derive(Debug, Args)]
struct Shared {
    /// The settings file [default: ~/.config/steadfast/steadfast.toml, if it is there]
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,

    /// Where conversations and models are kept [default: ~/.local/share/steadfast]
    #[arg(long, global = true, value_name = "DIR")]
    data_dir: Option<PathBuf>,

    /// The address to listen on, or at which the server listens [default: 127.0.0.1:8080]
    #[arg(long, global = true, value_name = "ADDRESS:PORT")]
    listen: Option<String>,

    /// A proxy with TLS and sign-in stands in front: allow addresses that other machines can reach
    #[arg(long, global = true)]
    i_have_a_proxy: bool,
}

#[derive(Debug, Clone, Subcommand)]
pub(super) enum Command {
    /// Serve the page and the API
    Serve,
    /// Ask something and print the answer
    Chat {
        /// What to ask
        prompt: String,
        /// A tier (quick, smart, genius), a model, or UPSTREAM/MODEL
        #[arg(long, short, default_value = "quick")]
        model: String,
    },
    /// List the models and where each is in its life
    Models,
    /// Fetch a model and check that it starts; Ctrl-C keeps what has arrived
    Pull {
        /// A tier or a model of this machine
        #[arg(default_value = "quick")]
        model: String,
    },
    /// Look for what could keep this from working here
    Doctor,
    /// Read the settings, say what holds, and stop
    Check {
        /// Also ask every model of every upstream whether it goes on from a begun answer
        #[arg(long)]
        probe: bool,
    },
    /// Write the completions for a shell
    Completions { shell: Shell },
    /// The child process that holds a model
    #[command(hide = true)]
    EngineWorker,
}

impl Arguments {
    pub(super) fn flags(&self) -> Flags {
        let exposure = if self.shared.i_have_a_proxy { Exposure::BehindProxy } else { Exposure::ThisMachine };
        Flags {
            config: self.shared.config.clone(),
            data_dir: self.shared.data_dir.clone(),
            listen: self.shared.listen.clone(),
            exposure,
        }
    }
}

const EXIT_CODES: &str =
    "Exit codes: 0 done, 1 failed, 2 the command line was not understood, 78 the settings are wrong.";

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn flags_may_stand_before_and_after_the_command() {
        for words in
            [["steadfast", "--listen", "127.0.0.1:0", "serve"], ["steadfast", "serve", "--listen", "127.0.0.1:0"]]
        {
            assert_eq!(Arguments::parse_from(words).flags().listen.as_deref(), Some("127.0.0.1:0"));
        }
    }
}
