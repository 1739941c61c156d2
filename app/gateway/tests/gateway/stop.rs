//! Stopping: with a reason, at any moment, with the text kept.

use steadfast::CancelReason;
use steadfast_contract::{
    model::{ModelHost, ModelPhase},
    run::RunState,
};
use steadfast_gateway::NewRun;
use steadfast_providers::scripted::{Act, Line};

use crate::house::{Plan, unavailable};

#[tokio::test(start_paused = true)]
async fn a_stop_keeps_the_text_and_the_reason_and_lets_the_source_go() {
    let house = Plan::quick(vec![Act::Speak(vec![Line::Say("some "), Line::Stall])]).start().await;
    let run = house.send("m1", "quick", "hi").await;
    house.until_streaming(&run).await;
    let view = house.gateway.stop(&run.spec.id, CancelReason::UserStop).await.unwrap();
    assert_eq!((view.state, view.text.as_str()), (RunState::Stopped, "some "));
    assert_eq!(view.stop_reason, Some(CancelReason::UserStop));
    assert_eq!(house.engine.left(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_stop_works_before_the_first_word_and_between_attempts() {
    let house = Plan::cloud(vec![unavailable(), Act::says(&["never"])]).start().await;
    let run = house.send("m1", "cloud-b/big", "hi").await;
    house.until(&run, |what| matches!(what, steadfast_contract::run::RunChange::Connecting { attempt: 2, .. })).await;
    let view = house.gateway.stop(&run.spec.id, CancelReason::UserStop).await.unwrap();
    assert_eq!((view.state, view.text.as_str()), (RunState::Stopped, ""));
    assert_eq!(house.cloud.asked().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_stop_while_the_model_loads_ends_the_wait_and_not_the_load() {
    let mut plan = Plan::quick(vec![]);
    plan.quick = ModelPhase::Downloading;
    let house = plan.start().await;
    let run = house.send("m1", "quick", "hi").await;
    let view = house.gateway.stop(&run.spec.id, CancelReason::UserStop).await.unwrap();
    assert_eq!(view.state, RunState::Stopped);
    assert_eq!(house.models.status("smol").unwrap().phase, ModelPhase::Downloading);
}

#[tokio::test(start_paused = true)]
async fn stopping_what_has_ended_changes_nothing() {
    let house = Plan::quick(vec![Act::says(&["done"])]).start().await;
    let run = house.send("m1", "quick", "hi").await;
    house.ended(&run).await;
    let view = house.gateway.stop(&run.spec.id, CancelReason::UserStop).await.unwrap();
    assert_eq!(view.state, RunState::Done);
}

#[tokio::test(start_paused = true)]
async fn finishing_with_another_model_stops_the_first_for_the_switch() {
    let house = Plan::cloud(vec![Act::Speak(vec![Line::Say("slow "), Line::Stall])]);
    let house = Plan { engine: vec![Act::says(&["and quick"])], ..house }.start().await;
    let run = house.send("m1", "cloud-b/big", "hi").await;
    house.until_streaming(&run).await;
    let switch = NewRun { id: "r2".into(), model: Some("quick".into()), continues: Some(run.spec.id.clone()) };
    let finished = house.gateway.run_again("m1", switch).await.unwrap();
    assert_eq!(house.ended(&finished).await.text, "slow and quick");
    assert_eq!(house.gateway.run(&run.spec.id).await.unwrap().stop_reason, Some(CancelReason::ModelSwitch));
}
