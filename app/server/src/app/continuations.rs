//! Looks whether models go on from a begun answer, where the settings want that looked at (`continuation = "probe"`).
//!
//! One short question a model, at the start, for what a reload brings, and again when what was found is a month old.
//! An upstream that does not answer shows nothing, and is asked again later.

use std::{collections::HashMap, sync::Arc, time::Duration};

use steadfast::{Clock, Error};
use steadfast_contract::provider::{Continuation, Provider};
use tokio::time::Instant;
use tracing::{info, warn};

use crate::house::House;

/// Until the program ends.
pub(super) async fn look(house: Arc<House>) {
    let (clock, token) = (house.clock.clone(), house.token.clone());
    let mut tried = Tried::default();
    loop {
        for provider in house.rooms_now().map(|rooms| rooms.upstreams).unwrap_or_default() {
            for model in provider.unverified() {
                if tried.is_due(provider.name(), &model, clock.now()) {
                    tell(provider.as_ref(), &model, verified(provider.as_ref(), &model, &house, &clock).await);
                }
            }
        }
        if token.run(clock.sleep(LOOK_EVERY)).await.is_err() {
            return;
        }
    }
}

/// When a model was last asked, so that an upstream that is down is not asked all the time.
#[derive(Default)]
struct Tried(HashMap<(String, String), Instant>);

impl Tried {
    fn is_due(&mut self, upstream: &str, model: &str, now: Instant) -> bool {
        self.0.retain(|_, tried| now.saturating_duration_since(*tried) < TRY_AGAIN);
        let name = (upstream.to_owned(), model.to_owned());
        let is_due = !self.0.contains_key(&name);
        if is_due {
            self.0.insert(name, now);
        }
        is_due
    }
}

async fn verified(provider: &dyn Provider, model: &str, house: &House, clock: &Clock) -> Result<Continuation, Error> {
    let token = house.token.child("continuation probe");
    tokio::select! {
        found = provider.verify_continuation(model, &token) => found,
        () = clock.sleep(PATIENCE) => Err(Error::timeout("the continuation probe", PATIENCE)),
    }
}

fn tell(provider: &dyn Provider, model: &str, found: Result<Continuation, Error>) {
    let upstream = provider.name();
    match found {
        Ok(continuation) => info!(upstream, model, continuation = continuation.as_str(), "looked whether it goes on"),
        Err(error) => warn!(upstream, model, %error, "it could not be seen whether it goes on"),
    }
}

/// A look at what is known costs nothing; a question is asked only where nothing is.
const LOOK_EVERY: Duration = Duration::from_secs(2);
const TRY_AGAIN: Duration = Duration::from_secs(10 * 60);
/// A model that thinks may take its time over a dozen tokens.
const PATIENCE: Duration = Duration::from_secs(120);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_model_that_was_just_asked_is_not_asked_again_for_a_while() {
        let (mut tried, clock) = (Tried::default(), Clock::manual());
        assert!(tried.is_due("cloud-b", "big", clock.now()));
        assert!(!tried.is_due("cloud-b", "big", clock.now()));
        assert!(tried.is_due("cloud-c", "big", clock.now()));
        clock.advance(TRY_AGAIN);
        assert!(tried.is_due("cloud-b", "big", clock.now()));
    }
}
