//! What a new life of the house makes of what the last one left.

use steadfast_contract::{
    code,
    model::ModelPhase,
    run::{RunChange, RunEvent, RunState},
};
use steadfast_providers::scripted::{Act, Line};

use crate::house::Plan;

#[tokio::test(start_paused = true)]
async fn an_answer_that_was_being_written_is_marked_interrupted_with_its_text() {
    let house = Plan::quick(vec![]).start().await;
    let run = house.send("m0", "quick", "only to make the conversation").await;
    house.ended(&run).await;
    // What a killed process leaves: a log without an end.
    let spec = steadfast_contract::run::RunSpec { id: "dead".into(), version: 2, ..run.spec.clone() };
    house.store.add_run(&house.token, spec).await.unwrap();
    let connecting = RunChange::Connecting { attempt: 1, of: 5, target: "Quick".into(), wait_ms: 0, cause: None };
    let left = [connecting, RunChange::Text { text: "as far as".into() }];
    let left: Vec<_> = left.into_iter().zip(1..).map(|(what, seq)| RunEvent { seq, at_ms: 0, what }).collect();
    house.store.append(&house.token, "dead", &left).await.unwrap();

    let house = Plan::quick(vec![]).start_over(house.shut_down().await).await;
    let view = house.gateway.run("dead").await.unwrap();
    assert_eq!((view.state, view.text.as_str()), (RunState::Interrupted, "as far as"));
    assert_eq!(view.cause.unwrap().code, code::INTERRUPTED.name());
}

#[tokio::test(start_paused = true)]
async fn messages_in_line_are_answered_after_the_restart_in_their_order() {
    let mut plan = Plan::quick(vec![]);
    plan.quick = ModelPhase::Downloading;
    let house = plan.start().await;
    let first = house.send("m1", "quick", "first").await;
    let second = house.send("m2", "quick", "second").await;
    let house = Plan::quick(vec![Act::says(&["one"]), Act::says(&["two"])]).start_over(house.shut_down().await).await;
    assert_eq!(house.ended(&second).await.text, "two");
    assert_eq!(house.ended(&first).await.text, "one");
}

#[tokio::test(start_paused = true)]
async fn a_shutdown_stops_the_answer_with_its_reason_and_leaves_no_task() {
    let house = Plan::quick(vec![Act::Speak(vec![Line::Say("some"), Line::Stall])]).start().await;
    let run = house.send("m1", "quick", "hi").await;
    house.until_streaming(&run).await;
    let (token, gateway) = (house.token.clone(), std::sync::Arc::clone(&house.gateway));
    let store = house.shut_down().await;
    assert_eq!(token.running(), Vec::<String>::new());
    let view = store.run(&steadfast::CancelToken::root("test"), &run.spec.id).await.unwrap();
    assert_eq!((view.state, view.text.as_str()), (RunState::Stopped, "some"));
    drop(gateway);
}
