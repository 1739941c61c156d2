//! `steadfast doctor`: what could keep this from working here, each with a sentence and what to do about it.

mod checks;

use serde::Serialize;
use serde_json::json;

use super::out::{Failed, Out};
use crate::settings::Settings;

/// What one check found.
#[derive(Debug, Serialize)]
struct Finding {
    what: &'static str,
    verdict: Verdict,
    sentence: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    advice: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Verdict {
    Good,
    /// It works, but something will be missing.
    Warning,
    Bad,
}

pub(super) async fn doctor(settings: &Settings, out: Out) -> Result<(), Failed> {
    let mut findings = vec![];
    for check in checks::all() {
        let finding = check(settings).await;
        if !out.is_for_programs() {
            out.line(&finding.to_string())?;
        }
        findings.push(finding);
    }
    if out.is_for_programs() {
        out.json(&json!({ "findings": findings }))?;
    }
    let is_bad = findings.iter().any(|finding| finding.verdict == Verdict::Bad);
    if is_bad { Err(Failed::Told) } else { Ok(()) }
}

impl Finding {
    fn good(what: &'static str, sentence: impl Into<String>) -> Self {
        Self { what, verdict: Verdict::Good, sentence: sentence.into(), advice: None }
    }

    fn warning(what: &'static str, sentence: impl Into<String>, advice: impl Into<String>) -> Self {
        Self { what, verdict: Verdict::Warning, sentence: sentence.into(), advice: Some(advice.into()) }
    }

    fn bad(what: &'static str, sentence: impl Into<String>, advice: impl Into<String>) -> Self {
        Self { what, verdict: Verdict::Bad, sentence: sentence.into(), advice: Some(advice.into()) }
    }
}

impl std::fmt::Display for Finding {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mark = match self.verdict {
            Verdict::Good => "good",
            Verdict::Warning => "note",
            Verdict::Bad => "BAD ",
        };
        write!(f, "{mark}  {:<14} {}", self.what, self.sentence)?;
        self.advice.as_ref().map_or(Ok(()), |advice| write!(f, "\n{:21}{advice}", ""))
    }
}
