//! An answer as a stream, read from its log.
//!
//! All official clients take a stream that merely ends for a whole answer, so a broken one says so in its last frame.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use steadfast::Clock;
use steadfast_contract::{model::ModelHost, stream_log::AnswerWriter};
use steadfast_gateway::{ChatAsk, Gateway, StreamSpec};

use super::head;
use crate::{
    error_reply::Reply,
    routes::{
        sse,
        streams::{self, WhenBehind},
    },
};

pub(super) async fn answer(
    gateway: Arc<Gateway>,
    clock: Clock,
    ask: ChatAsk,
    spec: StreamSpec,
    writer: Box<dyn AnswerWriter>,
) -> Reply {
    let (models, asked_for, keep) = (Arc::clone(gateway.models()), ask.request.model.clone(), spec.keep);
    let mut handle = gateway.start_stream(ask, spec, writer)?;
    let opening = tokio::select! {
        biased;
        opened = handle.opened() => Some(opened?),
        // From here on the client needs to hear that we are alive, and the status code is given away.
        () = clock.sleep(EARLY_HEADERS) => None,
    };
    // What outlives this process is on disk before anybody hears of it.
    let kept = handle.kept().await;
    let (id, arrival) = (handle.id().to_owned(), handle.arrival());
    let frames = streams::frames(handle.into_reader(), WhenBehind::End);
    let beating = sse::with_heartbeats(frames, HEARTBEAT, clock, move || waiting(models.as_ref(), &asked_for));
    let mut response = sse::response(beating);
    head::says_where(response.headers_mut(), &id, keep, arrival);
    head::says_kept(response.headers_mut(), kept);
    if let Some(opening) = opening {
        head::says_who(response.headers_mut(), &opening.model, &opening.target, &opening.attempts);
        head::says_how_old(response.headers_mut(), opening.cached);
    }
    Ok(response)
}

/// The heartbeat: how far the model is when it is still loading.
fn waiting(models: &dyn ModelHost, asked_for: &str) -> Bytes {
    let is_asked_for =
        |info: &steadfast_contract::model::ModelInfo| info.id == asked_for || info.name.eq_ignore_ascii_case(asked_for);
    let progress =
        models.list().into_iter().find(|status| is_asked_for(&status.info)).and_then(|status| status.progress);
    match progress {
        Some(progress) => sse::comment(&format!("waiting for {asked_for}, {:.0} %", progress.percent)),
        None => sse::comment("alive"),
    }
}

/// Until then the reply can still be a plain error with a status code. Proxies cut at 30 s, so this must be well below.
const EARLY_HEADERS: Duration = Duration::from_secs(10);
pub(super) const HEARTBEAT: Duration = Duration::from_secs(10);
