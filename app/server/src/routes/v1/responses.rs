//! `/v1/responses`: asked, read again from any event, looked up, stopped. A response in the background goes on without
//! a reader; every other one lives in its stream, and can be looked up while the stream is kept.

use std::sync::Arc;

use axum::{
    extract::{Path, Query, State},
    response::{IntoResponse, Response},
};
use serde::Deserialize;
use serde_json::Value;
use steadfast::Error;
use steadfast_contract::stream_log::LogItem;
use steadfast_gateway::{ChatAsk, Gateway, Keep, ReadFrom};
use steadfast_wire::{
    answer::Marked,
    question::Wanted,
    responses::{
        answer::write::{Writer, queued, whole},
        question::read::{Ground, Question, read as read_question},
    },
};

use super::{
    caller::{Caller, new_id},
    head,
    leaving::Leaving,
    stream, whole as in_one_piece,
};
use crate::{
    error_reply::{PARAM, Reply, Shape},
    house::House,
    routes::{
        body::JsonBytes,
        sse,
        streams::{self, PRINCIPAL, WhenBehind},
    },
};

pub(in crate::routes) async fn create(caller: Caller, JsonBytes(body): JsonBytes) -> Reply {
    let Question { request, wanted, ground, echo } = read_question(body.clone())?;
    let gateway = caller.gateway().await?;
    let (id, asked_for, clock) = (new_id(PREFIX), request.model.clone(), caller.house.clock.clone());
    let setting = || caller.setting(id.clone(), &asked_for, Some(id.clone()), Shape::OpenAi);
    let streamed = |request| {
        let ask = caller.ask(request, Wanted::Stream, &caller.house.asking)?;
        // What goes on without its reader is nobody else's.
        let cache = ask.cache.filter(|_| ground == Ground::Foreground);
        Ok::<_, Error>(ChatAsk { cache, ..ask })
    };
    match (wanted, ground) {
        (Wanted::Stream, ground) => {
            let mut spec = caller.spec(&id, &body)?;
            if ground == Ground::Background {
                spec.keep = Keep::Background;
            }
            let writer = Box::new(Marked::new(Writer::new(setting(), echo)));
            stream::answer(gateway, clock, streamed(request)?, spec, writer).await
        }
        (Wanted::Whole, Ground::Background) => {
            let mut spec = caller.spec(&id, &body)?;
            spec.keep = Keep::Background;
            let waiting = queued(setting(), echo.clone());
            let writer = Box::new(Writer::new(setting(), echo));
            let handle = gateway.start_stream(streamed(request)?, spec, writer)?;
            let kept = handle.kept().await;
            // The same request sent again finds what it began.
            if handle.id() == id {
                let mut response = axum::Json(waiting).into_response();
                head::says_kept(response.headers_mut(), kept);
                Ok(response)
            } else {
                look_up(&gateway, handle.id()).await
            }
        }
        (Wanted::Whole, Ground::Foreground) => {
            let leaving = Leaving::new(&caller.house.asking);
            let ask = caller.ask(request, wanted, leaving.token())?;
            let (key, mut setting) = (caller.idempotency(&body)?, setting());
            in_one_piece::answer(gateway, clock, ask, key, leaving, move |answer, model| {
                model.clone_into(&mut setting.identity.model);
                whole(answer, setting, echo)
            })
            .await
        }
    }
}

#[derive(Debug, Deserialize)]
pub(in crate::routes) struct Reading {
    stream: Option<bool>,
    starting_after: Option<String>,
}

pub(in crate::routes) async fn read(
    State(house): State<Arc<House>>,
    Path(id): Path<String>,
    Query(reading): Query<Reading>,
) -> Reply {
    is_ours(&id)?;
    let gateway = house.gateway().await?;
    if reading.stream != Some(true) {
        return look_up(&gateway, &id).await;
    }
    let reader = gateway.read_stream(&id, PRINCIPAL, reading.place()?)?;
    // An earlier process numbered its events otherwise; the last one has the whole response.
    let behind = if reader.is_of_an_earlier_process() { WhenBehind::Rest } else { WhenBehind::End };
    let frames = streams::frames(reader, behind);
    let beating = sse::with_heartbeats(frames, stream::HEARTBEAT, house.clock.clone(), || sse::comment("alive"));
    Ok(sse::response(sse::until(&house.token, beating)))
}

pub(in crate::routes) async fn cancel(State(house): State<Arc<House>>, Path(id): Path<String>) -> Reply {
    is_ours(&id)?;
    let gateway = house.gateway().await?;
    gateway.cancel_stream(&id, PRINCIPAL).await?;
    look_up(&gateway, &id).await
}

impl Reading {
    /// The protocol counts events from 0, the log from 1.
    fn place(&self) -> Result<ReadFrom, Error> {
        let Some(after) = &self.starting_after else { return Ok(ReadFrom::Start) };
        let number = after.parse::<u64>().ok().and_then(|number| number.checked_add(1));
        number.map(ReadFrom::After).ok_or_else(|| {
            Error::validation("`starting_after` is not valid: it is the `sequence_number` of an event.")
                .with_detail(PARAM, "starting_after")
        })
    }
}

/// The response as it stands.
async fn look_up(gateway: &Gateway, id: &str) -> Result<Response, crate::error_reply::Refusal> {
    let mut reader = gateway.read_stream(id, PRINCIPAL, ReadFrom::Snapshot)?;
    let response: Value = match reader.next().await {
        Some(LogItem::Snapshot(snapshot)) => snapshot.value,
        _ => return Err(Error::internal("a log gave no snapshot").into()),
    };
    Ok(axum::Json(response).into_response())
}

/// Other answers have streams too, and are no responses.
fn is_ours(id: &str) -> Result<(), Error> {
    if id.starts_with(PREFIX) { Ok(()) } else { Err(Error::not_found("response", id)) }
}

const PREFIX: &str = "resp_";
