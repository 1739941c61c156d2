//! `GET /v1/models`: every name that can be asked for, tiers and aliases too; our own facts under `steadfast`.

use std::sync::Arc;

use axum::{
    extract::{Path, State},
    response::IntoResponse,
};
use serde_json::{Value, json};
use steadfast::Error;
use steadfast_gateway::Listed;

use crate::{error_reply::Reply, house::House};

pub(in crate::routes) async fn list(State(house): State<Arc<House>>) -> Reply {
    let names = names(&house).await?;
    Ok(axum::Json(json!({ "object": "list", "data": names })).into_response())
}

pub(in crate::routes) async fn one(State(house): State<Arc<House>>, Path(id): Path<String>) -> Reply {
    let found = names(&house).await?.into_iter().find(|name| name["id"] == id.as_str());
    Ok(axum::Json(found.ok_or_else(|| Error::not_found("model", &id))?).into_response())
}

async fn names(house: &House) -> Result<Vec<Value>, Error> {
    let created = house.started_ms / 1000;
    let listed = house.gateway().await?.route_names();
    Ok(listed
        .iter()
        .flat_map(|model| std::iter::once(&model.id).chain(&model.aliases).map(|name| entry(name, model, created)))
        .collect())
}

fn entry(name: &str, model: &Listed, created: u64) -> Value {
    let alias_of = (name != model.id).then_some(&model.id);
    json!({
        "id": name,
        "object": "model",
        "created": created,
        "owned_by": model.owned_by,
        "steadfast": {
            "alias_of": alias_of,
            "aliases": model.aliases,
            "status": model.status,
            "continuation": model.continuation.as_str(),
            "continuation_found": model.continuation_found_ms.map(|found_ms| found_ms / 1000),
        },
    })
}
