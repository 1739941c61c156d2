//! The rows, in the document's order. `a1` to `g2` were played with other gateways too; the numbers are the house's
//! own catalogue of faults. Each row starts everything it needs, so that none remembers another.

mod busy;
mod cut;
mod leaving;
mod network;
mod outage;
mod refused;
mod runs;
mod silence;

use futures_util::future::LocalBoxFuture;

use super::{
    outcome::{Outcome, Promise},
    stage::{Chain, Delivery, Stage, Way, key},
};

#[derive(Debug, Clone, Copy)]
pub(super) struct Row {
    pub id: &'static str,
    pub fault: &'static str,
    /// Rows that measure milliseconds are played with nothing beside them.
    pub company: Company,
    pub play: fn() -> LocalBoxFuture<'static, Outcome>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Company {
    Any,
    None,
}

/// Played with other gateways too.
pub(super) fn compared() -> Vec<Row> {
    [
        refused::COMPARED,
        cut::COMPARED,
        silence::COMPARED,
        refused::LIMITED,
        leaving::COMPARED,
        cut::BROKEN,
        outage::COMPARED,
    ]
    .concat()
}

/// The house's catalogue.
pub(super) fn catalogue() -> Vec<Row> {
    [network::ROWS, refused::ROWS, silence::ROWS, cut::ROWS, busy::ROWS, leaving::ROWS, runs::ROWS].concat()
}

const fn row(id: &'static str, fault: &'static str, play: fn() -> LocalBoxFuture<'static, Outcome>) -> Row {
    Row { id, fault, company: Company::Any, play }
}

const fn quiet(id: &'static str, fault: &'static str, play: fn() -> LocalBoxFuture<'static, Outcome>) -> Row {
    Row { id, fault, company: Company::None, play }
}

/// The plainest row: one question to a chain, one promise.
async fn asked(scenario: &str, delivery: Delivery, chain: Chain, promise: Promise) -> Played {
    let stage = Stage::set(chain, Way::Straight).await;
    let received = stage.ask(&key(scenario), delivery).await;
    let calls = stage.calls().await;
    Played { outcome: Outcome::of(&received, &calls, promise), received, calls }
}

/// What was played, for further promises.
struct Played {
    outcome: Outcome,
    received: super::received::Received,
    calls: super::stage::Calls,
}

impl Played {
    fn at_most(self, most: usize) -> Self {
        Self { outcome: self.outcome.at_most(&self.calls, most), ..self }
    }

    fn within(self, seconds: f64) -> Self {
        Self { outcome: self.outcome.within(&self.received, std::time::Duration::from_secs_f64(seconds)), ..self }
    }

    /// So many of the upstream's words are there.
    fn words(mut self, count: usize) -> Self {
        let words = self.received.words();
        self.outcome.check(words == count, || format!("{words} words, not {count}"));
        self
    }

    fn status(mut self, status: u16) -> Self {
        let got = self.received.status;
        self.outcome.check(got == Some(status), || format!("status {got:?}, not {status}"));
        self
    }

    /// Every wait between two calls to A was at least so long.
    fn waited(mut self, seconds: f64) -> Self {
        let gaps = self.calls.gaps();
        self.outcome.check(gaps.iter().all(|gap| *gap >= seconds), || format!("did not wait {seconds} s"));
        self
    }
}
