//! A chain of targets: the next one has its turn when the one before cannot answer.

use steadfast::{Code, Error};
use steadfast_contract::run::RunState;
use steadfast_providers::scripted::Act;

use crate::house::{House, Plan, unavailable};

async fn chain(cloud: Vec<Act>, engine: Vec<Act>) -> House {
    let mut plan = Plan::cloud(cloud);
    plan.engine = engine;
    plan.tiers.insert("genius".into(), vec!["cloud-b/big".into(), "smol".into()]);
    plan.start().await
}

#[tokio::test(start_paused = true)]
async fn a_refusing_upstream_is_left_for_the_next_after_one_quick_retry() {
    let house = chain(vec![unavailable(), unavailable(), unavailable()], vec![Act::says(&["here"])]).await;
    let run = house.send("m1", "genius", "hi").await;
    let view = house.ended(&run).await;
    assert_eq!((view.state, view.text.as_str(), view.target.as_deref()), (RunState::Done, "here", Some("Quick")));
    assert_eq!(house.cloud.asked().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_key_that_is_refused_is_no_reason_to_leave_the_person_without_an_answer() {
    let house = chain(vec![Act::Refuse(Error::unauthorized("cloud-b"))], vec![Act::says(&["here"])]).await;
    let run = house.send("m1", "genius", "hi").await;
    assert_eq!(house.ended(&run).await.text, "here");
}

#[tokio::test(start_paused = true)]
async fn what_is_wrong_with_the_question_itself_is_not_asked_elsewhere() {
    let house = chain(vec![Act::Refuse(Error::validation("no such option"))], vec![Act::says(&["never"])]).await;
    let run = house.send("m1", "genius", "hi").await;
    let view = house.ended(&run).await;
    assert_eq!((view.state, view.cause.unwrap().code.as_str()), (RunState::Failed, Code::VALIDATION.name()));
    assert_eq!(house.engine.asked().len(), 0);
}
