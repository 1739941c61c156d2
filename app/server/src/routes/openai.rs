//! `POST /v1/chat/completions`, as the official clients speak it.
//!
//! The status code stays ours to choose until the first content is there, or until a streaming client would lose
//! patience; from then on it is a stream, and an error is its last frame. Whoever leaves cancels the answer.

mod leaving;
pub(super) mod models;
mod request;
mod stream;
mod whole;

use std::{sync::Arc, time::Duration};

use axum::{Extension, extract::State, response::IntoResponse};
use http::HeaderMap;
use steadfast_contract::{chat::ChatRequest, provider::Delivery};
use steadfast_gateway::ChatAsk;

use self::{leaving::Leaving, request::ChatCompletion};
use super::body::Json;
use crate::{edge::RequestId, error_reply::Reply, house::House};

pub(super) async fn completions(
    State(house): State<Arc<House>>,
    Extension(id): Extension<RequestId>,
    headers: HeaderMap,
    Json(request): Json<ChatCompletion>,
) -> Reply {
    let gateway = house.gateway().await?;
    let leaving = Leaving::new(&house.asking);
    let (wanted, ask) = request.check(Caller { headers: &headers, id: &id, leaving: &leaving })?;
    if wanted.streams {
        stream::answer(house, gateway, ask, leaving, wanted, id).await
    } else {
        Ok(axum::Json(whole::answer(&house, &gateway, ask, leaving).await?).into_response())
    }
}

/// Who asks, as the headers tell.
struct Caller<'a> {
    headers: &'a HeaderMap,
    id: &'a RequestId,
    leaving: &'a Leaving,
}

impl Caller<'_> {
    /// How long the caller will wait for a whole answer. A margin is taken off, so that our word comes before the
    /// caller gives up.
    fn patience(&self) -> Option<Duration> {
        let number = |name: &str| self.headers.get(name)?.to_str().ok()?.parse::<f64>().ok();
        let seconds = ["x-stainless-read-timeout", "x-stainless-timeout"].into_iter().filter_map(number);
        let all = seconds.chain(number("x-steadfast-timeout-ms").map(|ms| ms / 1000.0));
        let shortest = all.filter(|seconds| *seconds > 0.0).min_by(f64::total_cmp)?;
        Some(Duration::try_from_secs_f64(shortest * 0.95).unwrap_or(Duration::MAX))
    }

    fn ask(&self, model: String, delivery: Delivery, patience: Option<Duration>) -> ChatAsk {
        ChatAsk {
            request: ChatRequest { model, ..ChatRequest::default() },
            delivery,
            request_id: self.id.as_str().to_owned(),
            deadline: patience,
            session: None,
            token: self.leaving.token().clone(),
        }
    }
}
