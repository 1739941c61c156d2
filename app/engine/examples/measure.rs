//! Measures a model on this machine: `cargo run -p steadfast-engine --example measure -- MODEL.gguf [THREADS]`.
//!
//! Through the whole worker (process, protocol, sampling in Rust), as the product uses it.
#![expect(clippy::print_stdout, reason = "a program for people")]

use std::{process::ExitCode, sync::Arc};

use futures_util::StreamExt as _;
use steadfast::{CancelReason, CancelToken, Clock, Error};
use steadfast_contract::{
    chat::{ChatRequest, Message, Role, Sampling},
    chunk::Chunk,
};
use steadfast_engine::worker::{Worker, WorkerSettings, engine_worker_main};

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments.first().is_some_and(|first| first == "engine-worker") {
        return engine_worker_main();
    }
    let Ok(runtime) = tokio::runtime::Runtime::new() else { return ExitCode::FAILURE };
    match runtime.block_on(measure(&arguments)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            println!("{error} {:?}", error.details());
            ExitCode::FAILURE
        }
    }
}

async fn measure(arguments: &[String]) -> Result<(), Error> {
    let path = arguments.first().ok_or_else(|| Error::validation("Name a GGUF file."))?;
    let mut settings = WorkerSettings::default();
    if let Some(threads) = arguments.get(1).and_then(|threads| threads.parse().ok()) {
        settings.threads = threads;
    }
    let clock = Clock::real();
    let token = CancelToken::root("measure");
    let started = clock.now();
    let worker = Worker::start(settings, "the model", path.into(), &token, Arc::new(|_| {})).await?;
    println!("ready after {:.2} s: {:?}", (clock.now() - started).as_secs_f64(), worker.facts());
    for words in [2, 350] {
        let (prompt, answer) = answer(&worker, &clock, words).await?;
        println!("{} prompt tokens at {:.0}/s, {} answer tokens at {:.1}/s", prompt.0, prompt.1, answer.0, answer.1);
    }
    worker.unload(CancelReason::Shutdown).await;
    Ok(())
}

type Rate = (u32, f64);

async fn answer(worker: &Worker, clock: &Clock, words: usize) -> Result<(Rate, Rate), Error> {
    let request = ChatRequest {
        model: String::new(),
        messages: vec![Message::text(
            Role::User,
            format!("{words} words: {} Tell me a long story.", "ship ".repeat(words)),
        )],
        sampling: Sampling { temperature: Some(0.7), seed: Some(1), max_tokens: Some(128), ..Sampling::default() },
        ..ChatRequest::default()
    };
    let asked = clock.now();
    let mut first = None;
    let mut stream = worker.generate(&request, &CancelToken::root("answer"))?;
    while let Some(chunk) = stream.next().await {
        match chunk? {
            Chunk::Text(_) => {
                first.get_or_insert_with(|| clock.now());
            }
            Chunk::Finish { usage: Some(usage), .. } => {
                let first = first.unwrap_or(asked);
                let rate = |tokens: u32, seconds: f64| (tokens, f64::from(tokens) / seconds);
                let read = rate(usage.prompt_tokens - usage.cached_tokens, (first - asked).as_secs_f64());
                return Ok((read, rate(usage.completion_tokens, (clock.now() - first).as_secs_f64())));
            }
            _ => {}
        }
    }
    Err(Error::internal("the answer had no end"))
}
