//! Conversations: list, make, read, rename, delete, take back.

use std::sync::Arc;

use axum::{
    extract::{Path, State},
    response::IntoResponse,
};
use http::StatusCode;
use serde::Deserialize;
use serde_json::json;
use steadfast_contract::store::Written;

use super::{body::Json, ids};
use crate::{error_reply::Reply, house::House};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NewConversation {
    id: String,
    #[serde(default)]
    title: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Rename {
    title: String,
}

pub(super) async fn list(State(house): State<Arc<House>>) -> Reply {
    let conversations = house.gateway().await?.conversations().await?;
    Ok(axum::Json(json!({ "conversations": conversations })).into_response())
}

pub(super) async fn create(State(house): State<Arc<House>>, Json(new): Json<NewConversation>) -> Reply {
    ids::check("id", &new.id)?;
    let written = house.gateway().await?.create_conversation(&new.id, &new.title).await?;
    let status = match &written {
        Written::New(_) => StatusCode::CREATED,
        Written::Already(_) => StatusCode::OK,
    };
    Ok((status, axum::Json(written.into_inner())).into_response())
}

pub(super) async fn one(State(house): State<Arc<House>>, Path(id): Path<String>) -> Reply {
    Ok(axum::Json(house.gateway().await?.conversation(&id).await?).into_response())
}

pub(super) async fn rename(State(house): State<Arc<House>>, Path(id): Path<String>, Json(to): Json<Rename>) -> Reply {
    Ok(axum::Json(house.gateway().await?.rename_conversation(&id, &to.title).await?).into_response())
}

pub(super) async fn delete(State(house): State<Arc<House>>, Path(id): Path<String>) -> Reply {
    house.gateway().await?.delete_conversation(&id).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

pub(super) async fn restore(State(house): State<Arc<House>>, Path(id): Path<String>) -> Reply {
    Ok(axum::Json(house.gateway().await?.restore_conversation(&id).await?).into_response())
}
