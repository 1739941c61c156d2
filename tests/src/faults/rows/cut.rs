//! Answers that break in the middle. With a fallback of which it is known that it goes on from a given beginning, the
//! whole answer arrives; without, an honest end that keeps what came.

use futures_util::{FutureExt as _, future::LocalBoxFuture};
use serde_json::json;

use super::{Row, asked, row};
use crate::faults::{
    outcome::{Outcome, Promise, lies},
    stage::{Chain, Delivery, Stage, Way, key},
};

pub(super) const COMPARED: &[Row] = &[
    row("b1", "reset after 5 words", || verified("SCN-rst5")),
    row("b1 (unverified)", "the same, with a fallback that is not known to go on", || unverified("SCN-rst5")),
    row("b1 (local)", "the same, with the model on this machine behind", || local("SCN-rst5")),
    row("b2", "end without the last chunk after 5 words", || verified("SCN-fin5")),
    row("b2 (unverified)", "the same, with a fallback that is not known to go on", || unverified("SCN-fin5")),
    row("b2 (local)", "the same, with the model on this machine behind", || local("SCN-fin5")),
    row("b3", "clean end without finish_reason and [DONE] after 5 words", || verified("SCN-end5")),
    row("b3 (unverified)", "the same, with a fallback that is not known to go on", || unverified("SCN-end5")),
    row("b3 (local)", "the same, with the model on this machine behind", || local("SCN-end5")),
];

pub(super) const BROKEN: &[Row] = &[
    row("f1", "200 with broken JSON; fallback", || {
        async {
            asked("SCN-badjson", Delivery::Json, Chain::Verified, Promise::Whole).await.at_most(2).within(2.0).outcome
        }
        .boxed_local()
    }),
    row("f2", "one broken line after 5 words, then it goes on; fallback", || {
        async {
            asked("SCN-badline5", Delivery::Stream, Chain::Verified, Promise::WholeOrTyped).await.within(3.0).outcome
        }
        .boxed_local()
    }),
    row("f3", "an error event after 5 words", || verified("SCN-error5")),
    row("f3 (unverified)", "the same, with a fallback that is not known to go on", || unverified("SCN-error5")),
    row("f3 (local)", "the same, with the model on this machine behind", || local("SCN-error5")),
];

pub(super) const ROWS: &[Row] = &[
    row("15", "FIN in the middle of a chunked stream; alone", || kept("SCN-fin5")),
    row("16", "FIN in the middle of a stream that ends with its connection; alone", || kept("SCN-close5")),
    row("16 (whole)", "a stream that ends with its connection, and is whole; alone", || {
        async { asked("SCN-close", Delivery::Stream, Chain::Alone, Promise::Whole).await.at_most(1).outcome }
            .boxed_local()
    }),
    row("17", "RST in the middle of a stream; alone", || kept("SCN-rst5")),
    row("17 (JSON)", "RST in the middle of a body; fallback", || {
        async {
            asked("SCN-rst5", Delivery::Json, Chain::Verified, Promise::Whole).await.at_most(2).within(3.0).outcome
        }
        .boxed_local()
    }),
    row("18", "an error object inside the 200 stream; alone", || kept("SCN-error5")),
    row("19", "cut inside a tool call; alone", || {
        async {
            let mut played = asked("SCN-toolcut", Delivery::Stream, Chain::Alone, Promise::Typed).await;
            let done = played.received.finish.is_some();
            played.outcome.check(!done, || "the call looks finished".to_owned());
            played.outcome
        }
        .boxed_local()
    }),
    row("19 (after text)", "cut inside a tool call that follows text; fallback", || {
        cut_call_after_text().boxed_local()
    }),
    row("20", "cut after finish_reason, before [DONE]; alone", || {
        async { asked("SCN-nodone", Delivery::Stream, Chain::Alone, Promise::Whole).await.at_most(1).words(50).outcome }
            .boxed_local()
    }),
    row("21", "every frame twice from the fifth on; alone", || {
        async { asked("SCN-dup5", Delivery::Stream, Chain::Alone, Promise::WholeOrTyped).await.outcome }.boxed_local()
    }),
    row("22", "200 bytes a second, one at a time; alone", || {
        async { asked("SCN-drip", Delivery::Stream, Chain::Alone, Promise::Whole).await.words(4).outcome }.boxed_local()
    }),
];

pub(super) fn verified(scenario: &'static str) -> LocalBoxFuture<'static, Outcome> {
    async move {
        asked(scenario, Delivery::Stream, Chain::Verified, Promise::Whole)
            .await
            .words(60)
            .at_most(1)
            .within(8.0)
            .outcome
    }
    .boxed_local()
}

pub(super) fn unverified(scenario: &'static str) -> LocalBoxFuture<'static, Outcome> {
    async move {
        asked(scenario, Delivery::Stream, Chain::Unverified, Promise::Typed).await.words(5).within(8.0).outcome
    }
    .boxed_local()
}

async fn cut_call_after_text() -> Outcome {
    let stage = Stage::set(Chain::Verified, Way::Straight).await;
    let mut question = stage.question(&key("SCN-texttoolcut"), Delivery::Stream);
    let weather = json!({ "name": "weather", "parameters": { "type": "object" } });
    question.body["tools"] = json!([{ "type": "function", "function": weather }]);
    let received = question.ask(stage.house.address).await;
    let mut outcome = Outcome::of(&received, &stage.calls().await, Promise::Typed);
    let words = received.words();
    outcome.check(words == 5, || format!("{words} words, not 5"));
    outcome
}

fn kept(scenario: &'static str) -> LocalBoxFuture<'static, Outcome> {
    async move { asked(scenario, Delivery::Stream, Chain::Alone, Promise::Typed).await.words(5).within(3.0).outcome }
        .boxed_local()
}

/// The local model's own words are in no upstream's log: what A sent must stand first, and something must follow.
pub(super) fn local(scenario: &'static str) -> LocalBoxFuture<'static, Outcome> {
    async move {
        let stage = Stage::set(Chain::Local, Way::Straight).await;
        let mut question = stage.question(&key(scenario), Delivery::Stream);
        question.body["max_tokens"] = 32.into();
        let received = question.ask(stage.house.address).await;
        let calls = stage.calls().await;
        let sent = calls.a.first().and_then(|call| call["text_sent"].as_str()).unwrap_or_default();
        let goes_on = received.text.starts_with(sent.trim_end()) && received.text.len() > sent.len();
        let lies = if goes_on { vec![] } else { lies(&received, &calls) };
        let mut outcome = Outcome::judged(&received, &calls, Promise::Whole, lies);
        outcome.check(goes_on && received.is_finished(), || "the local model did not go on".to_owned());
        outcome.at_most(&calls, 1)
    }
    .boxed_local()
}
