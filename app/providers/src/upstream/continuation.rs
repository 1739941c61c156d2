//! Whether a model goes on from a given beginning: said in the settings, or found by asking it a question that shows
//! it. What was found counts for a month, because hosted models change without a word.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use futures_util::StreamExt as _;
use steadfast::{CancelToken, Clock, Code, Error, Events};
use steadfast_contract::{
    chat::{ChatRequest, Message, Role, Sampling},
    chunk::{AnswerStream, Chunk},
    code,
    provider::{Ask, Continuation, Delivery},
};

use crate::settings::{ModelSettings, Probing};

#[derive(Debug)]
pub(crate) struct Continuations {
    configured: HashMap<String, Continuation>,
    /// The models whose settings want a look.
    wanted: Vec<String>,
    found: Mutex<HashMap<String, Finding>>,
    clock: Clock,
}

#[derive(Debug, Clone, Copy)]
struct Finding {
    continuation: Continuation,
    /// Milliseconds since 1970.
    at_ms: u64,
}

impl Continuations {
    pub(super) fn new(models: &[ModelSettings], clock: Clock) -> Self {
        let configured = models.iter().map(|model| (model.id.clone(), model.continuation)).collect();
        let wanted = models.iter().filter(|model| model.probing == Probing::Wanted);
        Self { configured, wanted: wanted.map(|model| model.id.clone()).collect(), found: Mutex::default(), clock }
    }

    pub(crate) fn of(&self, model: &str) -> Continuation {
        self.fresh(model)
            .map(|found| found.continuation)
            .or_else(|| self.configured.get(model).copied())
            .unwrap_or(Continuation::Unknown)
    }

    pub(crate) fn found_ms(&self, model: &str) -> Option<u64> {
        self.fresh(model).map(|found| found.at_ms)
    }

    pub(crate) fn unverified(&self) -> Vec<String> {
        self.wanted.iter().filter(|model| self.fresh(model).is_none()).cloned().collect()
    }

    fn fresh(&self, model: &str) -> Option<Finding> {
        let now_ms = self.clock.unix_ms();
        let found = self.found().get(model).copied();
        found.filter(|found| now_ms.saturating_sub(found.at_ms) < FRESH.as_millis() as u64)
    }

    /// The model itself said that it does not.
    pub(super) fn is_refused(&self, model: &str) {
        self.keep(model, Continuation::Unsupported);
    }

    /// Reads the answer to [`probe`] and keeps what it shows. A question that was not answered shows nothing.
    pub(crate) async fn judge(&self, model: &str, answer: Result<AnswerStream, Error>) -> Result<Continuation, Error> {
        let text = match answer {
            Ok(answer) => read(answer).await,
            Err(error) => Err(error),
        };
        let found = match text {
            Ok(text) => judge(&text),
            Err(error) if matches!(error.code(), Code::VALIDATION | code::UNSUPPORTED_INPUT) => {
                Continuation::Unsupported
            }
            Err(error) => return Err(error),
        };
        self.keep(model, found);
        Ok(found)
    }

    fn keep(&self, model: &str, continuation: Continuation) {
        let at_ms = self.clock.unix_ms();
        let mut found = self.found();
        if found.len() < MODELS || found.contains_key(model) {
            found.insert(model.to_owned(), Finding { continuation, at_ms });
        }
    }

    fn found(&self) -> MutexGuard<'_, HashMap<String, Finding>> {
        self.found.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The question that shows it: half a count to ten.
pub(crate) fn probe(model: &str, token: &CancelToken) -> Ask {
    let messages = vec![
        Message::text(Role::User, "Count from one to ten in digits, with commas between them, and say nothing else."),
        Message::text(Role::Assistant, "1, 2, 3,"),
    ];
    let sampling = Sampling { temperature: Some(0.0), max_tokens: Some(24), ..Sampling::default() };
    Ask {
        request: ChatRequest { model: model.to_owned(), messages, sampling, ..ChatRequest::default() },
        delivery: Delivery::Streamed,
        token: token.clone(),
        deadline: None,
        request_id: "continuation-probe".to_owned(),
        events: Events::none(),
    }
}

async fn read(mut answer: AnswerStream) -> Result<String, Error> {
    let mut text = String::new();
    while let Some(piece) = answer.next().await {
        if let Chunk::Text(more) = piece?.chunk {
            text.push_str(&more);
        }
        if text.trim_start().len() >= ENOUGH_BYTES {
            break;
        }
    }
    Ok(text)
}

/// Goes on with 4; everything else began anew, repeated what was given, or talks about it.
fn judge(text: &str) -> Continuation {
    let digits: String = text.trim_start().chars().take_while(char::is_ascii_digit).collect();
    if digits == "4" { Continuation::Verified } else { Continuation::Unsupported }
}

const FRESH: Duration = Duration::from_secs(30 * 24 * 60 * 60);
/// As many as are ever listed.
const MODELS: usize = 5_000;
/// "4, 5, 6" and a little.
const ENOUGH_BYTES: usize = 12;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_next_number_goes_on() {
        for text in [" 4, 5, 6", "4", "\n4,5"] {
            assert_eq!(judge(text), Continuation::Verified, "{text}");
        }
        for text in ["1, 2, 3, 4", "", "Sure: 4, 5", "40", "3, 4", ", 4", "four"] {
            assert_eq!(judge(text), Continuation::Unsupported, "{text}");
        }
    }

    #[test]
    fn what_was_found_counts_more_than_the_settings() {
        let said = ModelSettings { continuation: Continuation::Verified, ..ModelSettings::named("a") };
        let continuations = Continuations::new(&[said, ModelSettings::named("b")], Clock::manual());
        assert_eq!(continuations.of("a"), Continuation::Verified);
        assert_eq!((continuations.of("b"), continuations.of("c")), (Continuation::Unknown, Continuation::Unknown));
        continuations.is_refused("a");
        assert_eq!(continuations.of("a"), Continuation::Unsupported);
    }

    #[test]
    fn a_model_is_looked_at_when_the_settings_want_it_and_nothing_is_known() {
        let clock = Clock::manual();
        let wanted = ModelSettings { probing: Probing::Wanted, ..ModelSettings::named("a") };
        let continuations = Continuations::new(&[wanted, ModelSettings::named("b")], clock.clone());
        assert_eq!((continuations.unverified(), continuations.found_ms("a")), (vec!["a".to_owned()], None));
        continuations.keep("a", Continuation::Verified);
        assert_eq!((continuations.unverified(), continuations.found_ms("a")), (vec![], Some(clock.unix_ms())));
        clock.advance(FRESH);
        assert_eq!((continuations.unverified(), continuations.found_ms("a")), (vec!["a".to_owned()], None));
    }

    #[test]
    fn what_was_found_grows_old() {
        let clock = Clock::manual();
        let continuations = Continuations::new(&[], clock.clone());
        continuations.keep("a", Continuation::Verified);
        clock.advance(FRESH - Duration::from_secs(60));
        assert_eq!(continuations.of("a"), Continuation::Verified);
        clock.advance(Duration::from_secs(120));
        assert_eq!(continuations.of("a"), Continuation::Unknown);
    }
}
