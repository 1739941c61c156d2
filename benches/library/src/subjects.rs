//! The crates that are examined, each by an adapter of its own. An adapter uses what the crate's documents
//! recommend, and claims nothing that the crate does not.

use std::{pin::Pin, time::Duration};

use steadfast::testing::conformance::{Answer, BreakerUnderTest, Calling, Failure, Steadfast, Subject, Work};

mod backon;
mod failsafe;
mod recloser;
mod seatbelt;
mod tower_resilience;

/// Every subject, ours first.
pub fn all() -> Vec<Box<dyn Subject>> {
    vec![
        Box::new(Steadfast),
        Box::new(seatbelt::Seatbelt { drops: seatbelt::Drops::ByDefault }),
        Box::new(seatbelt::Seatbelt { drops: seatbelt::Drops::AsFailures }),
        Box::new(tower_resilience::TowerResilience),
        Box::new(recloser::Recloser),
        Box::new(failsafe::Failsafe),
        Box::new(backon::Backon),
    ]
}

/// A breaker on the machine's clock: time passes by waiting.
struct OnTheMachine<F>(F);

impl<F: Fn(Work) -> Calling + Send + Sync> BreakerUnderTest for OnTheMachine<F> {
    fn call(&self, work: Work) -> Calling {
        (self.0)(work)
    }

    #[expect(clippy::disallowed_methods, reason = "these breakers have no other clock than the machine's")]
    fn advance(&self, by: Duration) -> Pin<Box<dyn Future<Output = ()> + '_>> {
        std::thread::sleep(by);
        Box::pin(std::future::ready(()))
    }
}

/// What a breaker's caller hears of an error: `None` is a refusal.
fn answer(result: Result<(), Option<Failure>>) -> Answer {
    match result {
        Ok(()) => Answer::Succeeded,
        Err(Some(failure)) => Answer::Failed(failure),
        Err(None) => Answer::Refused { retry_after: None },
    }
}
