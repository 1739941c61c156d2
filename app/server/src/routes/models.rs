//! Models: where each is in its life, and the doors that move it. Remote models have a state, but no doors here.

use std::sync::Arc;

use axum::{
    extract::{Path, State},
    response::{IntoResponse, Response},
};
use http::StatusCode;
use serde::Deserialize;
use serde_json::json;
use steadfast::{CancelReason, Error};
use steadfast_contract::model::{ModelInfo, ModelPhase, ModelStatus};

use super::body::Json;
use crate::{
    error_reply::Reply,
    house::{House, Rooms},
};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Cancel {
    reason: CancelReason,
}

pub(super) async fn list(State(house): State<Arc<House>>) -> Reply {
    let rooms = house.rooms().await?;
    let local = rooms.gateway.models().list();
    let models: Vec<_> = local.into_iter().chain(remote(&rooms)).collect();
    Ok(axum::Json(json!({ "models": models })).into_response())
}

pub(super) async fn one(State(house): State<Arc<House>>, Path(id): Path<String>) -> Reply {
    let rooms = house.rooms().await?;
    let local = rooms.gateway.models().status(&id);
    let status = local
        .or_else(|| remote(&rooms).find(|status| status.info.id == id))
        .ok_or_else(|| Error::not_found("model", &id))?;
    Ok(show(status))
}

/// Joins a load that is under way.
pub(super) async fn load(State(house): State<Arc<House>>, Path(id): Path<String>) -> Reply {
    let status = house.gateway().await?.models().load(&id)?;
    Ok((StatusCode::ACCEPTED, show(status)).into_response())
}

pub(super) async fn cancel(
    State(house): State<Arc<House>>,
    Path(id): Path<String>,
    Json(cancel): Json<Cancel>,
) -> Reply {
    Ok(show(house.gateway().await?.models().cancel(&id, cancel.reason)?))
}

pub(super) async fn unload(State(house): State<Arc<House>>, Path(id): Path<String>) -> Reply {
    Ok(show(house.gateway().await?.models().unload(&id).await?))
}

pub(super) async fn reset(State(house): State<Arc<House>>, Path(id): Path<String>) -> Reply {
    Ok(show(house.gateway().await?.models().reset(&id)?))
}

pub(super) async fn remove(State(house): State<Arc<House>>, Path(id): Path<String>) -> Reply {
    Ok(show(house.gateway().await?.models().remove(&id).await?))
}

fn show(status: ModelStatus) -> Response {
    axum::Json(status).into_response()
}

fn remote(rooms: &Rooms) -> impl Iterator<Item = ModelStatus> {
    rooms.upstreams.iter().flat_map(|upstream| upstream.models()).map(always_ready)
}

/// What is known about a remote model without asking it.
fn always_ready(info: ModelInfo) -> ModelStatus {
    ModelStatus {
        info,
        phase: ModelPhase::Ready,
        progress: None,
        error: None,
        note: None,
        on_disk: false,
        does_not_fit: None,
        resting_seconds: None,
    }
}
