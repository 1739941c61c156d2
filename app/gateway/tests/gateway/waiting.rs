//! Messages to a model that is not ready yet.

use steadfast::{CancelReason, Code, Error};
use steadfast_contract::{
    model::{ModelHost, ModelPhase},
    run::{QueuedWhy, RunChange, RunState},
};
use steadfast_providers::scripted::Act;

use crate::house::{House, Plan};

async fn with_quick(phase: ModelPhase) -> House {
    let mut plan = Plan::quick(vec![Act::says(&["awake"])]);
    plan.quick = phase;
    plan.start().await
}

fn in_line(why: QueuedWhy) -> impl Fn(&RunChange) -> bool {
    move |what| matches!(what, RunChange::Queued { why: said, .. } if *said == why)
}

#[tokio::test(start_paused = true)]
async fn a_message_wakes_an_idle_model_and_is_answered_when_it_is_ready() {
    let house = with_quick(ModelPhase::Idle).await;
    let run = house.send("m1", "quick", "hi").await;
    house.until(&run, in_line(QueuedWhy::ModelLoading)).await;
    assert_eq!(house.models.loads(), ["smol"]);
    house.models.set("smol", ModelPhase::Ready);
    assert_eq!(house.ended(&run).await.text, "awake");
}

#[tokio::test(start_paused = true)]
async fn a_cancelled_load_leaves_the_message_in_line_until_somebody_loads_again() {
    let house = with_quick(ModelPhase::Downloading).await;
    let run = house.send("m1", "quick", "hi").await;
    house.until(&run, in_line(QueuedWhy::ModelLoading)).await;
    house.models.cancel("smol", CancelReason::UserStop).unwrap();
    house.until(&run, in_line(QueuedWhy::ModelNotLoaded)).await;
    house.models.load("smol").unwrap();
    house.models.set("smol", ModelPhase::Ready);
    assert_eq!(house.ended(&run).await.text, "awake");
}

#[tokio::test(start_paused = true)]
async fn a_load_that_fails_fails_the_run_with_its_reason() {
    let house = with_quick(ModelPhase::Downloading).await;
    let run = house.send("m1", "quick", "hi").await;
    house.until(&run, in_line(QueuedWhy::ModelLoading)).await;
    house.models.fail("smol", &Error::disk_full(98, 12));
    let view = house.ended(&run).await;
    assert_eq!((view.state, view.cause.unwrap().code.as_str()), (RunState::Failed, Code::DISK_FULL.name()));
}

#[tokio::test(start_paused = true)]
async fn a_tier_with_a_ready_upstream_does_not_wait_for_a_sleeping_model() {
    let mut plan = Plan::cloud(vec![Act::says(&["from the cloud"])]);
    plan.quick = ModelPhase::Idle;
    plan.tiers.insert("quick".into(), vec!["smol".into(), "cloud-b/big".into()]);
    let house = plan.start().await;
    let run = house.send("m1", "quick", "hi").await;
    assert_eq!(house.ended(&run).await.text, "from the cloud");
}
