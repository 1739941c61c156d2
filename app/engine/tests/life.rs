//! The whole life of a model with the real file and the real engine: from a file on this disk to an answer and back.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "clippy knows test functions only, and the words they share are test code too"
)]
#![cfg(all(unix, feature = "llama"))]

use std::{sync::Arc, time::Duration};

use futures_util::StreamExt;
use steadfast::{CancelToken, Error, Events};
use steadfast_contract::{
    chat::{ChatRequest, Message, Role, Sampling},
    chunk::Chunk,
    code,
    model::{ModelHost, ModelPhase, ModelStatus},
    provider::{Ask, Delivery, Provider},
};
use steadfast_engine::{
    catalog::Catalog,
    life::{EngineRunner, Models, ModelsSettings},
    provider::EngineProvider,
    worker::WorkerSettings,
};

/// Quick, with the file that the tests were given as its only source.
fn catalog() -> Catalog {
    let model = std::env::var("STEADFAST_TEST_MODEL")
        .expect("set STEADFAST_TEST_MODEL to the path of the Quick model file; `cargo xtask test` does");
    let own =
        format!("[[model]]\nid = \"smollm2-135m-instruct\"\nsources = [{{ kind = \"file\", path = \"{model}\" }}]\n");
    let built_in = include_str!("../src/catalog/models.toml");
    Catalog::from_layers(&[("built in", built_in), ("test", &own)]).unwrap()
}

async fn follow(models: &Models, until: ModelPhase) -> Vec<ModelStatus> {
    let mut changes = models.subscribe();
    let mut seen = vec![models.status("quick").unwrap()];
    let following = async {
        while seen.last().is_some_and(|status| status.phase != until) {
            seen.push(changes.next().await);
        }
    };
    let ended = tokio::time::timeout(Duration::from_secs(120), following).await;
    assert!(ended.is_ok(), "stayed at {:?}", seen.last());
    seen
}

async fn ask(models: &Models, token: &CancelToken) -> Result<String, Error> {
    let request = ChatRequest {
        model: "smollm2-135m-instruct".to_owned(),
        messages: vec![Message::text(Role::User, "What is the capital of France?")],
        sampling: Sampling { temperature: Some(0.0), max_tokens: Some(24), ..Sampling::default() },
        ..ChatRequest::default()
    };
    let ask = Ask {
        request,
        delivery: Delivery::Streamed,
        token: token.child("ask"),
        deadline: None,
        request_id: "1".to_owned(),
        events: Events::none(),
    };
    let mut chunks = EngineProvider::new(models.clone()).open(ask).await?;
    let mut text = String::new();
    while let Some(chunk) = chunks.next().await {
        match chunk?.chunk {
            Chunk::Text(piece) => text.push_str(&piece),
            Chunk::Finish { .. } => return Ok(text),
            _ => {}
        }
    }
    panic!("the answer ended without its end: {text}")
}

#[tokio::test]
async fn a_question_wakes_the_real_model_which_answers_and_is_unloaded() {
    let folder = tempfile::tempdir().unwrap();
    let token = CancelToken::root("test");
    let worker = WorkerSettings {
        program: env!("CARGO_BIN_EXE_engine-worker-for-tests").into(),
        arguments: Vec::new(),
        ..WorkerSettings::default()
    };
    let runner = Arc::new(EngineRunner::new(worker));
    let models = Models::open(ModelsSettings::new(folder.path()), catalog(), runner, &token, Events::none());

    assert_eq!(ask(&models, &token).await.unwrap_err().code(), code::MODEL_LOADING);
    let seen = follow(&models, ModelPhase::Ready).await;
    let percents: Vec<f32> = seen.iter().filter_map(|status| Some(status.progress.as_ref()?.percent)).collect();
    assert!(percents.is_sorted() && percents.last() == Some(&100.0), "{percents:?}");
    assert!(seen.iter().any(|status| status.phase == ModelPhase::Loading));
    let answer = ask(&models, &token).await.unwrap();
    assert!(answer.contains("Paris"), "{answer}");

    let unloaded = models.unload("quick").await.unwrap();
    assert_eq!((unloaded.phase, unloaded.on_disk), (ModelPhase::Idle, true));
    token.cancel(steadfast::CancelReason::Shutdown);
    tokio::time::timeout(Duration::from_secs(10), token.join()).await.expect("every task ends");
}
