//! Messages that wait behind an answer: in order, with a place, to be edited, withdrawn or sent at once.

use steadfast::{CancelReason, Code};
use steadfast_contract::run::{QueuedWhy, RunState};
use steadfast_providers::scripted::{Act, Gate, Line};

use crate::house::{House, Plan};

/// One answer is being written, and holds until the gate opens.
async fn busy(then: Vec<Act>) -> (House, Gate) {
    let gate = Gate::closed();
    let first = Act::Speak(vec![Line::Say("a"), Line::Wait(gate.clone()), Line::Finish]);
    let house = Plan::quick([first].into_iter().chain(then).collect()).start().await;
    let run = house.send("m1", "quick", "first").await;
    house.until_streaming(&run).await;
    (house, gate)
}

#[tokio::test(start_paused = true)]
async fn messages_wait_with_their_place_and_are_answered_in_order() {
    let (house, gate) = busy(vec![Act::says(&["two"]), Act::says(&["three"])]).await;
    let second = house.send("m2", "quick", "second").await;
    let third = house.send("m3", "quick", "third").await;
    let waiting = house.gateway.run(&third.spec.id).await.unwrap();
    assert_eq!(
        (waiting.state, waiting.queued, waiting.place),
        (RunState::Queued, Some(QueuedWhy::AnotherAnswer), Some(2))
    );
    gate.open();
    assert_eq!(house.ended(&second).await.text, "two");
    assert_eq!(house.ended(&third).await.text, "three");
}

#[tokio::test(start_paused = true)]
async fn a_waiting_message_can_be_edited_and_what_is_asked_is_the_edited_one() {
    let (house, gate) = busy(vec![Act::says(&["two"])]).await;
    let second = house.send("m2", "quick", "secnod").await;
    house.gateway.edit_message("m2", "second").await.unwrap();
    gate.open();
    house.ended(&second).await;
    let asked = house.engine.asked()[1].messages.last().unwrap().as_text().unwrap();
    assert_eq!(asked, "second");
}

#[tokio::test(start_paused = true)]
async fn a_withdrawn_message_is_gone_and_never_asked() {
    let (house, gate) = busy(vec![Act::says(&["three"])]).await;
    let second = house.send("m2", "quick", "second").await;
    let third = house.send("m3", "quick", "third").await;
    house.gateway.remove_message("m2").await.unwrap();
    gate.open();
    assert_eq!(house.ended(&third).await.text, "three");
    let turns = house.gateway.conversation("c").await.unwrap().turns;
    assert_eq!(turns.iter().map(|turn| turn.message.id.as_str()).collect::<Vec<_>>(), ["m1", "m3"]);
    assert_eq!(house.gateway.run(&second.spec.id).await.unwrap_err().code(), Code::NOT_FOUND);
}

#[tokio::test(start_paused = true)]
async fn a_message_that_is_being_answered_can_be_neither_edited_nor_withdrawn() {
    let (house, _gate) = busy(vec![]).await;
    assert_eq!(house.gateway.edit_message("m1", "other").await.unwrap_err().code(), Code::CONFLICT);
    assert_eq!(house.gateway.remove_message("m1").await.unwrap_err().code(), Code::CONFLICT);
}

#[tokio::test(start_paused = true)]
async fn send_now_stops_the_answer_and_sends_only_that_one() {
    let (house, _gate) = busy(vec![Act::says(&["three"]), Act::says(&["two"])]).await;
    let second = house.send("m2", "quick", "second").await;
    let third = house.send("m3", "quick", "third").await;
    house.gateway.send_now("m3").await.unwrap();
    assert_eq!(house.ended(&third).await.text, "three");
    assert_eq!(house.ended(&second).await.text, "two");
    let first = &house.gateway.conversation("c").await.unwrap().turns[0].runs[0];
    assert_eq!((first.state, first.stop_reason), (RunState::Stopped, Some(CancelReason::Superseded)));
}

#[tokio::test(start_paused = true)]
async fn the_line_has_an_end() {
    let (house, _gate) = busy(vec![]).await;
    for number in 2..=11 {
        house.send(&format!("m{number}"), "quick", "more").await;
    }
    let refused = house.try_send("m12", "quick", "too much").await.unwrap_err();
    assert_eq!(refused.code(), Code::OVERLOADED);
}

#[tokio::test(start_paused = true)]
async fn a_stopped_waiting_message_leaves_the_line() {
    let (house, gate) = busy(vec![Act::says(&["three"])]).await;
    let second = house.send("m2", "quick", "second").await;
    let third = house.send("m3", "quick", "third").await;
    assert_eq!(house.gateway.stop(&second.spec.id, CancelReason::UserStop).await.unwrap().state, RunState::Stopped);
    gate.open();
    assert_eq!(house.ended(&third).await.text, "three");
}
