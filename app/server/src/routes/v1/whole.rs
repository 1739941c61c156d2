//! An answer in one piece: all of it, or an error. A part of an answer is never sent as if it were whole.

use std::sync::Arc;

use axum::{body::Body, response::Response};
use bytes::Bytes;
use futures_util::StreamExt;
use http::{HeaderValue, header};
use steadfast::{CancelReason, Clock, Deadline, Error};
use steadfast_contract::{chunk::AnswerStream, code};
use steadfast_gateway::{Answer, ChatAsk, FromCache, Gateway, IdempotencyKey, OnceAsk, WholeReply};
use steadfast_wire::answer::{Collected, marked};

use super::{head, leaving::Leaving};
use crate::{error_reply::Reply, routes::streams::PRINCIPAL};

/// `_leaving` is held to the end: a client that goes drops this future, and the guard with it. `write` is given the
/// answer and the name of the model that gave it. Under a `key` the same question is answered once.
pub(super) async fn answer(
    gateway: Arc<Gateway>,
    clock: Clock,
    ask: ChatAsk,
    key: Option<IdempotencyKey>,
    _leaving: Leaving,
    write: impl FnOnce(Collected, &str) -> Bytes + Send + 'static,
) -> Reply {
    let Some(key) = key else { return Ok(response(&reply(&gateway, &clock, ask, write).await?)) };
    let once = OnceAsk { principal: PRINCIPAL.to_owned(), key, deadline: ask.deadline, token: ask.token.clone() };
    let asked = {
        let gateway = Arc::clone(&gateway);
        // It may outlive whoever sent it first, and each waits for as long as it likes.
        async move |token| reply(&gateway, &clock, ChatAsk { token, deadline: None, ..ask }, write).await
    };
    let (given, arrival) = gateway.answer_once(once, asked).await?;
    let mut response = response(&given);
    head::says_again(response.headers_mut(), arrival);
    Ok(response)
}

async fn reply(
    gateway: &Arc<Gateway>,
    clock: &Clock,
    ask: ChatAsk,
    write: impl FnOnce(Collected, &str) -> Bytes + Send,
) -> Result<WholeReply, Error> {
    let deadline = ask.deadline.map(|limit| Deadline::after(clock, limit));
    let answer = gateway.chat(ask).await?;
    let collected = within(deadline, clock, collect(answer.stream, &answer.target)).await?;
    let Answer { model, target, attempts, cached, .. } = answer;
    let mut body = write(collected, &model);
    if let FromCache::Stale { age, code } = cached {
        body = marked(&body, u32::try_from(age.as_secs()).unwrap_or(u32::MAX), code.name());
    }
    Ok(WholeReply { body, model, target, attempts, cached })
}

fn response(reply: &WholeReply) -> Response {
    let mut response = json(reply.body.clone());
    head::says_who(response.headers_mut(), &reply.model, &reply.target, &reply.attempts);
    head::says_how_old(response.headers_mut(), reply.cached);
    response
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
