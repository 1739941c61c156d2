//! Chat completions, as OpenAI, vLLM and llama.cpp speak them.

use serde_json::{Value, json};

use super::{ARGUMENTS, CREATED, Event, Finish, PROMPT_TOKENS, TOOL, TOOL_ID, ToolPiece};

pub(super) fn begin(model: &str) -> Vec<Event> {
    vec![frame(model, &json!({"role": "assistant", "content": ""}), None)]
}

pub(super) fn word(model: &str, word: &str) -> Vec<Event> {
    vec![frame(model, &json!({"content": word}), None)]
}

pub(super) fn tool(model: &str, piece: ToolPiece) -> Vec<Event> {
    let call = match piece {
        ToolPiece::Begin => {
            json!({"index": 0, "id": TOOL_ID, "type": "function", "function": {"name": TOOL, "arguments": ""}})
        }
        ToolPiece::Arguments(part) => json!({"index": 0, "function": {"arguments": part}}),
        ToolPiece::End => return vec![],
    };
    vec![frame(model, &json!({"tool_calls": [call]}), None)]
}

pub(super) fn finish(model: &str, finish: Finish) -> Vec<Event> {
    vec![frame(model, &json!({}), Some(reason(finish)))]
}

pub(super) fn end(model: &str, words: usize) -> Vec<Event> {
    let usage = json!({
        "id": ID, "object": "chat.completion.chunk", "created": CREATED, "model": model, "choices": [], "usage": usage(words),
    });
    vec![event(usage.to_string()), event("[DONE]".to_owned())]
}

pub(super) fn whole(model: &str, text: &str, finish: Finish, words: usize) -> String {
    let mut message = json!({"role": "assistant", "content": text});
    if finish == Finish::Tool {
        let function = json!({"name": TOOL, "arguments": ARGUMENTS.concat()});
        message = json!({"role": "assistant", "content": null, "tool_calls": [{"id": TOOL_ID, "type": "function", "function": function}]});
    }
    let choice = json!({"index": 0, "message": message, "logprobs": null, "finish_reason": reason(finish)});
    json!({
        "id": ID, "object": "chat.completion", "created": CREATED, "model": model, "choices": [choice], "usage": usage(words),
    })
    .to_string()
}

fn frame(model: &str, delta: &Value, finish: Option<&str>) -> Event {
    let choice = json!({"index": 0, "delta": delta, "finish_reason": finish});
    let frame =
        json!({"id": ID, "object": "chat.completion.chunk", "created": CREATED, "model": model, "choices": [choice]});
    event(frame.to_string())
}

fn event(data: String) -> Event {
    Event { name: None, data }
}

fn reason(finish: Finish) -> &'static str {
    match finish {
        Finish::Stop => "stop",
        Finish::Tool => "tool_calls",
    }
}

fn usage(words: usize) -> Value {
    json!({"prompt_tokens": PROMPT_TOKENS, "completion_tokens": words, "total_tokens": PROMPT_TOKENS + words})
}

const ID: &str = "chatcmpl-scripted";
