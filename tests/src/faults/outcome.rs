//! What a row came to: what the client got, what it cost, and whether that is what was promised.

use std::time::Duration;

use serde_json::Value;

use super::{received::Received, stage::Calls};

#[derive(Debug, Clone, Default)]
pub(super) struct Outcome {
    pub received: String,
    pub calls: String,
    pub time: String,
    /// Promises that were not kept; none means ok.
    pub misses: Vec<String>,
    /// A cut answer that looks whole, or text that no upstream sent. The program fails on any.
    pub lies: Vec<String>,
}

/// What a row promises its client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Promise {
    /// The whole answer.
    Whole,
    /// An honest end: what came is kept, and the error has a code.
    Typed,
    /// Either of them.
    WholeOrTyped,
}

impl Outcome {
    /// Of one question: honest in any case, and as promised.
    pub(super) fn of(received: &Received, calls: &Calls, promise: Promise) -> Self {
        Self::judged(received, calls, promise, lies(received, calls))
    }

    /// The same where the upstreams' logs alone cannot say which of the answer is true.
    pub(super) fn judged(received: &Received, calls: &Calls, promise: Promise, lies: Vec<String>) -> Self {
        let mut outcome =
            Self { received: received.told(), calls: calls.told(), time: seconds(received.took), misses: vec![], lies };
        let whole = received.is_finished() && outcome.lies.is_empty();
        let typed = received.code().is_some();
        outcome.check(whole || promise == Promise::Typed || (promise == Promise::WholeOrTyped && typed), || {
            "the answer is not whole".to_owned()
        });
        outcome.check(typed || promise != Promise::Typed, || "no error with a code".to_owned());
        outcome.check(!(received.done && received.error.is_some()), || "DONE beside an error".to_owned());
        outcome.check(!received.after_error, || "something follows the error".to_owned());
        outcome.check(received.ids.len() <= 1, || format!("{} ids in one answer", received.ids.len()));
        outcome.check(received.created.len() <= 1, || format!("{} times of creation", received.created.len()));
        outcome.check(received.roles <= 1, || format!("{} beginnings in one answer", received.roles));
        outcome.check(received.finishes <= 1, || format!("{} finishes in one answer", received.finishes));
        outcome
    }

    pub(super) fn is_ok(&self) -> bool {
        self.misses.is_empty() && self.lies.is_empty()
    }

    pub(super) fn check(&mut self, kept: bool, miss: impl FnOnce() -> String) {
        if !kept {
            self.misses.push(miss());
        }
    }

    /// At most so many calls to A.
    pub(super) fn at_most(mut self, calls: &Calls, most: usize) -> Self {
        self.check(calls.a.len() <= most, || format!("{} calls to A, at most {most} help", calls.a.len()));
        self
    }

    pub(super) fn within(mut self, received: &Received, limit: Duration) -> Self {
        self.check(received.took <= limit, || format!("took longer than {}", seconds(limit)));
        self
    }

    pub(super) fn verdict(&self) -> String {
        let reasons: Vec<&str> = self.lies.iter().chain(&self.misses).map(String::as_str).collect();
        if self.is_ok() { "ok".to_owned() } else { format!("NOT ok: {}", reasons.join("; ")) }
    }
}

/// Whatever the fault: the text is what the upstreams' logs say, and a part does not look like the whole.
pub(super) fn lies(received: &Received, calls: &Calls) -> Vec<String> {
    let mut lies = vec![];
    let sent = sent(calls);
    let text = &received.text;
    if !text.is_empty() && !sent.iter().any(|(whole, _)| whole.starts_with(text.as_str())) {
        lies.push("text that no upstream sent".to_owned());
    }
    let is_all = |(sent, all): &(String, bool)| *all && sent == text;
    if received.looks_whole() && !sent.iter().any(is_all) {
        lies.push("a cut answer looks whole".to_owned());
    }
    for (name, arguments) in &received.tools {
        let arguments: Result<Value, _> = serde_json::from_str(arguments);
        if received.looks_whole() && arguments.is_err() {
            lies.push(format!("the call of {name} is cut and looks whole"));
        }
    }
    lies
}

/// Every text that may reach a client, and whether it is a whole answer: what one call sent, or what one call sent up
/// to where another was asked to go on, and what that one added. Who was asked to go on and began anew instead has
/// sent nothing that fits.
fn sent(calls: &Calls) -> Vec<(String, bool)> {
    let text = |call: &Value| call["text_sent"].as_str().unwrap_or_default().to_owned();
    let mut sent = vec![];
    for call in calls.all() {
        let whole = call["whole"] == true;
        let Some(prefill) = call["prefill"].as_str() else {
            sent.push((text(call), whole));
            continue;
        };
        let (begun, added) = (prefill.trim_end(), text(call));
        let begins_anew = begun.split(' ').next().is_some_and(|first| added.trim_start().starts_with(first));
        if !begins_anew && calls.all().any(|other| text(other).starts_with(begun)) {
            // The beginning may have been handed over without its last space, which then comes with the rest.
            sent.push((format!("{begun}{}{added}", &prefill[begun.len()..]), whole));
        }
    }
    sent
}

pub(super) fn seconds(time: Duration) -> String {
    format!("{:.2} s", time.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn call(text: &str, whole: bool, prefill: Option<&str>) -> Value {
        json!({ "text_sent": text, "whole": whole, "prefill": prefill })
    }

    fn a_sent(text: &str, whole: bool) -> Calls {
        Calls { a: vec![call(text, whole, None)], b: vec![] }
    }

    /// A was cut after two words, and B asked to go on.
    fn b_added(text: &str) -> Calls {
        Calls { a: vec![call("one two ", false, None)], b: vec![call(text, true, Some("one two"))] }
    }

    fn whole(text: &str) -> Received {
        let mut received = Received { text: text.to_owned(), finish: Some("stop".to_owned()), ..Received::default() };
        received.status = Some(200);
        received
    }

    #[test]
    fn a_part_that_looks_whole_is_a_lie() {
        assert_eq!(lies(&whole("one two "), &a_sent("one two three ", true)), ["a cut answer looks whole"]);
        assert_eq!(lies(&whole("one two "), &a_sent("one two ", false)), ["a cut answer looks whole"]);
        assert_eq!(lies(&whole("one two three "), &a_sent("one two three ", true)), [""; 0]);
    }

    #[test]
    fn a_part_that_says_so_is_none() {
        let mut part = whole("one two ");
        part.error = Some(json!({ "code": "stream_cut" }));
        assert_eq!(lies(&part, &a_sent("one two three ", false)), [""; 0]);
    }

    #[test]
    fn a_seam_must_fit_letter_by_letter() {
        assert_eq!(lies(&whole("one two three "), &b_added(" three ")), [""; 0]);
        assert_eq!(lies(&whole("one two two three "), &b_added(" three ")).len(), 2);
        assert_eq!(lies(&whole("one twothree "), &b_added(" three ")).len(), 2);
        assert_eq!(lies(&whole("one two one two three "), &b_added("one two three ")).len(), 2);
    }

    #[test]
    fn text_from_nowhere_is_a_lie() {
        assert_eq!(lies(&whole("four "), &a_sent("one ", true)).len(), 2);
    }
}
