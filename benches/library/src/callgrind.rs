//! Instructions for each call, counted by callgrind: the figure that does not depend on what else the machine does.
//! The program starts itself under valgrind twice for each case, with different numbers of calls; the difference has
//! only the calls in it.

use std::process::Command;

use anyhow::{Context, ensure};

/// Whether valgrind is there.
pub fn is_there() -> bool {
    Command::new("valgrind").arg("--version").output().is_ok_and(|output| output.status.success())
}

/// Of the case with this name.
pub fn instructions(case: &str) -> anyhow::Result<f64> {
    let (few, many) = (total(case, FEW)?, total(case, MANY)?);
    Ok((many as f64 - few as f64) / (MANY - FEW) as f64)
}

fn total(case: &str, calls: u64) -> anyhow::Result<u64> {
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(std::env::current_exe()?)
        .args(["--run", case, &calls.to_string()])
        .output()
        .context("valgrind could not be started")?;
    let text = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{case} failed under valgrind:\n{text}");
    let collected = text.lines().find_map(|line| line.split_once("Collected :"));
    let (_, count) = collected.with_context(|| format!("callgrind told no number for {case}:\n{text}"))?;
    Ok(count.trim().parse()?)
}

const FEW: u64 = 1_000;
const MANY: u64 = 6_000;
