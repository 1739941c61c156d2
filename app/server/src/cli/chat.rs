//! `steadfast chat "…"`: one question, its answer as it comes.

use http::Method;
use serde_json::{Value, json};
use steadfast::Error;
use steadfast_contract::code;

use super::{
    client::{self, Client, Line},
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
    if let Some(id) = readiness::local_id(client, model).await? {
        readiness::make_ready(client, &id, out).await?;
    }
    let request = json!({ "model": model, "messages": [{ "role": "user", "content": prompt }], "stream": true });
    let mut lines = client.stream(Method::POST, "/v1/chat/completions", Some(&request)).await?;
    let mut answer = String::new();
    while let Some(line) = lines.next().await? {
        match line {
            Line::Comment(_) => {}
            Line::Data(data) if data == "[DONE]" => return finish(&answer, model, out),
            Line::Data(data) => {
                let text = text_of(&data)?;
                if !out.is_for_programs() {
                    out.text(&text)?;
                }
                answer.push_str(&text);
            }
        }
    }
    Err(code::stream_cut("the server").into())
}

fn finish(answer: &str, model: &str, out: Out) -> Result<(), Failed> {
    match out.is_for_programs() {
        true => out.json(&json!({ "model": model, "text": answer })),
        false => out.line(""),
    }
}

fn text_of(data: &str) -> Result<String, Error> {
    let chunk: Value = serde_json::from_str(data).map_err(|error| Error::internal("a chunk is not JSON").with_source(error))?;
    match client::error_of(&chunk) {
        Some(error) => Err(error),
        None => Ok(chunk["choices"][0]["delta"]["content"].as_str().unwrap_or_default().to_owned()),
    }
}
