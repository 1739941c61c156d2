//! The one live line of the page: what changed, as it changes, and a heartbeat that carries the time.

use std::{sync::Arc, time::Duration};

use axum::extract::State;
use bytes::Bytes;
use futures_core::Stream;
use futures_util::stream;
use steadfast_contract::live::Live;
use steadfast_gateway::LiveReader;

use super::sse;
use crate::{error_reply::Reply, house::House};

pub(super) async fn events(State(house): State<Arc<House>>) -> Reply {
    let frames = frames(house.gateway().await?.live());
    let clock = house.clock.clone();
    let heartbeat = move || sse::data(None, &Live::Heartbeat { at_ms: clock.unix_ms() });
    let beating = sse::with_heartbeats(frames, HEARTBEAT, house.clock.clone(), heartbeat);
    Ok(sse::response(sse::until(&house.token, beating)))
}

fn frames(reader: LiveReader) -> impl Stream<Item = Bytes> + Send {
    stream::unfold(reader, |mut reader| async move {
        let live = reader.next().await.ok()?;
        Some((sse::data(None, &live), reader))
    })
}

const HEARTBEAT: Duration = Duration::from_secs(5);
