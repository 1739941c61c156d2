//! The document: the rows that others were played with, beside what they did; the mid-stream rows once more with each
//! kind of fallback in a column; and the house's own catalogue.

use std::fmt::Write as _;

use super::{outcome::Outcome, rivals, rows::Row, stage::settings_shown};

pub(super) fn write(compared: &[Row], catalogue: &[Row], played: &[(Row, Outcome)]) -> String {
    let find = |id: &str| played.iter().find(|(row, _)| row.id == id).map(|(_, outcome)| outcome);
    let mut text = format!("{HEAD}```toml\n{}\n```\n", settings_shown());
    let ok = played.iter().filter(|(_, outcome)| outcome.is_ok()).count();
    let lies = played.iter().filter(|(_, outcome)| !outcome.lies.is_empty()).count();
    let _ = write!(
        text,
        "\n{} rows were played, {ok} of them as promised. Rows in which a cut answer looked whole, or text came that no \
         upstream had sent: {lies}.\n\n## Beside others\n\n{RIVALS_HEAD}",
        played.len()
    );
    line(&mut text, &["row", "fault", "what the client received", "upstream calls", "time", "verdict", "others"]);
    line(&mut text, &["---"; 7]);
    for (row, outcome) in
        compared.iter().filter(|row| !row.id.contains('(')).filter_map(|row| Some((row, find(row.id)?)))
    {
        let cells =
            [row.fault, &outcome.received, &outcome.calls, &outcome.time, &outcome.verdict(), rivals::of(row.id)];
        line(&mut text, &[&[row.id], cells.as_slice()].concat());
    }
    text.push_str(COLUMNS_HEAD);
    line(&mut text, &["row", "the model on this machine", "a fallback that is known to go on", "one that is not"]);
    line(&mut text, &["---"; 4]);
    for id in ["b1", "b2", "b3", "c1", "f3"] {
        let cell = |id: &str| {
            find(id).map_or_else(String::new, |outcome| format!("{}. {}", outcome.verdict(), outcome.received))
        };
        line(&mut text, &[id, &cell(&format!("{id} (local)")), &cell(id), &cell(&format!("{id} (unverified)"))]);
    }
    text.push_str(CATALOGUE_HEAD);
    line(&mut text, &["row", "fault", "what the client received", "upstream calls", "time", "verdict"]);
    line(&mut text, &["---"; 6]);
    let mut rows: Vec<(&Row, &Outcome)> = catalogue.iter().filter_map(|row| Some((row, find(row.id)?))).collect();
    rows.sort_by_key(|(row, _)| number(row.id));
    for (row, outcome) in rows {
        line(&mut text, &[row.id, row.fault, &outcome.received, &outcome.calls, &outcome.time, &outcome.verdict()]);
    }
    text.push_str(TAIL);
    text
}

/// `22 (line)` stands under 22.
fn number(id: &str) -> u32 {
    id.split(' ').next().and_then(|number| number.parse().ok()).unwrap_or(u32::MAX)
}

fn line(text: &mut String, cells: &[&str]) {
    let cells: Vec<String> = cells.iter().map(|cell| cell.replace('|', "\\|")).collect();
    let _ = writeln!(text, "| {} |", cells.join(" | ")); // writing to a string cannot fail
}

const HEAD: &str = "# What happens when an upstream breaks

`cargo xtask faults` plays every row below against the real program and writes this page; nothing here is written by
hand. A is the upstream that misbehaves, B is well. A's words are numbered from 1, its whole answer has 50; B's has 60,
and where it goes on from a given beginning, the two together have 60. A client's text is compared letter by letter
with what both upstreams logged. The two have different models, so every question says `x-steadfast-continue: any`.
What the settings say beside the chain:

";
const RIVALS_HEAD: &str = "The others were measured on 2026-11-22 on this kind of machine (two cores), with timers of 3 to \
4 s and, where they have them, two or three retries and a fallback.\n\n";
const COLUMNS_HEAD: &str = "
## Broken in the middle: what the fallback can do

Only somebody who goes on from exactly the text that was shown can complete an answer. The model on this machine can;
a remote one can when a probe has shown it. With any other the answer ends honestly: the text is kept, an error says
that it is not whole, and there is no `[DONE]`.

";
const CATALOGUE_HEAD: &str = "
## The catalogue

";
const TAIL: &str = "
Row 27 is e1. Row 5 (bad certificates) is not played here: it needs a certificate of its own for each way to be bad.
";
