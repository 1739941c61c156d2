//! `POST /v1/embeddings`: passed on to whoever has the model, word for word.

use serde::{Deserialize, de::IgnoredAny};
use steadfast_gateway::EmbedCall;
use steadfast_wire::{json, question::Wanted};

use super::{caller::Caller, leaving::Leaving, whole};
use crate::{error_reply::Reply, routes::body::JsonBytes};

#[derive(Debug, Deserialize)]
struct Embeddings {
    model: String,
    #[serde(rename = "input")]
    _input: IgnoredAny,
}

pub(in crate::routes) async fn create(caller: Caller, JsonBytes(body): JsonBytes) -> Reply {
    let asked: Embeddings = json::decode(&body)?;
    let leaving = Leaving::new(&caller.house.asking);
    let call = EmbedCall {
        model: asked.model,
        body,
        request_id: caller.id.as_str().to_owned(),
        deadline: caller.patience(Wanted::Whole),
        token: leaving.token().clone(),
    };
    Ok(whole::json(caller.gateway().await?.embed(call).await?))
}
