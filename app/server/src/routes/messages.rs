//! Messages: send, change before it is answered, answer again. Sending the same id twice is harmless.

use std::sync::Arc;

use axum::{
    extract::{Path, State},
    response::IntoResponse,
};
use http::StatusCode;
use serde::Deserialize;
use serde_json::json;
use steadfast_contract::chat::Sampling;
use steadfast_gateway::{NewRun, SendMessage};

use super::{body::Json, ids};
use crate::{error_reply::Reply, house::House};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Send {
    id: String,
    text: String,
    model: String,
    #[serde(default)]
    sampling: Sampling,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Edit {
    text: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Again {
    id: String,
    model: Option<String>,
    continues: Option<String>,
}

/// Answers when both the message and its run are on disk.
pub(super) async fn send(
    State(house): State<Arc<House>>,
    Path(conversation_id): Path<String>,
    Json(send): Json<Send>,
) -> Reply {
    ids::check("conversation", &conversation_id)?;
    ids::check("id", &send.id)?;
    let Send { id, text, model, sampling } = send;
    let written = house.gateway().await?.send(SendMessage { id, conversation_id, text, model, sampling }).await?;
    let (message, run) = written.into_inner();
    Ok((StatusCode::ACCEPTED, axum::Json(json!({ "message": message, "run": run }))).into_response())
}

pub(super) async fn edit(State(house): State<Arc<House>>, Path(id): Path<String>, Json(edit): Json<Edit>) -> Reply {
    Ok(axum::Json(house.gateway().await?.edit_message(&id, &edit.text).await?).into_response())
}

pub(super) async fn remove(State(house): State<Arc<House>>, Path(id): Path<String>) -> Reply {
    house.gateway().await?.remove_message(&id).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

pub(super) async fn send_now(State(house): State<Arc<House>>, Path(id): Path<String>) -> Reply {
    Ok((StatusCode::ACCEPTED, axum::Json(house.gateway().await?.send_now(&id).await?)).into_response())
}

pub(super) async fn run_again(
    State(house): State<Arc<House>>,
    Path(message_id): Path<String>,
    Json(again): Json<Again>,
) -> Reply {
    ids::check("id", &again.id)?;
    let run = NewRun { id: again.id, model: again.model, continues: again.continues };
    Ok((StatusCode::ACCEPTED, axum::Json(house.gateway().await?.run_again(&message_id, run).await?)).into_response())
}
