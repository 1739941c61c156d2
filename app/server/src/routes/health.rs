//! Is it alive, is it ready, how is it. Nothing here waits: a health report that hangs is worse than none.

use std::sync::Arc;

use axum::{
    extract::State,
    response::{IntoResponse, Response},
};
use serde_json::{Value, json};
use steadfast::{CancelReason, Error};
use steadfast_contract::model::{Failure, ModelPhase, ModelStatus};

use crate::{
    error_reply::Reply,
    house::{House, StoreHealth},
};

pub(super) async fn live() -> &'static str {
    "ok"
}

/// Ready means that something can be answered; a store that is away does not take that away.
pub(super) async fn ready(State(house): State<Arc<House>>) -> Reply {
    if house.is_draining() {
        return Err(Error::cancelled(CancelReason::Shutdown).into());
    }
    if house.rooms_now().is_none() {
        return Err(Error::unavailable("steadfast").with_message("Steadfast is still starting.").into());
    }
    Ok("ok".into_response())
}

pub(super) async fn report(State(house): State<Arc<House>>) -> Response {
    let rooms = house.rooms_now();
    let models = rooms.as_ref().map_or_else(Vec::new, |rooms| rooms.gateway.models().list());
    let store = house.store_health();
    let settings = house.settings_health();
    axum::Json(json!({
        "name": "steadfast",
        "status": verdict(&house, &models, &store),
        "version": env!("CARGO_PKG_VERSION"),
        "boot": house.boot,
        "uptime_seconds": (house.clock.now() - house.started).as_secs(),
        "models": models.iter().map(model).collect::<Vec<_>>(),
        "store": {
            "backend": rooms.map(|rooms| rooms.store_backend),
            "ok": store.trouble.is_none(),
            "error": store.trouble.as_deref().map(Failure::from),
        },
        "settings": {
            "ok": settings.trouble.is_empty(),
            "trouble": settings.trouble,
            "waiting_for_a_restart": settings.waiting_for_a_restart,
        },
    }))
    .into_response()
}

/// Degraded rather than lying.
fn verdict(house: &House, models: &[ModelStatus], store: &StoreHealth) -> &'static str {
    let starting = house.rooms_now().is_none();
    let failed = models.iter().any(|model| model.phase == ModelPhase::Failed);
    let unsettled = !house.settings_health().trouble.is_empty();
    if starting || failed || unsettled || store.trouble.is_some() || house.is_draining() { "degraded" } else { "ok" }
}

fn model(status: &ModelStatus) -> Value {
    json!({ "id": status.info.id, "phase": status.phase, "error": status.error.as_ref().map(|error| &error.code) })
}
