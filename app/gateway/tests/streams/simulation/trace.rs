//! What happened in one simulation, and in all of them: a simulation in which nothing goes wrong proves nothing.

use std::{collections::BTreeMap, fmt, iter::Sum};

#[derive(Debug, Default)]
pub(crate) struct Trace {
    /// Word for word the same for the same seed.
    pub(crate) lines: Vec<String>,
    /// How streams ended, and what their readers met.
    pub(crate) seen: BTreeMap<String, usize>,
}

#[derive(Debug, Default)]
pub(crate) struct Tally {
    seen: BTreeMap<String, usize>,
    pub(crate) failed: Vec<u64>,
    /// What one of them did: enough to begin with.
    story: Option<String>,
}

impl Trace {
    pub(crate) fn saw(&mut self, what: impl Into<String>) {
        *self.seen.entry(what.into()).or_default() += 1;
    }
}

impl Tally {
    pub(crate) fn add(&mut self, trace: &Trace) {
        for (what, times) in &trace.seen {
            *self.seen.entry(what.clone()).or_default() += times;
        }
    }

    pub(crate) fn failed(&mut self, seed: u64, story: &str) {
        self.failed.push(seed);
        self.story.get_or_insert_with(|| format!("seed {seed}:\n{story}"));
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
            "upstream: Repeats",
            "upstream: Echoes",
            "upstream: RefusesToGoOn",
            "seam",
        ] {
            assert!(self.seen.contains_key(what), "{what} never happened in all these simulations: {self}");
        }
    }
}

impl Sum for Tally {
    fn sum<I: Iterator<Item = Self>>(tallies: I) -> Self {
        tallies.fold(Self::default(), |mut sum, tally| {
            for (what, times) in tally.seen {
                *sum.seen.entry(what).or_default() += times;
            }
            sum.failed.extend(tally.failed);
            sum.story = sum.story.or(tally.story);
            sum
        })
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.seen.iter().try_for_each(|(what, times)| writeln!(f, "{times:>8}  {what}"))?;
        writeln!(f, "{:>8}  seeds failed: {:?}", self.failed.len(), self.failed)?;
        self.story.as_ref().map_or(Ok(()), |story| writeln!(f, "{story}"))
    }
}
