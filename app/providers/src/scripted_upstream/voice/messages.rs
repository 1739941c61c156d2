//! Anthropic's Messages API.

use serde_json::{Value, json};

use super::{ARGUMENTS, Event, Finish, PROMPT_TOKENS, TOOL, TOOL_ID, ToolPiece};

pub(super) fn begin(model: &str) -> Vec<Event> {
    let message = json!({
        "id": ID, "type": "message", "role": "assistant", "model": model, "content": [],
        "stop_reason": null, "stop_sequence": null,
        "usage": {"input_tokens": PROMPT_TOKENS, "output_tokens": 1},
    });
    vec![
        event("message_start", &json!({"type": "message_start", "message": message})),
        event(
            "content_block_start",
            &json!({"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}),
        ),
        event("ping", &json!({"type": "ping"})),
    ]
}

pub(super) fn word(word: &str) -> Vec<Event> {
    vec![delta(0, &json!({"type": "text_delta", "text": word}))]
}

/// The text block is closed before the tool's is opened.
pub(super) fn tool(piece: ToolPiece) -> Vec<Event> {
    match piece {
        ToolPiece::Begin => {
            let block = json!({"type": "tool_use", "id": TOOL_ID, "name": TOOL, "input": {}});
            let start = json!({"type": "content_block_start", "index": 1, "content_block": block});
            vec![stop_block(0), event("content_block_start", &start)]
        }
        ToolPiece::Arguments(part) => vec![delta(1, &json!({"type": "input_json_delta", "partial_json": part}))],
        ToolPiece::End => vec![stop_block(1)],
    }
}

pub(super) fn finish(finish: Finish, words: usize) -> Vec<Event> {
    let end = event(
        "message_delta",
        &json!({
            "type": "message_delta",
            "delta": {"stop_reason": reason(finish), "stop_sequence": null},
            "usage": {"output_tokens": words},
        }),
    );
    match finish {
        Finish::Stop => vec![stop_block(0), end],
        Finish::Tool => vec![end],
    }
}

pub(super) fn end() -> Vec<Event> {
    vec![event("message_stop", &json!({"type": "message_stop"}))]
}

pub(super) fn failure() -> Event {
    event("error", &json!({"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}))
}

pub(super) fn whole(model: &str, text: &str, finish: Finish, words: usize) -> String {
    let content = match finish {
        Finish::Stop => json!([{"type": "text", "text": text}]),
        Finish::Tool => {
            let input: Value = serde_json::from_str(&ARGUMENTS.concat()).unwrap_or_default();
            json!([{"type": "tool_use", "id": TOOL_ID, "name": TOOL, "input": input}])
        }
    };
    json!({
        "id": ID, "type": "message", "role": "assistant", "model": model, "content": content,
        "stop_reason": reason(finish), "stop_sequence": null,
        "usage": {"input_tokens": PROMPT_TOKENS, "output_tokens": words},
    })
    .to_string()
}

fn delta(index: usize, delta: &Value) -> Event {
    event("content_block_delta", &json!({"type": "content_block_delta", "index": index, "delta": delta}))
}

fn stop_block(index: usize) -> Event {
    event("content_block_stop", &json!({"type": "content_block_stop", "index": index}))
}

fn event(name: &'static str, data: &Value) -> Event {
    Event { name: Some(name), data: data.to_string() }
}

fn reason(finish: Finish) -> &'static str {
    match finish {
        Finish::Stop => "end_turn",
        Finish::Tool => "tool_use",
    }
}

const ID: &str = "msg_scripted";
