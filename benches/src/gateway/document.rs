//! The page that the measuring program writes, and the table in the README.

use std::{fmt::Write as _, fs};

use anyhow::Context as _;

use super::{
    cores::Cores,
    figures::{Figures, Resting},
    goals::Goal,
    measure::RESTING,
    peers::Peers,
    processes,
};
use crate::today;

/// `absent`: who could not be measured, and why.
pub fn page(measured: &[Figures], absent: &[String], cores: Cores) -> String {
    let mut text = format!(
        "<!-- Written by `cargo xtask bench gateway` on {}; do not edit. -->\n\n# What the gateway costs\n\n",
        today()
    );
    let placed = match cores {
        Cores::Apart { .. } => "one core has whoever is measured, another the load and the upstream",
        Cores::Shared => "all of it on the same cores",
    };
    let priority =
        if processes::goes_first() { ", all at real-time priority because others were busy there" } else { "" };
    let told = format!(
        "One upstream that answers at once, one load generator, and between them one after the other: this program \
         as it is distributed, with everything on (breakers, budgets, limits, the numbered log, request ids, logging \
         at `info`) but the local engine, which is a process of its own; nginx as a plain proxy; a Rust router from PyPI; \
         and LiteLLM. One run on {}, {placed}{priority}.\n\n",
        machine()
    );
    text.push_str(&told);
    table(&mut text, measured);
    absent.iter().for_each(|reason| line(&mut text, &format!("\nNot measured: {reason}.")));
    text.push_str(LEGEND);
    if let Some(house) = measured.iter().find(|figures| figures.name == Peers::HOUSE) {
        goals(&mut text, house);
    }
    text.push_str(WHERE);
    text
}

/// `README.md` with its table made anew, which stands between two comments.
pub fn readme(text: &str, measured: &[Figures]) -> anyhow::Result<String> {
    let (before, rest) = text.split_once(BEGIN).context("README.md has no place for the cost of the gateway")?;
    let (_, after) = rest.split_once(END).context("README.md has no end to the cost of the gateway")?;
    Ok(format!("{before}{BEGIN}\n{}{END}{after}", ratios(measured)))
}

fn table(text: &mut String, measured: &[Figures]) {
    line(
        text,
        "| | added p50 (ms) | added p99 (ms) | a JSON question (ms) | a streamed event (µs) | idle (MiB) | at 256 streams (MiB) | a resting stream (KiB) |",
    );
    line(text, "|---|---:|---:|---:|---:|---:|---:|---:|");
    for figures in measured {
        let resting = match figures.resting {
            Some(Resting { had: RESTING, each_kib }) => format!("{each_kib:.1}"),
            Some(Resting { had, each_kib }) => format!("{each_kib:.1} ({had} let in)"),
            None => "-".to_owned(),
        };
        line(
            text,
            &format!(
                "| {} | {:.3} | {:.3} | {:.3} | {:.1} | {:.1} | +{:.1} | {resting} |",
                figures.name,
                figures.added_ms(0.5),
                figures.added_ms(0.99),
                figures.question_ms(),
                figures.event_us(),
                figures.idle_kib as f64 / 1024.0,
                figures.at_256_mib(),
            ),
        );
    }
}

fn goals(text: &mut String, house: &Figures) {
    text.push_str("\n## Goals\n\n| | at most | came to | |\n|---|---:|---:|---|\n");
    for goal in Goal::all(house) {
        let came_to = goal.came_to.map_or_else(|| "not measured".to_owned(), |came_to| format!("{came_to:.3}"));
        let verdict = if goal.is_met() { "met" } else { "**missed**" };
        line(
            text,
            &format!("| {} | {} {unit} | {came_to} {unit} | {verdict} |", goal.what, goal.at_most, unit = goal.unit),
        );
    }
}

/// The house's figures, and how many times as much the others need.
fn ratios(measured: &[Figures]) -> String {
    let find = |name: &str| measured.iter().find(|figures| figures.name == name);
    let Some(house) = find(Peers::HOUSE) else { return String::new() };
    let mut text = "| | steadfast | nginx | LiteLLM |\n|---|---:|---:|---:|\n".to_owned();
    let mut row = |what: &str, unit: &str, of: fn(&Figures) -> f64| {
        let times = |name: &str| {
            find(name).map_or_else(|| "not measured".to_owned(), |other| format!("{}×", short(of(other) / of(house))))
        };
        let own = short(of(house));
        line(&mut text, &format!("| {what} | {own} {unit} | {} | {} |", times("nginx"), times(Peers::SLOW)));
    };
    row("added latency, p50", "ms", |figures| figures.added_ms(0.5));
    row("added latency, p99", "ms", |figures| figures.added_ms(0.99));
    row("processor time of a JSON question", "ms", Figures::question_ms);
    row("processor time of a streamed event", "µs", Figures::event_us);
    row("memory above idle at 256 streams", "MiB", Figures::at_256_mib);
    text
}

/// Two digits that count.
fn short(number: f64) -> String {
    match number {
        number if number >= 10.0 => format!("{number:.0}"),
        number if number >= 1.0 => format!("{number:.1}"),
        number if number >= 0.1 => format!("{number:.2}"),
        number => format!("{number:.3}"),
    }
}

fn machine() -> String {
    let info = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = info.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    let cores = info.lines().filter(|line| line.starts_with("processor")).count();
    format!("{}, {cores} cores", model.map_or("an unknown processor", |(_, model)| model))
}

fn line(text: &mut String, line: &str) {
    let _ = writeln!(text, "{line}"); // writing to a string cannot fail
}

const BEGIN: &str = "<!-- the cost of the gateway: written by `cargo xtask bench gateway` -->";
const END: &str = "<!-- the end of the cost -->";

const LEGEND: &str = "
- **added**: the latency of a JSON question on one kept connection, over that of the same question asked of the
  upstream itself; the two are asked in turns.
- **a JSON question, a streamed event**: processor time of the whole process tree, from the kernel, with 16
  connections that ask without a pause; the median of five rounds. An event is one word of an answer of 50.
  Load and upstream never sleep, so nobody pays for waking them.
- **at 256 streams**: the most that was held above idle while 256 streams ran at 50 words a second; what is shared
  counts by its share.
- **a resting stream**: above idle, for each of 10,000 streams that have begun and say nothing more. Each is two open
  files in whoever is measured; where a process may have 20,000 of them, there are some less.
";

/// From callgrind and massif, by hand: which parts there are does not change from run to run.
const WHERE: &str = "
## Where it goes

- A JSON question is two requests for hyper, one read and one written, and about 200 allocations. Of the instructions
  outside the kernel a sixth is reading JSON (the question, the answer, and once more to know that it is a whole body
  before it is passed on), a sixth is allocating, a fourth is hyper and its pool, and the rest is the way through
  limits, breaker, retry, notes and recovery.
- A streamed event wakes three tasks: the connection to the upstream, the answer's own, which writes the log, and the
  connection to the client. One system call reads it and one writes it. No timer is touched by it.
- A resting stream holds two connections of hyper, each with 8 KiB to read into and 8 KiB to write from, and 9 KiB for
  the queue of requests to an upstream, of which it needs one place. hyper lets nobody choose smaller ones. What is
  left is the answer's own: its task, its log, its limits and what it was asked.
- Ended answers can be read again for ten minutes. They may hold 64 MiB together, on top of what stands here.
";
