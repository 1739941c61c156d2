//! `/v1/streams`: an answer read again from any place, stopped, or found in a list. Losing a reader of these never
//! stops an answer that was asked for as resumable.

mod cursor;

use std::{sync::Arc, time::Duration};

use axum::{
    extract::{Path, Query, State},
    response::IntoResponse,
};
use bytes::{Bytes, BytesMut};
use futures_core::Stream;
use futures_util::{StreamExt as _, stream};
use http::{HeaderMap, StatusCode};
use serde_json::{Value, json};
use steadfast_contract::stream_log::{LogItem, StreamState};
use steadfast_gateway::{Kept, ReadFrom, StreamInfo, StreamReader};

use self::cursor::{Cursor, Place};
use super::sse;
use crate::{error_reply::Reply, house::House};

/// What somebody gets who has fallen behind what the log still has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum WhenBehind {
    /// Everything so far in one frame, which replaces what was there.
    Snapshot,
    /// The line ends, without a good end's marker: for protocols that cannot take anything back. It can be resumed.
    End,
    /// Only what comes after it: for protocols whose last event has everything in it.
    Rest,
}

pub(super) async fn read(
    State(house): State<Arc<House>>,
    Path(id): Path<String>,
    Query(cursor): Query<Cursor>,
    headers: HeaderMap,
) -> Reply {
    let gateway = house.gateway().await?;
    let place = cursor.place(&headers)?;
    if let Place::After { epoch: Some(epoch), seq } = place {
        gateway.check_stream_place(&id, PRINCIPAL, epoch, seq)?;
    }
    let from = match place {
        Place::Start => ReadFrom::Start,
        Place::After { seq, .. } => ReadFrom::After(seq),
        Place::Snapshot => ReadFrom::Snapshot,
    };
    let mut reader = gateway.read_stream(&id, PRINCIPAL, from)?;
    if reader.is_done() {
        return Ok(StatusCode::NO_CONTENT.into_response());
    }
    let frames = stream::iter([sse::retry_after(RETRY)]).chain(frames(reader, WhenBehind::Snapshot));
    let beating = sse::with_heartbeats(frames, HEARTBEAT, house.clock.clone(), || sse::comment("hb"));
    Ok(sse::response(sse::until(&house.token, beating)))
}

pub(super) async fn cancel(State(house): State<Arc<House>>, Path(id): Path<String>) -> Reply {
    let state = house.gateway().await?.cancel_stream(&id, PRINCIPAL).await?;
    Ok(axum::Json(with_state(json!({ "id": id }), &state)).into_response())
}

pub(super) async fn list(State(house): State<Arc<House>>) -> Reply {
    let streams = house.gateway().await?.live_streams(PRINCIPAL);
    let data: Vec<Value> = streams.iter().map(shown).collect();
    Ok(axum::Json(json!({ "object": "list", "data": data })).into_response())
}

/// A log as the bytes of server-sent events; what is there at the same moment goes out in one piece.
pub(super) fn frames(reader: StreamReader, behind: WhenBehind) -> impl Stream<Item = Bytes> + Send {
    // In a box: an unfolded state is moved twice for every frame.
    stream::unfold(Some(Box::new(reader)), move |reader| async move {
        let mut reader = reader?;
        let mut bytes = BytesMut::new();
        let mut next = reader.next().await;
        while let Some(item) = next {
            if behind == WhenBehind::End && matches!(item, LogItem::Snapshot(_)) {
                return (!bytes.is_empty()).then(|| (bytes.freeze(), None));
            }
            if behind != WhenBehind::Rest || matches!(item, LogItem::Frame(_)) {
                sse::log_item(&mut bytes, &item);
            }
            if bytes.len() >= AT_ONCE {
                break;
            }
            next = reader.now();
        }
        (!bytes.is_empty()).then(|| (bytes.freeze(), Some(reader)))
    })
}

fn shown(info: &StreamInfo) -> Value {
    let shown = json!({
        "object": "stream",
        "id": info.id,
        "model": info.model,
        "created": info.started_ms / 1000,
        "last_event_id": (info.seq > 0).then(|| format!("{}-{}", info.epoch, info.seq)),
        "readers": info.readers,
        "kept": info.kept == Kept::Yes,
    });
    with_state(shown, &info.state)
}

fn with_state(mut shown: Value, state: &StreamState) -> Value {
    shown["status"] = state.as_str().into();
    if let Some(reason) = state.reason() {
        shown["reason"] = reason.into();
    }
    shown
}

/// Whose streams these are. The house has no keys of its own, so whoever may speak to it is the one local user; with
/// keys it becomes the key's hash.
pub(super) const PRINCIPAL: &str = "local";
const HEARTBEAT: Duration = Duration::from_secs(10);
const RETRY: Duration = Duration::from_secs(1);
/// As much as one packet's worth of small frames; more would only delay the first of them.
const AT_ONCE: usize = 8 * 1024;

#[cfg(test)]
mod tests;
