//! The routes, one file a face. Handlers are thin: decode, ask the gateway, encode.

mod body;
mod conversations;
mod health;
mod ids;
mod live;
mod messages;
mod models;
mod page;
mod runs;
mod sse;
mod streams;
mod v1;

use std::sync::Arc;

use axum::{
    Router,
    routing::{get, patch, post},
};
use steadfast::Error;

use crate::{edge, error_reply::Refusal, house::House};

pub(crate) fn router(house: Arc<House>) -> Router {
    Router::new()
        .route("/v1/models", get(v1::models::list))
        .route("/v1/models/{*id}", get(v1::models::one))
        .route("/v1/chat/completions", post(v1::chat_completions::complete))
        .route("/v1/messages", post(v1::messages::create))
        .route("/v1/messages/count_tokens", post(v1::messages::count_tokens))
        .route("/v1/responses", post(v1::responses::create))
        .route("/v1/responses/{id}", get(v1::responses::read))
        .route("/v1/responses/{id}/cancel", post(v1::responses::cancel))
        .route("/v1/embeddings", post(v1::embeddings::create))
        .route("/v1/streams", get(streams::list))
        .route("/v1/streams/{id}", get(streams::read).delete(streams::cancel))
        .route("/v1/streams/{id}/cancel", post(streams::cancel))
        .route("/api/models", get(models::list))
        .route("/api/models/{id}", get(models::one))
        .route("/api/models/{id}/load", post(models::load))
        .route("/api/models/{id}/cancel", post(models::cancel))
        .route("/api/models/{id}/unload", post(models::unload))
        .route("/api/models/{id}/reset", post(models::reset))
        .route("/api/models/{id}/remove", post(models::remove))
        .route("/api/conversations", get(conversations::list).post(conversations::create))
        .route(
            "/api/conversations/{id}",
            get(conversations::one).patch(conversations::rename).delete(conversations::delete),
        )
        .route("/api/conversations/{id}/restore", post(conversations::restore))
        .route("/api/conversations/{id}/messages", post(messages::send))
        .route("/api/messages/{id}", patch(messages::edit).delete(messages::remove))
        .route("/api/messages/{id}/send-now", post(messages::send_now))
        .route("/api/messages/{id}/runs", post(messages::run_again))
        .route("/api/runs/{id}", get(runs::one))
        .route("/api/runs/{id}/events", get(runs::events))
        .route("/api/runs/{id}/stop", post(runs::stop))
        .route("/api/runs/{id}/try-now", post(runs::try_now))
        .route("/api/runs/{id}/dismiss", post(runs::dismiss))
        .route("/api/events", get(live::events))
        .route("/livez", get(health::live))
        .route("/readyz", get(health::ready))
        .route("/healthz", get(health::report))
        .route("/health", get(health::report))
        .fallback(page::serve)
        .method_not_allowed_fallback(async || Refusal::from(Error::new(edge::code::METHOD_NOT_ALLOWED)))
        .with_state(house)
}

#[cfg(test)]
mod tests;
