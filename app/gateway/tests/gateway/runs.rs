//! What a run goes through, and that its log says so.

use std::time::Duration;

use steadfast::{CancelReason, Clock, Code};
use steadfast_contract::{
    chat::Role,
    chunk::Status,
    code,
    run::{RunChange, RunState},
};
use steadfast_gateway::NewRun;
use steadfast_providers::scripted::{Act, Gate, Line};

use crate::house::{Plan, states, unavailable};

#[tokio::test(start_paused = true)]
async fn a_message_is_answered_and_its_log_has_no_gap() {
    let house = Plan::quick(vec![Act::says(&["The ", "ebb."])]).start().await;
    let run = house.send("m1", "quick", "When?").await;
    let log = house.log(&run).await;
    assert_eq!(states(&run, &log), [RunState::Connecting, RunState::Streaming, RunState::Done]);
    assert!(log.iter().map(|event| event.seq).eq(1..=log.len() as u64));
    assert_eq!(house.ended(&run).await.text, "The ebb.");
}

#[tokio::test(start_paused = true)]
async fn what_was_shown_is_what_is_stored() {
    let house = Plan::quick(vec![Act::says(&["a", "b", "c"])]).start().await;
    let run = house.send("m1", "quick", "hi").await;
    let live = house.log(&run).await;
    let stored = house.store.events(&house.token, &run.spec.id, 0, 100).await.unwrap();
    assert_eq!(live, stored);
}

#[tokio::test(start_paused = true)]
async fn a_resend_makes_no_second_message_and_no_second_question() {
    let house = Plan::quick(vec![Act::says(&["once"])]).start().await;
    let first = house.send("m1", "quick", "hi").await;
    house.ended(&first).await;
    let again = house.send("m1", "quick", "hi").await;
    assert_eq!(again.spec.id, first.spec.id);
    assert_eq!(house.engine.asked().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn two_refusals_are_tried_again_in_view_and_end_well() {
    let house = Plan::cloud(vec![unavailable(), unavailable(), Act::says(&["fine"])]).start().await;
    let run = house.send("m1", "cloud-b/big", "hi").await;
    let log = house.log(&run).await;
    let waits = log.iter().filter_map(|event| match &event.what {
        RunChange::Connecting { attempt, wait_ms, cause, .. } => {
            Some((*attempt, *wait_ms > 0, cause.as_ref().map(|cause| cause.code.as_str())))
        }
        _ => None,
    });
    let waits: Vec<_> = waits.collect();
    assert_eq!(waits[0], (1, false, None));
    assert_eq!(waits[1], (2, true, Some("UNAVAILABLE")), "the wait is announced before it begins");
    assert_eq!(waits[2], (2, false, Some("UNAVAILABLE")));
    let view = house.ended(&run).await;
    assert_eq!((view.state, view.text.as_str(), view.recoveries), (RunState::Done, "fine", 2));
    assert_eq!(house.cloud.asked().len(), 3);
}

#[tokio::test(start_paused = true)]
async fn who_presses_try_now_is_not_told_to_wait_for_the_pause_that_the_target_asked_for() {
    let pause = Duration::from_secs(10);
    let refused = Act::Refuse(steadfast::Error::rate_limited("cloud-b", Some(pause)));
    let house = Plan::cloud(vec![refused, Act::says(&["fine"])]).start().await;
    let run = house.send("m1", "cloud-b/big", "hi").await;
    let waits = |change: &RunChange| matches!(change, RunChange::Connecting { wait_ms, .. } if *wait_ms > 0);
    house.until(&run, waits).await;
    let clock = Clock::real();
    let pressed = clock.now();
    house.gateway.try_now(&run.spec.id).await.unwrap();
    let view = house.ended(&run).await;
    assert_eq!((view.state, view.text.as_str()), (RunState::Done, "fine"));
    assert!(clock.now() - pressed < pause);
}

#[tokio::test(start_paused = true)]
async fn what_trying_again_cannot_mend_fails_at_once() {
    let house = Plan::cloud(vec![Act::Refuse(steadfast::Error::unauthorized("cloud-b"))]).start().await;
    let run = house.send("m1", "cloud-b/big", "hi").await;
    let view = house.ended(&run).await;
    assert_eq!(view.state, RunState::Failed);
    assert_eq!(view.cause.unwrap().code, Code::UNAUTHORIZED.name());
    assert_eq!(house.cloud.asked().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn spent_attempts_fail_with_the_last_ones_cause() {
    let house = Plan::cloud((0..5).map(|_| unavailable()).collect()).start().await;
    let run = house.send("m1", "cloud-b/big", "hi").await;
    let view = house.ended(&run).await;
    let cause = view.cause.unwrap();
    assert_eq!((view.state, view.attempt, view.attempts), (RunState::Failed, 5, 5));
    assert_eq!((cause.code.as_str(), cause.retryable), ("UNAVAILABLE", true));
}

#[tokio::test(start_paused = true)]
async fn a_cut_answer_is_interrupted_and_keeps_every_word() {
    let cut = Act::Speak(vec![Line::Say("half a "), Line::Say("sentence")]);
    let house = Plan::cloud(vec![cut]).start().await;
    let run = house.send("m1", "cloud-b/big", "hi").await;
    let view = house.ended(&run).await;
    assert_eq!((view.state, view.text.as_str()), (RunState::Interrupted, "half a sentence"));
    assert_eq!(view.cause.unwrap().code, code::STREAM_CUT.name());
}

#[tokio::test(start_paused = true)]
async fn a_stalled_answer_is_interrupted_after_the_idle_time() {
    let house = Plan::cloud(vec![Act::Speak(vec![Line::Say("half"), Line::Stall])]).start().await;
    let run = house.send("m1", "cloud-b/big", "hi").await;
    let view = house.ended(&run).await;
    assert_eq!((view.state, view.text.as_str()), (RunState::Interrupted, "half"));
    assert_eq!(view.cause.unwrap().code, Code::TIMEOUT.name());
    assert_eq!(house.cloud.left(), 1, "the upstream was let go");
}

#[tokio::test(start_paused = true)]
async fn an_answer_without_a_word_is_a_failure() {
    let house = Plan::quick(vec![Act::says(&[])]).start().await;
    let run = house.send("m1", "quick", "hi").await;
    assert_eq!(house.ended(&run).await.state, RunState::Failed);
}

#[tokio::test(start_paused = true)]
async fn the_model_is_told_the_conversation_so_far() {
    let house = Plan::quick(vec![Act::says(&["one"]), Act::says(&["two"])]).start().await;
    let first = house.send("m1", "quick", "first").await;
    house.ended(&first).await;
    let second = house.send("m2", "quick", "second").await;
    house.ended(&second).await;
    let told: Vec<_> =
        house.engine.asked()[1].messages.iter().map(|message| (message.role, message.as_text().unwrap())).collect();
    assert_eq!(told, [(Role::User, "first".into()), (Role::Assistant, "one".into()), (Role::User, "second".into())]);
}

#[tokio::test(start_paused = true)]
async fn try_again_makes_a_second_version() {
    let house =
        Plan::cloud(vec![Act::Refuse(steadfast::Error::unauthorized("cloud-b")), Act::says(&["better"])]).start().await;
    let run = house.send("m1", "cloud-b/big", "hi").await;
    house.ended(&run).await;
    let again = house.gateway.run_again("m1", NewRun { id: "r2".into(), ..NewRun::default() }).await.unwrap();
    assert_eq!(again.spec.version, 2);
    assert_eq!(house.ended(&again).await.text, "better");
}

#[tokio::test(start_paused = true)]
async fn continue_goes_on_from_the_text_where_the_model_can() {
    let begun = Act::Speak(vec![Line::Say("half a "), Line::Stall]);
    let house = Plan::quick(vec![begun, Act::says(&["sentence"])]).start().await;
    let run = house.send("m1", "quick", "hi").await;
    house.until_streaming(&run).await;
    house.gateway.stop(&run.spec.id, CancelReason::UserStop).await.unwrap();
    let more = NewRun { id: "r2".into(), continues: Some(run.spec.id.clone()), ..NewRun::default() };
    let continued = house.gateway.run_again("m1", more).await.unwrap();
    assert_eq!(house.ended(&continued).await.text, "half a sentence");
    let told = house.engine.asked()[1].messages.last().cloned().unwrap();
    assert_eq!((told.role, told.as_text().unwrap()), (Role::Assistant, "half a ".into()));
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_the_engine_dropped_goes_on_by_itself_and_the_log_says_so() {
    let cut = Act::Speak(vec![Line::Say("half a ")]);
    let house = Plan::quick(vec![cut, Act::says(&["sentence"])]).start().await;
    let run = house.send("m1", "quick", "hi").await;
    let log = house.log(&run).await;
    let passed = [RunState::Connecting, RunState::Streaming, RunState::Recovering, RunState::Streaming, RunState::Done];
    assert_eq!(states(&run, &log), passed);
    assert!(log.iter().any(|event| matches!(&event.what, RunChange::Status { status: Status::Seam(_) })));
    let view = house.ended(&run).await;
    assert_eq!((view.text.as_str(), view.recoveries), ("half a sentence", 1));
}

#[tokio::test(start_paused = true)]
async fn a_second_reader_reads_from_where_it_is() {
    let gate = Gate::closed();
    let script = Act::Speak(vec![Line::Say("a"), Line::Wait(gate.clone()), Line::Say("b"), Line::Finish]);
    let house = Plan::quick(vec![script]).start().await;
    let run = house.send("m1", "quick", "hi").await;
    house.until_streaming(&run).await;
    let seen = house.gateway.run(&run.spec.id).await.unwrap().seq;
    let mut reader = house.gateway.follow(&run.spec.id, seen).await.unwrap();
    gate.open();
    let next = reader.next().await.unwrap().unwrap();
    assert_eq!((next.seq, next.what), (seen + 1, RunChange::Text { text: "b".into() }));
}
