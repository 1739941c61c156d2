//! An answer in one piece: all of it, or an error. A part of an answer is never sent as if it were whole.

use std::sync::Arc;

use axum::{body::Body, response::Response};
use bytes::Bytes;
use futures_util::StreamExt;
use http::{HeaderValue, header};
use steadfast::{CancelReason, Clock, Deadline, Error};
use steadfast_contract::{chunk::AnswerStream, code};
use steadfast_gateway::{ChatAsk, FromCache, Gateway};
use steadfast_wire::answer::{Collected, marked};

use super::{head, leaving::Leaving};
use crate::error_reply::Reply;

/// `_leaving` is held to the end: a client that goes drops this future, and the guard with it. `write` is given the
/// answer and the name of the model that gave it.
pub(super) async fn answer(
    gateway: &Arc<Gateway>,
    clock: &Clock,
    ask: ChatAsk,
    _leaving: Leaving,
    write: impl FnOnce(Collected, &str) -> Bytes + Send,
) -> Reply {
    let deadline = ask.deadline.map(|limit| Deadline::after(clock, limit));
    let answer = gateway.chat(ask).await?;
    let collected = within(deadline, clock, collect(answer.stream, &answer.target)).await?;
    let mut body = write(collected, &answer.model);
    if let FromCache::Stale { age, code } = answer.cached {
        body = marked(&body, u32::try_from(age.as_secs()).unwrap_or(u32::MAX), code.name());
    }
    let mut response = json(body);
    head::says_who(response.headers_mut(), &answer.model, &answer.target, &answer.attempts);
    head::says_how_old(response.headers_mut(), answer.cached);
    Ok(response)
}

/// A body that is JSON already.
pub(super) fn json(body: Bytes) -> Response {
    let mut response = Response::new(Body::from(body));
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

async fn collect(mut stream: AnswerStream, target: &str) -> Result<Collected, Error> {
    let mut collected = Collected::default();
    while !collected.is_whole() {
        let piece = stream.next().await.unwrap_or_else(|| Err(code::stream_cut(target)))?;
        collected.add(piece);
    }
    Ok(collected)
}

async fn within<T>(
    deadline: Option<Deadline>,
    clock: &Clock,
    work: impl Future<Output = Result<T, Error>>,
) -> Result<T, Error> {
    let Some(deadline) = deadline else { return work.await };
    tokio::select! {
        done = work => done,
        () = clock.sleep(deadline.remaining(clock)) => Err(Error::cancelled(CancelReason::Deadline)),
    }
}
