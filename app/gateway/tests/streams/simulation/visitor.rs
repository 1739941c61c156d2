//! A client with habits: it reads for a while, leaves, comes back to where it was, sometimes stops the answer.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use fastrand::Rng;
use steadfast_contract::stream_log::{LogItem, StreamState};
use steadfast_gateway::{Keep, ReadFrom};

use super::trace::Trace;
use crate::{client::Client, stage::Stage};

pub(super) struct Visitor {
    pub(super) stage: Arc<Stage>,
    pub(super) chance: Rng,
    pub(super) keep: Keep,
    pub(super) trace: Arc<Mutex<Trace>>,
}

/// A stream as its visitor saw it.
pub(super) struct Visited {
    pub(super) id: String,
    pub(super) state: StreamState,
    /// What the visitor has at the end; `None` when it was not told everything.
    pub(super) text: Option<String>,
}

impl Visitor {
    /// Until the stream has ended, or nothing of it is left for this visitor.
    pub(super) async fn visit(mut self) -> Option<Visited> {
        let handle = self.stage.start("ann", self.keep).ok()?;
        let id = handle.id().to_owned();
        let (gateway, checker) = (&self.stage.gateway, &self.stage.checker);
        let mut client = Client::over(gateway, checker, "ann", handle.into_reader(), ReadFrom::Start);
        let mut text = String::new();
        loop {
            let patience = self.chance.u64(1..30);
            for _ in 0..patience {
                match client.next().await {
                    None => {
                        let state = client.rest().await;
                        return Some(Visited { id, state, text: Some(text) });
                    }
                    Some(LogItem::Frame(numbered)) => {
                        if numbered.frame.data.starts_with(b"{\"seam\"") {
                            self.saw("seam");
                        }
                    }
                    Some(LogItem::Snapshot(_)) => {
                        text.clear();
                        self.saw("snapshot");
                    }
                }
                text.push_str(&std::mem::take(&mut client.text));
                if self.chance.u8(0..10) == 0 {
                    tokio::time::sleep(Duration::from_millis(self.chance.u64(0..3_000))).await;
                }
            }
            match self.chance.u8(0..12) {
                0 => {
                    let state = self.stage.gateway.cancel_stream(&id, "ann").await.ok()?;
                    self.stage.checker.ended(&id, &state);
                    self.saw("stopped");
                    return Some(Visited { id, state, text: None });
                }
                1..4 => {
                    let after = client.after;
                    drop(client);
                    tokio::time::sleep(Duration::from_millis(self.chance.u64(0..15_000))).await;
                    self.saw("came back");
                    let from = if self.chance.u8(0..6) == 0 { ReadFrom::Snapshot } else { ReadFrom::After(after) };
                    let back = Client::attach(&self.stage.gateway, &self.stage.checker, (&id, "ann"), from);
                    client = back.ok()?;
                }
                _ => {}
            }
        }
    }

    fn saw(&self, what: &str) {
        self.trace.lock().unwrap().saw(what);
    }
}
