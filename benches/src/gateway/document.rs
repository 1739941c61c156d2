//! The page that the measuring program writes.

use std::{fmt::Write as _, time::Duration};

use super::measure::{Figures, RESTING};

/// `absent`: who could not be started, and why.
pub fn write(measured: &[Figures], absent: &[String]) -> String {
    let mut text = HEAD.to_owned();
    let direct = measured.iter().find(|figures| figures.name == "direct");
    for figures in measured {
        let added = |share: f64| {
            let base = direct.map_or(Duration::ZERO, |direct| direct.latency.percentile(share));
            format!("{:.3}", figures.latency.percentile(share).saturating_sub(base).as_secs_f64() * 1e3)
        };
        let cells = [
            figures.name.to_owned(),
            added(0.5),
            added(0.99),
            figures.cpu_per_question.map_or_else(none, |cost| format!("{:.3}", cost.as_secs_f64() * 1e3)),
            figures.cpu_per_event.map_or_else(none, |cost| format!("{:.1}", cost.as_secs_f64() * 1e6)),
            if figures.idle_kib == 0 { none() } else { mib(figures.idle_kib) },
            figures.at_256_kib.map_or_else(none, mib),
            figures.resting.map_or_else(none, |(had, each)| {
                let had = if had == RESTING { String::new() } else { format!(" (only {had} were let in)") };
                format!("{each:.1}{had}")
            }),
        ];
        let _ = writeln!(text, "| {} |", cells.join(" | ")); // writing to a string cannot fail
    }
    for reason in absent {
        let _ = writeln!(text, "\nNot measured: {reason}."); // as above
    }
    text
}

fn none() -> String {
    "-".to_owned()
}

fn mib(kib: u64) -> String {
    format!("{:.1}", kib as f64 / 1024.0)
}

const HEAD: &str = "# What the gateway costs

`cargo xtask bench gateway` measures this in one run and writes this page: one upstream that answers at once, one load
generator, and between them nobody (`direct`), the release build of this program with everything on, nginx, a Rust
router from PyPI, and LiteLLM, one after the other on the same machine. Latency is what each adds to `direct` on one
kept connection, JSON; processor time is that of the whole process tree at 16 connections; memory counts shared pages
by their share.

| who | added p50 (ms) | added p99 (ms) | CPU per JSON question (ms) | CPU per streamed event (µs) | idle (MiB) | at 256 streams, above idle (MiB) | each of 10,000 resting streams (KiB) |
| --- | --- | --- | --- | --- | --- | --- | --- |
";
