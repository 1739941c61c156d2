//! What it writes.

use steadfast::Code;
use steadfast_contract::{
    chat::{Message, Part, Role},
    chunk::{FinishReason, Status},
    code::{CONTEXT_TOO_LONG, UNSUPPORTED_INPUT},
};

use super::stage::*;

#[tokio::test]
async fn it_answers_a_question_in_words() {
    let stage = stage().await;
    let heard = listen(stage.ask(&question("What is the capital of France?"))).await.unwrap();
    assert!(heard.text.contains("Paris"), "{heard:?}");
    assert_eq!(heard.finish, Some(FinishReason::Stop));
    stage.end().await;
}

#[tokio::test]
async fn the_same_seed_gives_the_same_text_and_another_seed_another() {
    let stage = stage().await;
    let mut request = question("Tell me a story about a lighthouse.");
    request.sampling.temperature = Some(0.9);
    let mut texts = Vec::new();
    for seed in [11, 11, 12] {
        request.sampling.seed = Some(seed);
        texts.push(listen(stage.ask(&request)).await.unwrap().text);
    }
    assert_eq!(texts[0], texts[1]);
    assert_ne!(texts[0], texts[2]);
    stage.end().await;
}

#[tokio::test]
async fn it_counts_tokens_and_ends_at_the_limit() {
    let stage = stage().await;
    let heard = listen(stage.ask(&endless(20))).await.unwrap();
    assert_eq!(heard.finish, Some(FinishReason::Length));
    assert_eq!(heard.usage.completion_tokens, 20);
    assert!((20..120).contains(&heard.usage.prompt_tokens), "{heard:?}");
    stage.end().await;
}

#[tokio::test]
async fn a_stop_string_ends_the_answer_and_is_not_shown() {
    let stage = stage().await;
    let whole = listen(stage.ask(&endless(40))).await.unwrap().text;
    let mut request = endless(40);
    request.sampling.stop = vec![" 17, 18".into()];
    let heard = listen(stage.ask(&request)).await.unwrap();
    assert_eq!(heard.finish, Some(FinishReason::Stop));
    assert_eq!(heard.text, whole.split(" 17, 18").next().unwrap());
    assert!(heard.text.ends_with("16,"), "{heard:?}");
    stage.end().await;
}

#[tokio::test]
async fn characters_of_several_tokens_arrive_whole() {
    let stage = stage().await;
    let mut request = conversation(&[(Role::User, "Repeat."), (Role::Assistant, &"🎉♥ ".repeat(20))]);
    request.sampling.repeat_penalty = Some(1.0);
    let heard = listen(stage.ask(&request)).await.unwrap();
    assert!(heard.text.contains("🎉🎉") || heard.text.contains("🎉♥"), "{heard:?}");
    assert!(!heard.text.contains('\u{fffd}'), "{heard:?}");
    stage.end().await;
}

#[tokio::test]
async fn the_second_turn_does_not_read_the_first_again() {
    let stage = stage().await;
    let story = "Once upon a time a keeper lived in a lighthouse by the sea. ".repeat(20);
    let first = listen(stage.ask(&question(&story))).await.unwrap();
    assert_eq!(first.usage.cached_tokens, 0);
    let turns = [(Role::User, story.as_str()), (Role::Assistant, first.text.as_str()), (Role::User, "Go on.")];
    let second = listen(stage.ask(&conversation(&turns))).await.unwrap();
    let new = second.usage.prompt_tokens - second.usage.cached_tokens;
    assert!(second.usage.cached_tokens >= first.usage.prompt_tokens, "{second:?}");
    assert!(new < 30, "{new} tokens of the second prompt were read");
    stage.end().await;
}

#[tokio::test]
async fn a_prompt_that_does_not_fit_is_refused_with_numbers() {
    let stage = stage_with(steadfast_engine::worker::WorkerSettings { context: 256, ..settings() }).await;
    let error = listen(stage.ask(&long_question(400))).await.unwrap_err();
    assert_eq!(error.code(), CONTEXT_TOO_LONG);
    assert!(error.message().contains("of 256 tokens"), "{error}");
    let gigantic = listen(stage.ask(&long_question(400_000))).await.unwrap_err();
    assert_eq!(gigantic.code(), CONTEXT_TOO_LONG);
    let heard = listen(stage.ask(&question("Hi"))).await.unwrap();
    assert!(heard.finish.is_some(), "the worker goes on after both");
    stage.end().await;
}

#[tokio::test]
async fn the_end_of_the_context_ends_the_answer_honestly() {
    let stage = stage_with(steadfast_engine::worker::WorkerSettings { context: 256, ..settings() }).await;
    let heard = listen(stage.ask(&endless(10_000))).await.unwrap();
    assert_eq!(heard.finish, Some(FinishReason::Length));
    assert_eq!(heard.usage.total_tokens(), 256);
    stage.end().await;
}

#[tokio::test]
async fn what_it_cannot_do_is_said_at_once() {
    let stage = stage().await;
    let mut image = question("Hi");
    image.messages[0] = Message { role: Role::User, parts: vec![Part::Image { url: "data:image/png;base64,".into() }] };
    assert_eq!(stage.worker.generate(&image, &stage.token).err().unwrap().code(), UNSUPPORTED_INPUT);
    let mut hot = question("Hi");
    hot.sampling.temperature = Some(-1.0);
    assert_eq!(stage.worker.generate(&hot, &stage.token).err().unwrap().code(), Code::VALIDATION);
    assert_eq!(stage.worker.answers(), 0);
    stage.end().await;
}

#[tokio::test]
async fn reading_a_long_prompt_is_reported() {
    let stage = stage().await;
    let heard = listen(stage.ask(&long_question(2_000))).await.unwrap();
    let read: Vec<u32> = heard
        .statuses
        .iter()
        .filter_map(|status| if let Status::Reading { done, .. } = status { Some(*done) } else { None })
        .collect();
    assert!(read.len() >= 3, "{heard:?}");
    assert!(read.is_sorted(), "{read:?}");
    stage.end().await;
}
