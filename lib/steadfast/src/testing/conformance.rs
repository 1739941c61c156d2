//! The same questions for every breaker and every retry, of this library or of another: a small adapter
//! ([`Subject`]) brings the crate, [`examine`] asks. Each question is a [`Probe`], each answer a [`Verdict`] with
//! what was measured. Surprise: run it on a runtime with paused time; then pauses of minutes cost nothing, and a
//! subject that does not follow tokio's time is told apart. A subject that panics or hangs fails the probe, not
//! the run.
//!
//! ```
//! use steadfast::testing::conformance::{Failure, RetrySpec, RetryUnderTest, Run, Script, Subject, Verdict, examine};
//! use std::{sync::Arc, time::Duration};
//!
//! /// A crate that tries three times, at once, whatever happened.
//! struct ThreeTries;
//!
//! impl Subject for ThreeTries {
//!     fn name(&self) -> String {
//!         "three tries".to_owned()
//!     }
//!     fn retry(&self, spec: &RetrySpec) -> Option<Box<dyn RetryUnderTest>> {
//!         (spec.max_attempts == 3).then(|| Box::new(ThreeTries) as _)
//!     }
//! }
//!
//! impl RetryUnderTest for ThreeTries {
//!     fn run(&self, script: Arc<Script>) -> Run {
//!         Box::pin(async move {
//!             let mut last = Err(Failure::Unavailable);
//!             for _ in 0..3 {
//!                 last = script.attempt().await;
//!                 if last.is_ok() {
//!                     break;
//!                 }
//!             }
//!             last
//!         })
//!     }
//! }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() {
//! # tokio::time::pause();
//! let findings = examine(&ThreeTries).await;
//! let verdict = |probe| &findings.iter().find(|finding| finding.probe == probe).unwrap().verdict;
//! assert!(matches!(verdict("attempts are counted"), Verdict::Passed(_)));
//! assert!(matches!(verdict("what is permanent is not tried again"), Verdict::Failed(_)));
//! assert!(matches!(verdict("half-open lets few through"), Verdict::NotSupported(_)));
//! # }
//! ```

use std::time::Duration;

mod backend;
mod breaker;
mod drive;
mod ours;
mod retry;
mod verdict;

pub use backend::{Failure, Script, Work};
pub use breaker::{Answer, BreakerSpec, BreakerUnderTest, Calling, Rule, Stopper, WhyStopped};
pub use ours::Steadfast;
pub use retry::{BudgetSpec, Growth, RetrySpec, RetryUnderTest, Run};
pub use verdict::{Finding, Probe, Verdict};

/// A crate that is examined. What it does not have, it answers with `None`.
///
/// The example of [this module](self) is one.
///
/// ```
/// use steadfast::testing::conformance::{Subject, Verdict, probes};
///
/// # #[tokio::main(flavor = "current_thread", start_paused = true)]
/// # async fn main() {
/// /// A crate that has neither a breaker nor a retry.
/// struct Bare;
///
/// impl Subject for Bare {
///     fn name(&self) -> String {
///         "bare 1.0".to_owned()
///     }
/// }
///
/// for probe in probes() {
///     assert!(matches!(probe.ask(&Bare).await.verdict, Verdict::NotSupported(_)));
/// }
/// # }
/// ```
pub trait Subject {
    /// Its name and version, for the table.
    fn name(&self) -> String;

    /// The time that one step of a probe takes on its clock. Default 1 s; a subject on the machine's clock really
    /// waits, so it says something small, such as 20 ms.
    fn unit(&self) -> Duration {
        Duration::from_secs(1)
    }

    /// A new breaker as the spec says, or `None` when it cannot be made to do so.
    fn breaker(&self, _spec: &BreakerSpec) -> Option<Box<dyn BreakerUnderTest>> {
        None
    }

    /// A new retry as the spec says, or `None` when it cannot be made to do so.
    fn retry(&self, _spec: &RetrySpec) -> Option<Box<dyn RetryUnderTest>> {
        None
    }
}

/// Every probe, in the order of the table.
///
/// ```
/// let names: Vec<_> = steadfast::testing::conformance::probes().map(|probe| probe.name).collect();
/// assert!(names.contains(&"panics count"));
/// ```
pub fn probes() -> impl Iterator<Item = &'static Probe> {
    breaker::PROBES.iter().chain(retry::PROBES)
}

/// Asks every probe, one after the other. Needs a tokio runtime with time; see [this module](self). Each probe
/// gives up by itself after 60 s of the machine's time. Cancel safe: the findings so far are lost.
///
/// The example of [this module](self) uses it.
///
/// ```
/// use steadfast::testing::conformance::{Subject, examine, probes};
///
/// # #[tokio::main(flavor = "current_thread", start_paused = true)]
/// # async fn main() {
/// # struct MyCrate;
/// # impl Subject for MyCrate {
/// #     fn name(&self) -> String {
/// #         "my crate 1.0".to_owned()
/// #     }
/// # }
/// let findings = examine(&MyCrate).await;
/// assert_eq!(findings.len(), probes().count()); // one each, in their order
/// for finding in &findings {
///     println!("{}: {}", finding.probe, finding.verdict);
/// }
/// # }
/// ```
pub async fn examine(subject: &dyn Subject) -> Vec<Finding> {
    let mut findings = Vec::new();
    for probe in probes() {
        findings.push(probe.ask(subject).await);
    }
    findings
}
