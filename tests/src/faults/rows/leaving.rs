//! Clients that leave, sleep, or read slowly. From the client's close to the moment the upstream sees its own line
//! close, by the machine's one clock, to the millisecond.

use std::time::Duration;

use futures_util::{FutureExt as _, future::LocalBoxFuture};
use serde_json::Value;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpSocket,
};

use super::{Row, quiet, row};
use crate::{
    faults::{
        outcome::{Outcome, Promise},
        reader::Leave,
        stage::{Chain, Delivery, Stage, Way, key},
    },
    until,
};

pub(super) const COMPARED: &[Row] = &[
    quiet("e1", "the client leaves after 10 words of a stream (20 times)", || {
        leaves("SCN-long", Delivery::Stream, Leave::AfterWords(10))
    }),
    quiet("e2", "the client leaves 0.5 s into a 30 s JSON answer (20 times)", || {
        leaves("SCN-json30", Delivery::Json, Leave::After(Duration::from_millis(500)))
    }),
    quiet("e3", "the client leaves before the first byte of a stream (20 times)", || {
        leaves("SCN-hang", Delivery::Stream, Leave::After(Duration::from_millis(500)))
    }),
];

pub(super) const ROWS: &[Row] = &[row("30", "a client reads one byte a second", || reads_slowly().boxed_local())];

fn leaves(scenario: &'static str, delivery: Delivery, leave: Leave) -> LocalBoxFuture<'static, Outcome> {
    async move {
        let stage = Stage::set(Chain::Alone, Way::Straight).await;
        let mut waits = vec![];
        for _ in 0..20 {
            let scenario = key(scenario);
            let mut question = stage.question(&scenario, delivery);
            question.leave = leave;
            let received = question.ask(stage.house.address).await;
            let call = until("the upstream seeing its client leave", Duration::from_secs(30), async || {
                stage
                    .a
                    .calls()
                    .await
                    .into_iter()
                    .find(|call| call["scenario"] == *scenario && call["ended_ms"].is_u64())
            })
            .await;
            waits.push(call["ended_ms"].as_u64().unwrap_or(u64::MAX).saturating_sub(received.ended_ms));
        }
        waits.sort_unstable();
        let (half, worst) = (waits[waits.len() / 2], waits[waits.len() - 1]);
        let mut outcome = Outcome {
            received: "-".to_owned(),
            calls: format!("A={}", stage.a.calls().await.len()),
            time: format!("cancel p50 {half} ms, max {worst} ms"),
            ..Outcome::default()
        };
        outcome.check(half <= 5, || "p50 over 5 ms".to_owned());
        outcome.check(worst <= 100, || "worst over 100 ms".to_owned());
        outcome
    }
    .boxed_local()
}

/// Its own stream is all that suffers: somebody else is answered as fast as ever, and memory is bounded.
async fn reads_slowly() -> Outcome {
    let stage = Stage::set(Chain::Alone, Way::Straight).await;
    let before = stage.house.program().memory_mib();
    let question = stage.question(&key("SCN-forever"), Delivery::Stream).body.to_string();
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.set_recv_buffer_size(4096).expect("a small buffer");
    let mut slow = socket.connect(stage.house.address).await.expect("the house accepts");
    let head = format!(
        "POST /v1/chat/completions HTTP/1.1\r\nhost: {}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
        stage.house.address,
        question.len()
    );
    slow.write_all((head + &question).as_bytes()).await.expect("the house reads");
    for _ in 0..5 {
        slow.read_u8().await.ok(); // one that is cut off has nothing to read
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    let other = stage.ask(&key("SCN-ok"), Delivery::Stream).await;
    let after = stage.house.program().memory_mib();
    drop(slow);
    let calls: Vec<Value> = stage.a.calls().await;
    let mut outcome = Outcome::of(&other, &stage.calls().await, Promise::Whole).within(&other, Duration::from_secs(2));
    outcome.received = format!("another client: {}", outcome.received);
    outcome.calls = format!("A={}", calls.len());
    outcome.time = format!("{}; memory {before} to {after} MiB", outcome.time);
    outcome.check(after < before + 30, || "memory grew by more than 30 MiB".to_owned());
    outcome
}
