//! `faults [ROW]...`: plays the table of faults, or the rows that are named, and writes `docs/faults.md` when all were
//! played. Fails when an answer was not what the upstreams sent, or a part looked whole.

#![expect(clippy::print_stdout, reason = "a program for a terminal")]

use std::{path::Path, process::ExitCode};

use steadfast_house_tests::faults;

#[tokio::main]
async fn main() -> std::io::Result<ExitCode> {
    let wanted: Vec<String> = std::env::args().skip(1).collect();
    let document = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/faults.md");
    let tally = faults::play(&wanted, &document, |line| println!("{line}")).await?;
    println!("{} rows, {} as promised, {} with a lie", tally.played, tally.ok, tally.lies);
    Ok(if tally.lies == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
