//! An answer as a stream: chunks, `[DONE]` at a good end, one error frame at a bad one.
//!
//! Both official clients take a stream that merely ends for a whole answer, so a broken one must say so.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use futures_util::{StreamExt, stream};
use serde_json::{Value, json};
use steadfast::Error;
use steadfast_contract::{
    BoxFuture,
    chunk::{AnswerStream, Chunk, FinishReason, Status},
    code,
    model::ModelHost,
    usage::Usage,
};
use steadfast_gateway::{Answer, ChatAsk, Gateway};

use super::{
    leaving::Leaving,
    request::Wanted,
    whole::{completion_id, usage},
};
use crate::{
    edge::RequestId,
    error_reply::{self, Reply},
    house::House,
    routes::sse,
};

type Opening = BoxFuture<'static, Result<Answer, Error>>;

pub(super) async fn answer(
    house: Arc<House>,
    gateway: Arc<Gateway>,
    ask: ChatAsk,
    leaving: Leaving,
    wanted: Wanted,
    id: RequestId,
) -> Reply {
    let (models, asked_for) = (Arc::clone(gateway.models()), ask.request.model.clone());
    let mut opening: Opening = Box::pin(async move { gateway.chat(ask).await });
    let clock = house.clock.clone();
    let model = asked_for.clone();
    let mut answering = Answering { _leaving: leaving, completion: completion_id(), model, wanted, request: id, house };
    let state = tokio::select! {
        opened = &mut opening => answering.begin(opened?),
        // From here on the client needs to hear that we are alive, and the status code is given away.
        () = clock.sleep(EARLY_HEADERS) => State::Opening(opening),
    };
    let frames = stream::unfold((answering, state), |(mut answering, state)| async move {
        let (frame, state) = state.next(&mut answering).await?;
        Some((frame, (answering, state)))
    });
    Ok(sse::response(sse::with_heartbeats(frames, HEARTBEAT, clock, move || waiting(models.as_ref(), &asked_for))))
}

/// What every frame of one answer shares. Dropping it with the stream tells the gateway that the client left.
struct Answering {
    _leaving: Leaving,
    completion: String,
    model: String,
    wanted: Wanted,
    request: RequestId,
    house: Arc<House>,
}

enum State {
    Opening(Opening),
    Text { chunks: AnswerStream, target: String, first: First },
    Usage(Option<Usage>),
    Done,
    End,
}

/// Whether the next text is the first, which carries the role.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum First {
    Yes,
    No,
}

impl State {
    /// The next frame, and what comes after it.
    async fn next(mut self, answering: &mut Answering) -> Option<(Bytes, Self)> {
        loop {
            self = match self {
                Self::Opening(opening) => match opening.await {
                    Ok(answer) => answering.begin(answer),
                    Err(error) => return Some((answering.error(&error), Self::End)),
                },
                Self::Text { mut chunks, target, first } => match chunks
                    .next()
                    .await
                    .unwrap_or_else(|| Err(code::stream_cut(&target)))
                    .map(|piece| piece.chunk)
                {
                    Ok(Chunk::Text(text)) => {
                        return Some((answering.text(&text, first), Self::Text { chunks, target, first: First::No }));
                    }
                    Ok(Chunk::Status(status)) => match say(&status) {
                        Some(comment) => return Some((comment, Self::Text { chunks, target, first })),
                        None => Self::Text { chunks, target, first },
                    },
                    Ok(Chunk::Reasoning(_) | Chunk::ToolCall(_) | Chunk::Other(_)) => {
                        Self::Text { chunks, target, first }
                    }
                    Ok(Chunk::Finish { reason, usage }) => {
                        return Some((answering.finish(reason, first), Self::Usage(usage)));
                    }
                    Err(error) => return Some((answering.error(&error), Self::End)),
                },
                Self::Usage(usage) => match usage.filter(|_| answering.wanted.usage_at_the_end) {
                    Some(usage) => return Some((answering.usage(usage), Self::Done)),
                    None => Self::Done,
                },
                Self::Done => return Some((Bytes::from_static(b"data: [DONE]\n\n"), Self::End)),
                Self::End => return None,
            };
        }
    }
}

impl Answering {
    /// Somebody answers: from here on the chunks carry the model's own name.
    fn begin(&mut self, answer: Answer) -> State {
        self.model = answer.model;
        State::Text { chunks: answer.stream, target: answer.target, first: First::Yes }
    }

    fn text(&self, text: &str, first: First) -> Bytes {
        let delta = match first {
            First::Yes => json!({ "role": "assistant", "content": text }),
            First::No => json!({ "content": text }),
        };
        self.chunk(&[json!({ "index": 0, "delta": delta, "logprobs": null, "finish_reason": null })], None)
    }

    fn finish(&self, reason: FinishReason, first: First) -> Bytes {
        let delta = if first == First::Yes { json!({ "role": "assistant", "content": "" }) } else { json!({}) };
        self.chunk(&[json!({ "index": 0, "delta": delta, "logprobs": null, "finish_reason": reason.as_str() })], None)
    }

    fn usage(&self, spent: Usage) -> Bytes {
        self.chunk(&[], Some(usage(spent)))
    }

    fn chunk(&self, choices: &[Value], usage: Option<Value>) -> Bytes {
        let mut chunk = json!({
            "id": self.completion,
            "object": "chat.completion.chunk",
            "created": self.house.started_ms / 1000,
            "model": self.model,
            "choices": choices,
        });
        if let Some(usage) = usage {
            chunk["usage"] = usage;
        }
        sse::data(None, &chunk)
    }

    fn error(&self, error: &Error) -> Bytes {
        sse::data(None, &error_reply::openai_body(error, &error.report(self.house.detail), &self.request))
    }
}

/// What a comment can tell somebody who watches the bare stream.
fn say(status: &Status) -> Option<Bytes> {
    match status {
        Status::Waiting { place } => Some(sse::comment(&format!("waiting in line, place {place}"))),
        Status::Reading { done, total } => Some(sse::comment(&format!("reading, {done} of {total} tokens"))),
        Status::Resumed { cause, .. } => {
            Some(sse::comment(&format!("the engine was started again ({cause}), the answer goes on")))
        }
        Status::Seam(seam) => Some(sse::comment(&format!("{} broke off, {} goes on", seam.from, seam.to))),
        Status::Alive => None,
    }
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
const HEARTBEAT: Duration = Duration::from_secs(10);
