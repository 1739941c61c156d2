//! The table of stages that closes a run: done, failed or not reached, and how long each took.

use std::time::{Duration, Instant};

#[derive(Debug)]
pub(crate) struct Report {
    rows: Vec<Row>,
}

#[derive(Debug)]
struct Row {
    name: &'static str,
    end: End,
}

#[derive(Debug)]
enum End {
    NotReached,
    Done(Duration),
    Failed(Duration),
}

impl Report {
    pub(crate) fn new(stages: impl Iterator<Item = &'static str>) -> Self {
        let rows = std::iter::once("needs").chain(stages).map(|name| Row { name, end: End::NotReached });
        Self { rows: rows.collect() }
    }

    pub(crate) fn time<T>(
        &mut self,
        name: &'static str,
        work: impl FnOnce() -> anyhow::Result<T>,
    ) -> anyhow::Result<T> {
        println!("\n=== {name} ===");
        let started = now();
        let outcome = work();
        let took = now().duration_since(started);
        let end = if outcome.is_ok() { End::Done(took) } else { End::Failed(took) };
        if let Some(row) = self.rows.iter_mut().find(|row| row.name == name) {
            row.end = end;
        }
        outcome.map_err(|error| error.context(format!("stage {name}")))
    }

    pub(crate) fn print(&self) {
        println!("\n{}", self.table());
    }

    fn table(&self) -> String {
        let mut total = Duration::ZERO;
        let mut lines = Vec::new();
        for Row { name, end } in &self.rows {
            let (word, took) = match end {
                End::NotReached => ("not reached", None),
                End::Done(took) => ("done", Some(*took)),
                End::Failed(took) => ("FAILED", Some(*took)),
            };
            total += took.unwrap_or_default();
            lines.push(format!("{name:<14} {word:<12} {:>8}", took.map(clock).unwrap_or_default()));
        }
        lines.push(format!("{:<27} {:>8}", "total", clock(total)));
        lines.join("\n")
    }
}

/// Minutes and seconds.
fn clock(took: Duration) -> String {
    format!("{}:{:02}", took.as_secs() / 60, took.as_secs() % 60)
}

#[expect(clippy::disallowed_methods, reason = "stages are timed for a person; no decision hangs on it")]
fn now() -> Instant {
    Instant::now()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_tells_done_failed_and_not_reached_apart() {
        let mut report = Report::new(["format", "unit", "house"].into_iter());
        report.time("needs", || Ok(())).unwrap();
        report.time("format", || Ok(())).unwrap();
        let error = report.time("unit", || -> anyhow::Result<()> { anyhow::bail!("one test failed") }).unwrap_err();
        assert_eq!(format!("{error:#}"), "stage unit: one test failed");
        let words: Vec<_> =
            report.table().lines().map(|line| line.split_whitespace().nth(1).unwrap().to_owned()).collect();
        assert_eq!(words, ["done", "done", "FAILED", "not", "0:00"]);
    }

    #[test]
    fn times_are_minutes_and_seconds() {
        assert_eq!(clock(Duration::from_secs(605)), "10:05");
    }
}
