//! `steadfast chat "…"`: one question, its answer as it comes.

use http::Method;
use serde_json::{Value, json};
use steadfast::Error;
use steadfast_contract::code;

use super::{
    client::{self, Client, Line, Lines},
    out::{Failed, Out},
    readiness,
    server::Server,
    signals::Signals,
};
use crate::settings::Settings;

pub(super) async fn chat(settings: &Settings, prompt: &str, model: &str, out: Out) -> Result<(), Failed> {
    let mut signals = Signals::listen()?;
    let server = Server::find_or_start(settings).await?;
    let answered = tokio::select! {
        answered = ask(&server.client, prompt, model, out) => answered,
        // Closing the line is what stops the answer.
        () = signals.next() => Err(Failed::Told),
    };
    server.leave().await;
    answered
}

async fn ask(client: &Client, prompt: &str, model: &str, out: Out) -> Result<(), Failed> {
    let request = json!({ "model": model, "messages": [{ "role": "user", "content": prompt }], "stream": true });
    let (mut lines, mut data) = tokio::select! {
        begun = begin(client, &request) => begun?,
        lost = readiness::show_what_loads(client, out) => return Err(lost.into()),
    };
    let mut answer = String::new();
    while data != "[DONE]" {
        let text = text_of(&data)?;
        if !out.is_for_programs() {
            out.text(&text)?;
        }
        answer.push_str(&text);
        data = next_data(&mut lines).await?;
    }
    finish(&answer, model, out)
}

/// Until the first data comes: a model may have to be loaded first, or even fetched.
async fn begin(client: &Client, request: &Value) -> Result<(Lines, String), Error> {
    let mut lines = client.stream(Method::POST, "/v1/chat/completions", Some(request)).await?;
    let first = next_data(&mut lines).await?;
    Ok((lines, first))
}

async fn next_data(lines: &mut Lines) -> Result<String, Error> {
    while let Some(line) = lines.next().await? {
        if let Line::Data(data) = line {
            return Ok(data);
        }
    }
    Err(code::stream_cut("the server"))
}

fn finish(answer: &str, model: &str, out: Out) -> Result<(), Failed> {
    match out.is_for_programs() {
        true => out.json(&json!({ "model": model, "text": answer })),
        false => out.line(""),
    }
}

fn text_of(data: &str) -> Result<String, Error> {
    let chunk: Value =
        serde_json::from_str(data).map_err(|error| Error::internal("a chunk is not JSON").with_source(error))?;
    match client::error_of(&chunk) {
        Some(error) => Err(error),
        None => Ok(chunk["choices"][0]["delta"]["content"].as_str().unwrap_or_default().to_owned()),
    }
}
