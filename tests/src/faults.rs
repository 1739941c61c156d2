//! The table of faults: every row is played against the real program, two scripted upstreams and a line that fails on
//! demand, and told as the client saw it. `cargo xtask faults` starts it and writes `docs/faults.md`.
//!
//! A row that breaks a promise is shown as such. What fails the program is a lie: a cut answer that looks whole, or
//! text that is in no upstream's log.

mod document;
mod outcome;
mod reader;
mod received;
mod rivals;
mod rows;
mod stage;

use std::{panic::AssertUnwindSafe, path::Path};

use futures_util::{FutureExt as _, StreamExt as _, stream};

use self::{
    outcome::Outcome,
    rows::{Company, Row},
};

/// How a run of the table went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tally {
    pub played: usize,
    pub ok: usize,
    /// Rows with an answer that was not what the upstreams sent, or a part that looked whole.
    pub lies: usize,
}

/// Plays the rows whose name begins with one of `wanted` (all, when there are none) and calls `tell` after each. The
/// document is written when all were played.
pub async fn play(wanted: &[String], document: &Path, tell: impl Fn(&str)) -> std::io::Result<Tally> {
    let is_wanted = |row: &Row| {
        wanted.is_empty() || wanted.iter().any(|name| row.id == name || row.id.starts_with(&format!("{name} ")))
    };
    let (compared, catalogue) = (rows::compared(), rows::catalogue());
    let all: Vec<Row> = compared.iter().chain(&catalogue).filter(|row| is_wanted(row)).copied().collect();
    let (quiet, others): (Vec<Row>, Vec<Row>) = all.iter().partition(|row| row.company == Company::None);
    let tell = |(row, outcome): &(Row, Outcome)| {
        tell(&format!(
            "{:<18} {} | {} | {} | {}",
            row.id,
            outcome.verdict(),
            outcome.received,
            outcome.calls,
            outcome.time
        ));
    };
    let mut played: Vec<(Row, Outcome)> =
        stream::iter(others).map(play_row).buffer_unordered(AT_ONCE).inspect(tell).collect().await;
    played.extend(stream::iter(quiet).then(play_row).inspect(tell).collect::<Vec<_>>().await);
    if wanted.is_empty() {
        std::fs::write(document, document::write(&compared, &catalogue, &played))?;
    }
    Ok(Tally {
        played: played.len(),
        ok: played.iter().filter(|(_, outcome)| outcome.is_ok()).count(),
        lies: played.iter().filter(|(_, outcome)| !outcome.lies.is_empty()).count(),
    })
}

/// A row that cannot be played to its end is not ok either.
async fn play_row(row: Row) -> (Row, Outcome) {
    let outcome = AssertUnwindSafe((row.play)()).catch_unwind().await.unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().map(String::as_str).or_else(|| panic.downcast_ref::<&str>().copied());
        let said = text.unwrap_or("it panicked").lines().next().unwrap_or_default().to_owned();
        let dash = || "-".to_owned();
        Outcome { received: dash(), calls: dash(), time: dash(), misses: vec![said], lies: vec![] }
    });
    (row, outcome)
}

/// Rows wait more than they work; two cores carry three at a time without moving their times.
const AT_ONCE: usize = 3;
