//! What happened in one simulation, and in all of them: a simulation in which nothing goes wrong proves nothing.

use std::{collections::BTreeMap, fmt};

#[derive(Debug, Default)]
pub(crate) struct Trace {
    /// Word for word the same for the same seed.
    pub(crate) lines: Vec<String>,
    /// How streams ended, and what their readers met.
    pub(crate) seen: BTreeMap<String, usize>,
}

#[derive(Debug, Default)]
pub(crate) struct Tally(BTreeMap<String, usize>);

impl Trace {
    pub(crate) fn saw(&mut self, what: impl Into<String>) {
        *self.seen.entry(what.into()).or_default() += 1;
    }
}

impl Tally {
    pub(crate) fn add(&mut self, trace: &Trace) {
        for (what, times) in &trace.seen {
            *self.0.entry(what.clone()).or_default() += times;
        }
    }

    #[track_caller]
    pub(crate) fn assert_everything_happened(&self) {
        for what in [
            "completed",
            "incomplete",
            "failed",
            "cancelled",
            "came back",
            "snapshot",
            "stopped",
            "line cut",
            "upstream crashed",
            "upstream: Good",
            "upstream: Refuse",
            "upstream: Reset",
            "upstream: StallFirst",
            "upstream: StallLater",
            "upstream: Cut",
            "upstream: ErrorInside",
            "upstream: Slow",
        ] {
            assert!(self.0.contains_key(what), "{what} never happened in all these simulations: {self}");
        }
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|(what, times)| writeln!(f, "{times:>8}  {what}"))
    }
}
