//! Scores one target from its record: the expected time to an answer. It measures nothing and knows no clock.
//! Surprise: how long a failure took does not count, so that a target that fails quickly does not look good.

/// What is remembered of a target; every number loses its weight with time.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Record {
    /// The weight of the answers.
    pub(super) successes: f64,
    /// The weight of the failures.
    pub(super) failures: f64,
    /// The seconds that the answers took, each times its weight.
    pub(super) seconds: f64,
}

/// How a call to a target ended.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Mark {
    /// It served, after so many seconds.
    Served(f64),
    /// It did not serve.
    Failed,
}

impl Record {
    /// The record when everything in it weighs `factor` times as much.
    pub(super) fn faded(self, factor: f64) -> Self {
        Self { successes: self.successes * factor, failures: self.failures * factor, seconds: self.seconds * factor }
    }

    pub(super) fn with(self, mark: Mark) -> Self {
        match mark {
            Mark::Served(seconds) => Self { successes: self.successes + 1.0, seconds: self.seconds + seconds, ..self },
            Mark::Failed => Self { failures: self.failures + 1.0, ..self },
        }
    }

    /// The share that served, above 0. One imagined success stands in every record (the rule of succession with an
    /// optimistic prior), so that a single failure does not condemn, and a faded one is forgiven.
    pub(super) fn success(self) -> f64 {
        (self.successes + PRIOR) / (self.successes + self.failures + PRIOR)
    }

    /// The mean time of an answer; `None` while none is remembered.
    pub(super) fn latency(self) -> Option<f64> {
        (self.successes >= FORGOTTEN).then(|| self.seconds / self.successes)
    }
}

/// The expected time to an answer, time divided by success: the lower, the earlier asked. Asking in this order takes
/// the least expected time until somebody answers (Mitten, "An Analytic Solution to the Least Cost Testing Sequence
/// Problem", 1960); networks know the score as ETT (Draves, Padhye and Zill, MobiCom 2004).
///
/// What was never asked, or so long ago that it is forgotten, has the score 0 and so is tried once (as the bandit rule
/// UCB1 does: Auer, Cesa-Bianchi and Fischer, 2002). `usual` stands in for the time of a target that only failed.
pub(super) fn score(record: Record, usual: f64) -> f64 {
    if record.successes + record.failures < FORGOTTEN {
        return 0.0;
    }
    record.latency().unwrap_or(usual).max(QUICK) / record.success()
}

/// What a target that never served is believed to take when it does: as long as the quickest one.
pub(super) fn usual(records: impl Iterator<Item = Record>) -> f64 {
    records.filter_map(Record::latency).reduce(f64::min).unwrap_or(QUICK)
}

/// The weight of the imagined success.
const PRIOR: f64 = 1.0;

/// What weighs less than this, after about 20 half-lives, says nothing any more.
const FORGOTTEN: f64 = 1e-6;

/// Below a millisecond times do not matter, success does; and nothing divides zero.
const QUICK: f64 = 0.001;
