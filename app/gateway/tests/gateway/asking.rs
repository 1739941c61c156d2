//! Plain questions (`/v1`): answered, tried again before the first word, over when the caller leaves.

use std::time::Duration;

use steadfast::{CancelReason, Code};
use steadfast_contract::{code, model::ModelPhase};
use steadfast_gateway::ChatAsk;
use steadfast_providers::scripted::{Act, Line};

use crate::{
    house::{House, MINUTE, Plan, unavailable},
    talk::{self, ask},
};

async fn text(house: &House, model: &str) -> Result<String, steadfast::Error> {
    talk::listen(house.gateway.chat(ask(model)).await?).await.whole()
}

#[tokio::test(start_paused = true)]
async fn a_failure_before_the_first_word_is_invisible() {
    let broken = Act::Speak(vec![Line::Break(code::stream_cut("cloud-b"))]);
    let house = Plan::cloud(vec![unavailable(), broken, Act::says(&["whole"])]).start().await;
    assert_eq!(text(&house, "cloud-b/big").await.unwrap(), "whole");
}

#[tokio::test(start_paused = true)]
async fn a_failure_after_the_first_word_is_an_error_and_not_an_end() {
    let house = Plan::cloud(vec![Act::Speak(vec![Line::Say("half")])]).start().await;
    assert_eq!(text(&house, "cloud-b/big").await.unwrap_err().code(), code::STREAM_CUT);
}

#[tokio::test(start_paused = true)]
async fn an_unknown_model_is_refused_with_the_names_there_are() {
    let house = Plan::quick(vec![]).start().await;
    let error = text(&house, "gpt-17").await.unwrap_err();
    assert_eq!(error.code(), Code::NOT_FOUND);
    assert!(
        error.suggestion().contains("quick") && error.suggestion().contains("cloud-b/big"),
        "{}",
        error.suggestion()
    );
}

#[tokio::test(start_paused = true)]
async fn a_loading_model_is_waited_for_until_the_callers_deadline() {
    let mut plan = Plan::quick(vec![]);
    plan.quick = ModelPhase::Loading;
    let house = plan.start().await;
    let hurried = ChatAsk { deadline: Some(Duration::from_secs(3)), ..ask("quick") };
    assert_eq!(house.gateway.chat(hurried).await.unwrap_err().code(), code::MODEL_LOADING);
}

#[tokio::test(start_paused = true)]
async fn a_caller_who_leaves_ends_the_question() {
    let house = Plan::cloud(vec![Act::Speak(vec![Line::Stall])]).start().await;
    let asked = ask("cloud-b/big");
    let token = asked.token.clone();
    let leaving = async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        token.cancel(CancelReason::ClientGone);
    };
    let (answer, ()) = tokio::join!(house.gateway.chat(asked), leaving);
    assert_eq!(answer.unwrap_err().cancel_reason(), Some(CancelReason::ClientGone));
    assert_eq!(house.cloud.left(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_target_that_keeps_failing_rests_and_is_not_asked_meanwhile() {
    let house = Plan::cloud((0..10).map(|_| unavailable()).collect()).start().await;
    text(&house, "cloud-b/big").await.unwrap_err();
    let asked = house.cloud.asked().len();
    let error = text(&house, "cloud-b/big").await.unwrap_err();
    assert_eq!(error.code(), Code::CIRCUIT_OPEN);
    assert!(error.retry_after().is_some_and(|wait| wait <= MINUTE));
    assert_eq!(house.cloud.asked().len(), asked);
}
