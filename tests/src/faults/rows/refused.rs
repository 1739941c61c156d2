//! Upstreams that say no: overloaded, limited, out of credit, a bad key, a question that is too long.

use futures_util::FutureExt as _;

use super::{Row, asked, row};
use crate::faults::{
    outcome::{Outcome, Promise},
    stage::{Chain, Delivery, Stage, Way, key},
};

pub(super) const COMPARED: &[Row] = &[
    row("a1", "503 twice, then well; JSON; alone", || {
        async { asked("SCN-503x2", Delivery::Json, Chain::Alone, Promise::Whole).await.at_most(3).within(5.0).outcome }
            .boxed_local()
    }),
    row("a2", "503 twice, then well; stream; alone", || {
        async {
            asked("SCN-503x2", Delivery::Stream, Chain::Alone, Promise::Whole).await.at_most(3).within(6.0).outcome
        }
        .boxed_local()
    }),
    row("a3", "503 three times; JSON; fallback", || {
        async {
            asked("SCN-503x3", Delivery::Json, Chain::Verified, Promise::Whole).await.at_most(2).within(1.0).outcome
        }
        .boxed_local()
    }),
    row("a4", "503 always; stream; fallback", || {
        async {
            asked("SCN-503", Delivery::Stream, Chain::Verified, Promise::Whole).await.at_most(2).within(2.5).outcome
        }
        .boxed_local()
    }),
];

pub(super) const LIMITED: &[Row] = &[
    row("d1", "429 Retry-After 2 once; JSON; alone", || {
        async {
            asked("SCN-429", Delivery::Json, Chain::Alone, Promise::Whole)
                .await
                .at_most(2)
                .waited(1.99)
                .within(4.0)
                .outcome
        }
        .boxed_local()
    }),
    row("d2", "429 Retry-After 2 once; JSON; fallback", || {
        async { asked("SCN-429", Delivery::Json, Chain::Verified, Promise::Whole).await.at_most(1).within(1.0).outcome }
            .boxed_local()
    }),
    row("d3", "429 Retry-After 2 once; stream; alone", || {
        async {
            asked("SCN-429", Delivery::Stream, Chain::Alone, Promise::Whole)
                .await
                .at_most(2)
                .waited(1.99)
                .within(5.0)
                .outcome
        }
        .boxed_local()
    }),
];

pub(super) const ROWS: &[Row] = &[
    row("6 (500)", "500 before the first word; stream; fallback", || before_the_first("SCN-500").boxed_local()),
    row("6 (502)", "502 with a proxy's page; stream; fallback", || before_the_first("SCN-502html").boxed_local()),
    row("6 (503)", "503 before the first word; stream; fallback", || before_the_first("SCN-503").boxed_local()),
    row("6 (504)", "504 before the first word; stream; fallback", || before_the_first("SCN-504").boxed_local()),
    row("7", "529 overloaded; stream; fallback", || before_the_first("SCN-529").boxed_local()),
    row("8", "429 Retry-After 2; three questions at once; alone", || three_limited().boxed_local()),
    row("9", "429 Retry-After 3600; fallback", || {
        async {
            asked("SCN-429long", Delivery::Json, Chain::Verified, Promise::Whole).await.at_most(1).within(1.0).outcome
        }
        .boxed_local()
    }),
    row("9 (alone)", "429 Retry-After 3600; alone", || {
        async {
            let mut played = asked("SCN-429long", Delivery::Json, Chain::Alone, Promise::Typed)
                .await
                .at_most(1)
                .within(1.0)
                .status(429);
            let wait = played.received.header("retry-after").and_then(|wait| wait.parse::<u64>().ok());
            played.outcome.check(wait.is_some_and(|wait| wait > 3000), || format!("Retry-After {wait:?}"));
            let again = played.received.header("x-should-retry");
            played.outcome.check(again == Some("false"), || format!("x-should-retry {again:?}"));
            played.outcome
        }
        .boxed_local()
    }),
    row("8 (quota)", "429 insufficient_quota; alone", || {
        async {
            asked("SCN-429quota", Delivery::Json, Chain::Alone, Promise::Typed).await.at_most(1).within(1.0).outcome
        }
        .boxed_local()
    }),
    row("10", "401; five questions; alone", || bad_key().boxed_local()),
    row("10 (fallback)", "401; fallback", || {
        async {
            asked("SCN-401", Delivery::Json, Chain::Verified, Promise::WholeOrTyped)
                .await
                .at_most(1)
                .within(1.0)
                .outcome
        }
        .boxed_local()
    }),
    row("11", "402 out of credit; alone", || {
        async { asked("SCN-402", Delivery::Json, Chain::Alone, Promise::Typed).await.at_most(1).within(1.0).outcome }
            .boxed_local()
    }),
    row("12", "400 context length; alone", || {
        async {
            asked("SCN-ctx", Delivery::Json, Chain::Alone, Promise::Typed)
                .await
                .at_most(1)
                .within(1.0)
                .status(400)
                .outcome
        }
        .boxed_local()
    }),
];

async fn before_the_first(scenario: &str) -> Outcome {
    asked(scenario, Delivery::Stream, Chain::Verified, Promise::Whole).await.at_most(2).within(3.0).outcome
}

/// Waiting for a limit is no failure: all three are answered, and none is sent before the time.
async fn three_limited() -> Outcome {
    let stage = Stage::set(Chain::Alone, Way::Straight).await;
    let (first, second, third) = (key("SCN-429"), key("SCN-429"), key("SCN-429"));
    let (first, second, third) = tokio::join!(
        stage.ask(&first, Delivery::Json),
        stage.ask(&second, Delivery::Json),
        stage.ask(&third, Delivery::Json)
    );
    let calls = stage.calls().await;
    let mut outcome = Outcome::of(&first, &calls, Promise::Whole).within(&first, std::time::Duration::from_secs(7));
    for other in [second, third] {
        let other = Outcome::of(&other, &calls, Promise::Whole);
        outcome.received = format!("{}<br>{}", outcome.received, other.received);
        outcome.misses.extend(other.misses);
        outcome.lies.extend(other.lies);
    }
    outcome.at_most(&calls, 6)
}

/// A refused key is not tried again and again.
async fn bad_key() -> Outcome {
    let stage = Stage::set(Chain::Alone, Way::Straight).await;
    let mut outcome = Outcome::default();
    for _ in 0..5 {
        let received = stage.ask(&key("SCN-401"), Delivery::Json).await;
        outcome = Outcome::of(&received, &stage.calls().await, Promise::Typed);
    }
    outcome.at_most(&stage.calls().await, 1)
}
