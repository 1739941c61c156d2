//! A question and its answer. A verdict always carries what was measured, so that a table can show numbers and
//! not only ticks.

use super::{Subject, drive};
use std::{fmt, pin::Pin};

/// One question to a subject.
///
/// ```
/// let mut probes = steadfast::testing::conformance::probes();
/// assert!(probes.all(|probe| !probe.name.is_empty() && probe.asks.ends_with('.')));
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub struct Probe {
    /// What holds when the subject passes, as a short sentence.
    pub name: &'static str,
    /// How it is asked, and what is expected.
    pub asks: &'static str,
    pub(super) run: for<'a> fn(&'a dyn Subject) -> Asking<'a>,
}

pub(super) type Asking<'a> = Pin<Box<dyn Future<Output = Verdict> + 'a>>;

impl Probe {
    /// Asks this one. It neither panics nor hangs: both are a failed verdict.
    ///
    /// ```
    /// use steadfast::testing::conformance::{Steadfast, Verdict, probes};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// # tokio::time::pause();
    /// let probe = probes().find(|probe| probe.name == "panics count").unwrap();
    /// assert!(matches!(probe.ask(&Steadfast).await.verdict, Verdict::Passed(_)));
    /// # }
    /// ```
    pub async fn ask(&self, subject: &dyn Subject) -> Finding {
        Finding { probe: self.name, verdict: drive::limited((self.run)(subject)).await }
    }
}

/// What a probe found.
///
/// ```
/// use steadfast::testing::conformance::{Steadfast, probes};
///
/// # #[tokio::main(flavor = "current_thread", start_paused = true)]
/// # async fn main() {
/// let probe = probes().find(|probe| probe.name == "attempts are counted").unwrap();
/// let finding = probe.ask(&Steadfast).await;
/// assert_eq!((finding.probe, finding.verdict.to_string()), (probe.name, "passed: 3".to_owned()));
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Finding {
    /// The probe's name.
    pub probe: &'static str,
    /// How the subject did.
    pub verdict: Verdict,
}

/// How a subject did; the text says what was measured.
///
/// ```
/// use steadfast::testing::conformance::Verdict;
///
/// let verdicts = [Verdict::Passed("3".to_owned()), Verdict::NotSupported("no budget".to_owned())];
/// assert_eq!(verdicts[1].to_string(), "not supported: no budget");
/// // What is not there has not failed; a check of your own decides whether it must be there.
/// assert!(!verdicts.iter().any(|verdict| matches!(verdict, Verdict::Failed(_))));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// As it should.
    Passed(String),
    /// Not as it should.
    Failed(String),
    /// It has no such thing, and does not claim to.
    NotSupported(String),
}

impl Verdict {
    /// Passed when `good`, else failed.
    pub(super) fn of(good: bool, measured: impl Into<String>) -> Self {
        if good { Self::Passed(measured.into()) } else { Self::Failed(measured.into()) }
    }

    pub(super) fn none(what: &str) -> Self {
        Self::NotSupported(what.to_owned())
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Passed(measured) => write!(f, "passed: {measured}"),
            Self::Failed(measured) => write!(f, "failed: {measured}"),
            Self::NotSupported(what) => write!(f, "not supported: {what}"),
        }
    }
}
