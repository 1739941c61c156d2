//! Runs: read, follow from any place, stop, hurry, put away. Losing a reader never stops a run.

use std::{sync::Arc, time::Duration};

use axum::{
    extract::{Path, Query, State},
    response::IntoResponse,
};
use bytes::Bytes;
use futures_core::Stream;
use futures_util::stream;
use http::{HeaderMap, StatusCode};
use serde::Deserialize;
use steadfast::{CancelReason, Error};
use steadfast_gateway::Follow;
use tracing::warn;

use super::{body::Json, sse};
use crate::{
    error_reply::{PARAM, Refusal, Reply},
    house::House,
};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Stop {
    reason: CancelReason,
}

#[derive(Debug, Deserialize)]
pub(super) struct Cursor {
    after: Option<String>,
}

pub(super) async fn one(State(house): State<Arc<House>>, Path(id): Path<String>) -> Reply {
    Ok(axum::Json(house.gateway().await?.run(&id).await?).into_response())
}

pub(super) async fn events(
    State(house): State<Arc<House>>,
    Path(id): Path<String>,
    Query(cursor): Query<Cursor>,
    headers: HeaderMap,
) -> Reply {
    let gateway = house.gateway().await?;
    let after = cursor.place(&headers)?;
    let run = gateway.run(&id).await?;
    if run.state.is_end() && run.seq <= after {
        return Ok(StatusCode::NO_CONTENT.into_response());
    }
    let frames = frames(gateway.follow(&id, after).await?);
    let beating = sse::with_heartbeats(frames, HEARTBEAT, house.clock.clone(), || sse::comment("alive"));
    Ok(sse::response(sse::until(&house.token, beating)))
}

pub(super) async fn stop(State(house): State<Arc<House>>, Path(id): Path<String>, Json(stop): Json<Stop>) -> Reply {
    if !PEOPLE_STOP_FOR.contains(&stop.reason) {
        let names = PEOPLE_STOP_FOR.map(|reason| reason.as_str()).join(", ");
        return Err(Refusal::from(
            Error::validation(format!("`reason` is not valid: it is one of {names}.")).with_detail(PARAM, "reason"),
        ));
    }
    Ok(axum::Json(house.gateway().await?.stop(&id, stop.reason).await?).into_response())
}

pub(super) async fn try_now(State(house): State<Arc<House>>, Path(id): Path<String>) -> Reply {
    Ok((StatusCode::ACCEPTED, axum::Json(house.gateway().await?.try_now(&id).await?)).into_response())
}

pub(super) async fn dismiss(State(house): State<Arc<House>>, Path(id): Path<String>) -> Reply {
    Ok(axum::Json(house.gateway().await?.dismiss(&id).await?).into_response())
}

impl Cursor {
    /// A browser that reconnects sends `Last-Event-ID`, which is newer than the address it began with.
    fn place(&self, headers: &HeaderMap) -> Result<u64, Error> {
        let (member, place) = match headers.get("last-event-id") {
            Some(id) => ("Last-Event-ID", id.to_str().ok()),
            None => ("after", Some(self.after.as_deref().unwrap_or("0"))),
        };
        let wrong = || {
            Error::validation(format!("`{member}` is not valid: it is the number of an event."))
                .with_detail(PARAM, member)
        };
        place.and_then(|place| place.parse().ok()).ok_or_else(wrong)
    }
}

/// Ends early when the log cannot be read: the reader comes back with its place, and is told then.
fn frames(follow: Follow) -> impl Stream<Item = Bytes> + Send {
    stream::unfold(follow, |mut follow| async move {
        let event = follow.next().await.inspect_err(|error| warn!(%error, "cannot read a run's log")).ok()??;
        Some((sse::data(Some(event.seq), &event), follow))
    })
}

const HEARTBEAT: Duration = Duration::from_secs(5);
const PEOPLE_STOP_FOR: [CancelReason; 3] =
    [CancelReason::UserStop, CancelReason::RouteChange, CancelReason::ModelSwitch];
