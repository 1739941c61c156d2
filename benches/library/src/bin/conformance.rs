//! Asks every probe of every crate, and writes `docs/conformance.md`. `--only PART` asks only the crates whose name
//! holds that part, and writes nothing.

use std::{fmt::Write as _, path::Path};

use steadfast::testing::conformance::{Finding, Verdict, examine, probes};
use steadfast_library_benches::{subjects, today};

#[tokio::main(flavor = "current_thread", start_paused = true)]
async fn main() -> anyhow::Result<()> {
    let only = std::env::args().skip_while(|argument| argument != "--only").nth(1);
    let mut columns = Vec::new();
    for subject in subjects::all() {
        let name = subject.name();
        if only.as_ref().is_none_or(|part| name.contains(part.as_str())) {
            println!("{name}");
            let findings = examine(&*subject).await;
            for Finding { probe, verdict, .. } in &findings {
                println!("  {probe}: {verdict}");
            }
            columns.push((name, findings));
        }
    }
    if only.is_none() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/conformance.md");
        std::fs::write(path, table(&columns))?;
        println!("wrote docs/conformance.md");
    }
    Ok(())
}

type Column = (String, Vec<Finding>);

fn table(columns: &[Column]) -> String {
    let mut text = format!(
        "<!-- Written by `cargo xtask bench library` on {}; do not edit. -->\n\n# Conformance\n\n\
         The same questions, asked of this library's breaker and retry and of other crates. The suite is public:\n\
         `lib/steadfast/src/testing/conformance.rs`; the adapters are in `benches/library/src/subjects/`. Each cell says\n\
         what was measured. **✗** did not do what is asked; – does not have it, and does not claim to.\n\
         steadfast is asked with one setting that is not its default: `Abandoned::FailureAfter` half a unit, so that a call\n\
         which hangs and is dropped without a reason counts. By default such a drop says nothing.\n\n",
        today()
    );
    let _ = write!(text, "| |");
    columns.iter().for_each(|(name, _)| {
        let _ = write!(text, " {name} |");
    });
    let _ = writeln!(text, "\n|---|{}", "---|".repeat(columns.len()));
    for (row, probe) in probes().enumerate() {
        let _ = write!(text, "| {} |", probe.name);
        for (_, findings) in columns {
            let _ = write!(text, " {} |", cell(&findings[row].verdict));
        }
        text.push('\n');
    }
    let _ = write!(text, "| **passed / failed / not there** |");
    for (_, findings) in columns {
        let count = |which: fn(&Verdict) -> bool| findings.iter().filter(|finding| which(&finding.verdict)).count();
        let passed = count(|verdict| matches!(verdict, Verdict::Passed(_)));
        let failed = count(|verdict| matches!(verdict, Verdict::Failed(_)));
        let _ = write!(text, " **{passed} / {failed} / {}** |", findings.len() - passed - failed);
    }
    text.push_str("\n\n## What is asked\n\n");
    for probe in probes() {
        let _ = writeln!(text, "- **{}.** {}", probe.name, probe.asks);
    }
    text.push_str(NOTES);
    text
}

fn cell(verdict: &Verdict) -> String {
    match verdict {
        Verdict::Passed(measured) => measured.clone(),
        Verdict::Failed(measured) => format!("**✗** {measured}"),
        Verdict::NotSupported(_) => "–".to_owned(),
    }
}

const NOTES: &str = "
## Fairness

- A crate is given the rule that it has: consecutive failures, a count window or a time window, in that order, unless
  the question is about one of them.
- \"The caller's time-out stands outside\" means that the call's future is dropped and nothing else is said. A time-out
  inside a breaker is seen by every crate here.
- recloser judges only when its ring is full, so the ring is its smallest number of calls. failsafe's success rate is
  a moving average over whole seconds; it is asked as a time window.
- seatbelt's clock does not follow tokio's, but has a test kit of its own, with which the other rows moved it.
- tower-resilience's budget is its AIMD one with five tokens a retry and one for each success.
- Crates on the machine's clock were really waited for; the others were moved by hand or by tokio's paused time.
";
