//! `steadfast completions SHELL`.

use clap::CommandFactory;
use clap_complete::Shell;

use super::{
    arguments::Arguments,
    out::{Failed, Out},
};

pub(super) fn write(shell: Shell, out: Out) -> Result<(), Failed> {
    let mut script = vec![];
    clap_complete::generate(shell, &mut Arguments::command(), "steadfast", &mut script);
    out.text(&String::from_utf8_lossy(&script))
}
