//! The program `steadfast`: reads the command line and hands over. What each command does is in `cli`, how the
//! parts are put together in `app`. The engine's child process is this same program with another first word.

mod app;
mod bell;
mod cli;
mod edge;
mod error_reply;
mod house;
mod routes;
mod settings;

use std::process::ExitCode;

fn main() -> ExitCode {
    cli::main()
}
