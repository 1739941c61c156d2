//! The scenarios. What a model says is the same in all of them: [`words`], so that a test can compare word for word.

use std::{io, time::Duration};

use serde_json::json;

use super::talk::Talk;

/// How a scenario left the line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// Ready for the next question.
    Whole,
    /// Broken by us.
    Broken,
}

impl End {
    pub(super) fn keeps_line(self) -> bool {
        self == Self::Whole
    }
}

/// The answer's text: this many words, each with a space behind it; no two are alike.
pub fn words(count: usize) -> Vec<String> {
    (0..count).map(|number| format!("{}{} ", NAMES[number % NAMES.len()], number + 1)).collect()
}

/// Plays the scenario that `key` names (up to its `#`). `call` counts from 1. `Err` when the client left.
pub(super) async fn play(talk: &mut Talk, key: &str, call: u32, model: &str) -> io::Result<End> {
    let name = key.split('#').next().unwrap_or(key);
    match (name, call) {
        ("SCN-503", _) | ("SCN-503x2", 1 | 2) => {
            refuse(talk, 503, "", r#"{"error":{"message":"Service temporarily unavailable","code":503}}"#).await
        }
        ("SCN-loading", 1 | 2) => {
            refuse(talk, 503, "", r#"{"error":{"message":"Loading model","type":"unavailable_error","code":503}}"#)
                .await
        }
        ("SCN-429", 1) => refuse(talk, 429, "retry-after: 2\r\n", RATE_LIMITED).await,
        ("SCN-401", _) => refuse(talk, 401, "", BAD_KEY).await,
        ("SCN-403", _) => {
            refuse(
                talk,
                403,
                "",
                r#"{"error":{"message":"You are not allowed to sample from this model","code":null}}"#,
            )
            .await
        }
        ("SCN-ctx", _) => refuse(talk, 400, "", TOO_LONG).await,
        ("SCN-502html", _) => {
            talk.reply_with(502, "content-type: text/html\r\nserver: nginx/1.24.0\r\n", BAD_GATEWAY).await?;
            Ok(End::Whole)
        }
        ("SCN-hang", _) => talk.be_silent().await.map(|()| End::Broken),
        ("SCN-reset", 1) => {
            begin(talk, model).await?;
            say(talk, model, words(14), QUICKLY).await?;
            talk.reset()?;
            Ok(End::Broken)
        }
        ("SCN-cut", _) => {
            begin(talk, model).await?;
            say(talk, model, words(14), QUICKLY).await?;
            talk.end_stream().await?;
            Ok(End::Whole)
        }
        ("SCN-sseerr", _) => {
            begin(talk, model).await?;
            say(talk, model, words(14), QUICKLY).await?;
            talk.event(OUT_OF_MEMORY).await?;
            talk.end_stream().await?;
            Ok(End::Whole)
        }
        ("SCN-stall", _) => {
            begin(talk, model).await?;
            say(talk, model, words(10), QUICKLY).await?;
            talk.be_silent().await.map(|()| End::Broken)
        }
        ("SCN-slow", _) => answer(talk, model, words(80), SLOWLY).await,
        _ => answer(talk, model, words(50), QUICKLY).await,
    }
}

async fn refuse(talk: &mut Talk, status: u16, headers: &str, json: &str) -> io::Result<End> {
    talk.reply_with(status, &format!("content-type: application/json\r\n{headers}"), json).await?;
    Ok(End::Whole)
}

async fn answer(talk: &mut Talk, model: &str, words: Vec<String>, pace: Duration) -> io::Result<End> {
    let count = words.len();
    begin(talk, model).await?;
    say(talk, model, words, pace).await?;
    talk.event(&frame(model, json!({}), Some("stop"))).await?;
    let usage = json!({"prompt_tokens": 9, "completion_tokens": count, "total_tokens": 9 + count});
    talk.event(
        &json!({"id": ID, "object": "chat.completion.chunk", "model": model, "choices": [], "usage": usage})
            .to_string(),
    )
    .await?;
    talk.event("[DONE]").await?;
    talk.end_stream().await?;
    Ok(End::Whole)
}

async fn begin(talk: &mut Talk, model: &str) -> io::Result<()> {
    talk.begin_stream().await?;
    talk.event(&frame(model, json!({"role": "assistant", "content": ""}), None)).await
}

async fn say(talk: &mut Talk, model: &str, words: Vec<String>, pace: Duration) -> io::Result<()> {
    for word in words {
        talk.word(&frame(model, json!({"content": word}), None)).await?;
        talk.wait(pace).await?;
    }
    Ok(())
}

fn frame(model: &str, delta: serde_json::Value, finish: Option<&str>) -> String {
    let choice = json!({"index": 0, "delta": delta, "finish_reason": finish});
    json!({"id": ID, "object": "chat.completion.chunk", "created": 1_700_000_000, "model": model, "choices": [choice]})
        .to_string()
}

pub(super) const MODELS: &str =
    r#"{"object":"list","data":[{"id":"scripted","object":"model","owned_by":"scripted-upstream"}]}"#;

const ID: &str = "chatcmpl-scripted";
const QUICKLY: Duration = Duration::from_millis(10);
const SLOWLY: Duration = Duration::from_millis(150);
const NAMES: [&str; 8] = ["amber", "birch", "cedar", "delta", "ember", "fjord", "grove", "heron"];
const RATE_LIMITED: &str = r#"{"error":{"message":"Rate limit reached for org-1234 on requests per min","type":"requests","code":"rate_limit_exceeded"}}"#;
const BAD_KEY: &str = r#"{"error":{"message":"Incorrect API key provided: sk-mock****1234.","type":"invalid_request_error","code":"invalid_api_key"}}"#;
const TOO_LONG: &str = r#"{"error":{"message":"This model's maximum context length is 8192 tokens. However, your messages resulted in 9001 tokens.","type":"invalid_request_error","param":"messages","code":"context_length_exceeded"}}"#;
const OUT_OF_MEMORY: &str =
    r#"{"error":{"message":"CUDA out of memory. Tried to allocate 2.00 GiB","type":"server_error","code":null}}"#;
const BAD_GATEWAY: &str = "<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<body><center><h1>502 Bad Gateway</h1></center><hr><center>nginx/1.24.0</center></body>\r\n</html>\r\n";
