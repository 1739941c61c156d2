//! `POST /v1/messages` and `/v1/messages/count_tokens`, as Anthropic's clients speak them. Their `anthropic-version` and
//! `anthropic-beta` go on to an upstream that speaks so too; their `x-api-key` is taken and means nothing here.

use axum::response::IntoResponse;
use http::{HeaderName, HeaderValue};
use serde_json::json;
use steadfast_wire::{
    answer::Marked,
    messages::{
        answer::write::{Writer, whole},
        question::read::{estimated_tokens, read, read_to_count},
    },
    question::Wanted,
};

use super::{
    anthropic_headers,
    caller::{Caller, new_id},
    leaving::Leaving,
    stream, whole as in_one_piece,
};
use crate::{
    error_reply::{Reply, Shape},
    routes::body::JsonBytes,
};

pub(in crate::routes) async fn create(caller: Caller, JsonBytes(body): JsonBytes) -> Reply {
    let mut question = read(body.clone())?;
    if let Some(source) = &mut question.request.source {
        source.headers = anthropic_headers::of(&caller.headers)?;
    }
    let gateway = caller.gateway().await?;
    let (id, asked_for, clock) = (new_id("msg_"), question.request.model.clone(), caller.house.clock.clone());
    match question.wanted {
        Wanted::Stream => {
            let spec = caller.spec(&new_id("rsp_"), &body)?;
            let setting = caller.setting(id, &asked_for, Some(spec.id.clone()), Shape::Anthropic);
            let ask = caller.ask(question.request, question.wanted, &caller.house.asking)?;
            stream::answer(gateway, clock, ask, spec, Box::new(Marked::new(Writer::new(setting)))).await
        }
        Wanted::Whole => {
            let leaving = Leaving::new(&caller.house.asking);
            let ask = caller.ask(question.request, question.wanted, leaving.token())?;
            let key = caller.idempotency(&body)?;
            in_one_piece::answer(gateway, clock, ask, key, leaving, move |answer, model| {
                whole(&answer, &caller.identity(id, model, None))
            })
            .await
        }
    }
}

/// An estimate, and it says so: the words of a model are known to whoever runs it.
pub(in crate::routes) async fn count_tokens(JsonBytes(body): JsonBytes) -> Reply {
    let question = read_to_count(body)?;
    let mut response = axum::Json(json!({ "input_tokens": estimated_tokens(&question.request) })).into_response();
    response.headers_mut().insert(COUNTED, HeaderValue::from_static("estimate"));
    Ok(response)
}

const COUNTED: HeaderName = HeaderName::from_static("x-steadfast-token-count");
