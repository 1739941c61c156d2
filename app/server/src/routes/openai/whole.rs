//! An answer in one piece: all of it, or an error. A part of an answer is never sent as if it were whole.

use futures_util::StreamExt;
use serde_json::{Value, json};
use steadfast::{CancelReason, Clock, Deadline, Error};
use steadfast_contract::{
    chunk::{AnswerStream, Chunk, FinishReason},
    code,
    usage::Usage,
};
use steadfast_gateway::{ChatAsk, Gateway};
use uuid::Uuid;

use super::leaving::Leaving;
use crate::house::House;

/// `_leaving` is held to the end: a client that goes drops this future, and the guard with it.
pub(super) async fn answer(house: &House, gateway: &Gateway, ask: ChatAsk, _leaving: Leaving) -> Result<Value, Error> {
    let deadline = ask.deadline.map(|limit| Deadline::after(&house.clock, limit));
    let answer = gateway.chat(ask).await?;
    let text = within(deadline, &house.clock, collect(answer.stream, &answer.target)).await?;
    Ok(json!({
        "id": completion_id(),
        "object": "chat.completion",
        "created": house.clock.unix_ms() / 1000,
        "model": answer.model,
        "choices": [{
            "index": 0,
            "message": { "role": "assistant", "content": text.content, "refusal": null },
            "logprobs": null,
            "finish_reason": text.finish.as_str(),
        }],
        "usage": text.usage.map(usage),
    }))
}

pub(super) fn completion_id() -> String {
    format!("chatcmpl-{}", Uuid::now_v7().simple())
}

pub(super) fn usage(usage: Usage) -> Value {
    json!({
        "prompt_tokens": usage.prompt_tokens,
        "completion_tokens": usage.completion_tokens,
        "total_tokens": usage.total_tokens(),
        "prompt_tokens_details": { "cached_tokens": usage.cached_tokens },
    })
}

struct Collected {
    content: String,
    finish: FinishReason,
    usage: Option<Usage>,
}

async fn collect(mut stream: AnswerStream, target: &str) -> Result<Collected, Error> {
    let mut content = String::new();
    while let Some(chunk) = stream.next().await {
        match chunk?.chunk {
            Chunk::Text(text) => content.push_str(&text),
            Chunk::Status(_) | Chunk::Reasoning(_) | Chunk::ToolCall(_) | Chunk::Other(_) => {}
            Chunk::Finish { reason, usage } => return Ok(Collected { content, finish: reason, usage }),
        }
    }
    Err(code::stream_cut(target))
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
