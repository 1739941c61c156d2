//! The command line: what may be said, and which command does it. Exit codes: 0 done, 1 failed, 2 not
//! understood, 78 the settings are wrong.
//!
//! Commands that need a server speak HTTP to the one that runs, or start one inside; there is no second way in.

mod arguments;
mod chat;
mod check;
mod client;
mod completions;
mod continuations;
mod doctor;
mod logging;
mod models;
mod out;
mod patience;
mod pull;
mod readiness;
mod serve;
mod server;
mod signals;

use std::{process::ExitCode, time::Duration};

use clap::Parser;

use self::{
    arguments::{Arguments, Command},
    out::{Failed, Form, Out},
};
use crate::settings::{Environment, Settings};

pub(crate) fn main() -> ExitCode {
    let arguments = Arguments::parse();
    if matches!(arguments.command, Some(Command::EngineWorker)) {
        return engine_worker();
    }
    let out = Out::new(if arguments.json { Form::Json } else { Form::Words });
    let failed = match run(arguments, out) {
        Ok(()) => return ExitCode::SUCCESS,
        Err(failed) => failed,
    };
    out.failed(&failed);
    failed.exit_code()
}

#[cfg(all(unix, feature = "llama"))]
fn engine_worker() -> ExitCode {
    steadfast_engine::worker::engine_worker_main()
}

#[cfg(not(all(unix, feature = "llama")))]
fn engine_worker() -> ExitCode {
    ExitCode::FAILURE
}

fn run(arguments: Arguments, out: Out) -> Result<(), Failed> {
    let command = arguments.command.clone().unwrap_or(Command::Serve);
    if let Command::Completions { shell } = command {
        return completions::write(shell, out);
    }
    let environment = Environment::of_this_process();
    let settings = Settings::load(&arguments.flags(), &environment)?;
    logging::begin(&command, &settings, &environment);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(Failed::starting)?;
    let done = runtime.block_on(carry_out(command, settings, out));
    // What is still running here has been named in the log and is not waited for a second time.
    runtime.shutdown_timeout(Duration::from_millis(500));
    done
}

async fn carry_out(command: Command, settings: Settings, out: Out) -> Result<(), Failed> {
    match command {
        Command::Serve => serve::serve(&settings, out).await,
        Command::Chat { prompt, model } => chat::chat(&settings, &prompt, &model, out).await,
        Command::Models => models::list(&settings, out).await,
        Command::Pull { model } => pull::pull(&settings, &model, out).await,
        Command::Doctor => doctor::doctor(&settings, out).await,
        Command::Check { probe: false } => check::check(&settings, out),
        Command::Check { probe: true } => continuations::probe(&settings, out).await,
        // Both were answered before there was a runtime.
        Command::Completions { .. } | Command::EngineWorker => Ok(()),
    }
}
