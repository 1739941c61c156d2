//! The conformance suite: this library passes every probe that it supports, a plain and correct toy passes all
//! of them, and a toy with one mistake fails the probe that asks for it. So each probe is known to be passable,
//! and known to fail.

#![expect(
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "the toys are tests: they read tokio's paused time themselves, and end where they are wrong"
)]

mod toy_breaker;
mod toy_retry;

use steadfast::testing::conformance::{Finding, Steadfast, Subject, Verdict, examine, probes};
use toy_breaker::{BreakerFlaw, ToyBreakers};
use toy_retry::{RetryFlaw, ToyRetries};

fn told(findings: &[Finding], which: fn(&Verdict) -> bool) -> Vec<String> {
    let found = findings.iter().filter(|finding| which(&finding.verdict));
    found.map(|Finding { probe, verdict, .. }| format!("{probe}: {verdict}")).collect()
}

fn failed(verdict: &Verdict) -> bool {
    matches!(verdict, Verdict::Failed(_))
}

async fn one(subject: &dyn Subject, name: &str) -> Verdict {
    let probe = probes().find(|probe| probe.name == name).unwrap_or_else(|| panic!("there is no probe {name:?}"));
    probe.ask(subject).await.verdict
}

#[tokio::test(start_paused = true)]
async fn this_library_passes_every_probe() {
    let findings = examine(&Steadfast).await;
    assert_eq!(told(&findings, |verdict| !matches!(verdict, Verdict::Passed(_))), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn a_correct_breaker_passes_every_probe_about_breakers() {
    let findings = examine(&ToyBreakers(None)).await;
    assert_eq!(told(&findings, failed), [""; 0]);
    let passed = told(&findings, |verdict| matches!(verdict, Verdict::Passed(_)));
    assert_eq!(passed.len(), BreakerFlaw::PROBES.len(), "{passed:#?}");
}

#[tokio::test(start_paused = true)]
async fn a_correct_retry_passes_every_probe_about_retries() {
    let findings = examine(&ToyRetries(None)).await;
    assert_eq!(told(&findings, failed), [""; 0]);
    let passed = told(&findings, |verdict| matches!(verdict, Verdict::Passed(_)));
    assert_eq!(passed.len(), RetryFlaw::PROBES.len(), "{passed:#?}");
}

#[tokio::test(start_paused = true)]
async fn each_mistake_of_a_breaker_fails_the_probe_that_asks_for_it() {
    for &(probe, flaw) in BreakerFlaw::PROBES {
        let verdict = one(&ToyBreakers(Some(flaw)), probe).await;
        assert!(failed(&verdict), "{flaw:?} got away with {probe:?}: {verdict}");
    }
}

#[tokio::test(start_paused = true)]
async fn each_mistake_of_a_retry_fails_the_probe_that_asks_for_it() {
    for &(probe, flaw) in RetryFlaw::PROBES {
        let verdict = one(&ToyRetries(Some(flaw)), probe).await;
        assert!(failed(&verdict), "{flaw:?} got away with {probe:?}: {verdict}");
    }
}

#[tokio::test(start_paused = true)]
async fn every_probe_has_a_mistake_that_fails_it() {
    let caught: Vec<_> =
        BreakerFlaw::PROBES.iter().map(|row| row.0).chain(RetryFlaw::PROBES.iter().map(|row| row.0)).collect();
    let asked: Vec<_> = probes().map(|probe| probe.name).collect();
    assert_eq!(caught, asked);
}

#[tokio::test(start_paused = true)]
async fn what_a_subject_does_not_have_is_not_held_against_it() {
    struct Nothing;
    impl Subject for Nothing {
        fn name(&self) -> String {
            "nothing".to_owned()
        }
    }
    let findings = examine(&Nothing).await;
    assert_eq!(findings.len(), probes().count());
    assert_eq!(told(&findings, |verdict| !matches!(verdict, Verdict::NotSupported(_))), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn a_subject_that_panics_or_hangs_fails_the_probe_and_not_the_run() {
    for flaw in [RetryFlaw::Panics, RetryFlaw::Hangs] {
        let verdict = one(&ToyRetries(Some(flaw)), "attempts are counted").await;
        assert!(failed(&verdict), "{flaw:?}: {verdict}");
    }
}
