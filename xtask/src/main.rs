//! The house's own tool: `cargo xtask COMMAND`. This file is the list of commands, one file each.
//!
//! It is no part of the product, and needs nothing but Rust to start: what else a command needs, `needs.rs`
//! finds or fetches first.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a tool for a terminal: printing is its work")]

mod bench;
mod child;
mod faults;
mod fmt;
mod fuzz;
mod house;
mod needs;
mod run;
mod simulate;
mod test;
mod tidy;
mod ui;
mod ui_types;

use std::process::ExitCode;

use house::House;

struct Command {
    name: &'static str,
    takes: &'static str,
    does: &'static str,
    run: fn(&House, &[String]) -> anyhow::Result<()>,
}

const COMMANDS: &[Command] = &[
    Command {
        name: "run",
        takes: "[--release] [ARGS...]",
        does: "build the page and the server, then start it",
        run: run::run,
    },
    Command {
        name: "test",
        takes: "[--only STAGE]... [--list]",
        does: "everything that CI runs, stage by stage",
        run: test::run,
    },
    Command {
        name: "tidy",
        takes: "",
        does: "check headers, lists, floors, rooms, words and documents",
        run: tidy::run,
    },
    Command { name: "fmt", takes: "", does: "format every crate", run: fmt::run },
    Command { name: "ui", takes: "", does: "install the page's packages and build the page", run: ui::run },
    Command {
        name: "ui-types",
        takes: "[--check]",
        does: "write the page's TypeScript types from Rust",
        run: ui_types::run,
    },
    Command { name: "bench", takes: "[NAME]", does: "run the programs that measure the house", run: bench::run },
    Command {
        name: "simulate",
        takes: "[--seeds N | --seed N]",
        does: "play streams over a simulated network, 20,000 seeds unless told otherwise",
        run: simulate::run,
    },
    Command {
        name: "faults",
        takes: "[ROW]...",
        does: "play the table of faults and write docs/faults.md",
        run: faults::run,
    },
    Command { name: "fuzz", takes: "NAME [ARGS...]", does: "run a fuzz target (needs cargo-fuzz)", run: fuzz::run },
];

fn main() -> ExitCode {
    match dispatch(std::env::args().skip(1).collect()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("\nxtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn dispatch(arguments: Vec<String>) -> anyhow::Result<()> {
    let Some((name, rest)) = arguments.split_first() else {
        print_commands();
        return Ok(());
    };
    if matches!(name.as_str(), "help" | "--help" | "-h") {
        print_commands();
        return Ok(());
    }
    let Some(command) = COMMANDS.iter().find(|command| command.name == name) else {
        anyhow::bail!("there is no command `{name}`; `cargo xtask help` lists them");
    };
    (command.run)(&House::find()?, rest)
}

fn print_commands() {
    println!("cargo xtask COMMAND\n");
    for Command { name, takes, does, .. } in COMMANDS {
        println!("  {:<34} {does}", format!("{name} {takes}"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_command_has_its_own_name() {
        let mut names: Vec<_> = COMMANDS.iter().map(|command| command.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), COMMANDS.len());
    }

    #[test]
    fn an_unknown_command_is_refused_by_name() {
        let refusal = dispatch(vec!["tset".to_owned()]).unwrap_err().to_string();
        assert!(refusal.contains("`tset`"), "{refusal}");
    }
}
