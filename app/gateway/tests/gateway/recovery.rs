//! After the first content: what survives the break of an attempt, and what ends honestly.

use std::{sync::Arc, time::Duration};

use futures_util::StreamExt;
use steadfast::{CancelReason, Code, Error};
use steadfast_contract::{
    chat::{AnswerFormat, ChatRequest, Role, Tool, ToolArguments},
    chunk::{Chunk, FinishReason, SeamMethod},
    code,
    provider::Continuation,
    run::{RunChange, RunState},
    usage::Usage,
};
use steadfast_gateway::{ChatAsk, GoesOn};
use steadfast_providers::scripted::{Act, Line, Scripted};

use crate::{
    house::{House, Plan, states},
    talk::{Heard, ask, chain, hear},
};

const FIRST: &str = "The tide comes in, the tide goes out, ";
const SECOND: &str = "and nobody on the pier has ever asked it why.";

/// A house where `a` speaks `first` and `b`, which can go on or not, `second`.
async fn two(first: Vec<Line>, continuation: Continuation, second: Vec<Act>) -> (House, Arc<Scripted>, Arc<Scripted>) {
    let a = Arc::new(Scripted::upstream("a", "big", [Act::Speak(first)]));
    let b = Arc::new(Scripted::upstream("b", "big", second).continuing(continuation));
    let house = chain(&a, &b).start().await;
    (house, a, b)
}

async fn broken_after(first: Vec<Line>, continuation: Continuation, second: Vec<Act>) -> Heard {
    let (house, ..) = two(first, continuation, second).await;
    hear(&house, ask("genius")).await
}

/// What ended it is told, and that it is no whole answer.
fn is_incomplete(heard: &Heard, code: Code, text: &str) {
    assert_eq!(heard.error.as_ref().map(Error::code), Some(code), "{heard:?}");
    assert_eq!((heard.text.as_str(), heard.finishes.len()), (text, 0));
    assert_eq!(heard.detail("delivered_chars"), Some(text.chars().count().to_string().as_str()));
    assert_eq!(heard.detail("partial"), Some("true"));
    assert!(heard.detail("attempts").is_some());
}

#[tokio::test(start_paused = true)]
async fn a_cut_answer_goes_on_word_for_word_where_continuing_was_verified() {
    let usage = Usage { prompt_tokens: 20, completion_tokens: 10, cached_tokens: 0 };
    let second = Act::Speak(vec![Line::Words(format!(" {SECOND}")), Line::FinishWith(FinishReason::Stop, usage)]);
    let (house, _, b) = two(vec![Line::Say(FIRST)], Continuation::Verified, vec![second]).await;
    let heard = hear(&house, ask("genius")).await;
    assert_eq!(heard.text, format!("{FIRST}{SECOND}"));
    assert!(heard.error.is_none());

    let [seam] = heard.seams.as_slice() else { panic!("one seam: {heard:?}") };
    assert_eq!((seam.at_chars as usize, seam.method, seam.attempt), (FIRST.len(), SeamMethod::Prefill, 2));
    assert_eq!((seam.from.as_str(), seam.to.as_str(), seam.cause.as_str()), ("a/big", "b/big", "STREAM_CUT"));

    let [(FinishReason::Stop, Some(sum))] = heard.finishes.as_slice() else { panic!("one end: {heard:?}") };
    assert_eq!(sum.completion_tokens, 10 + 10, "what the first had written is estimated from 38 characters");

    let told = b.asked()[0].messages.last().cloned().unwrap();
    assert_eq!((told.role, told.as_text().as_deref()), (Role::Assistant, Some(FIRST.trim_end())));
}

#[tokio::test(start_paused = true)]
async fn a_stall_and_an_error_in_the_middle_are_breaks_like_a_cut() {
    let broken: [(Line, &str); 2] =
        [(Line::Stall, "TIMEOUT"), (Line::Break(Error::overloaded("a", None)), "OVERLOADED")];
    for (how, cause) in broken {
        let heard = broken_after(vec![Line::Say(FIRST), how], Continuation::Verified, vec![Act::says(&[SECOND])]).await;
        assert_eq!(heard.text, format!("{FIRST}{SECOND}"));
        assert_eq!(heard.seams[0].cause, cause);
    }
}

#[tokio::test(start_paused = true)]
async fn where_nobody_is_known_to_go_on_the_answer_ends_incomplete() {
    for continuation in [Continuation::Unknown, Continuation::Unsupported] {
        let (house, _, b) = two(vec![Line::Say(FIRST)], continuation, vec![Act::says(&["never"])]).await;
        is_incomplete(&hear(&house, ask("genius")).await, code::STREAM_CUT, FIRST);
        assert_eq!(b.asked().len(), 0);
    }
}

#[tokio::test(start_paused = true)]
async fn a_continuation_that_begins_anew_is_not_shown() {
    let again = Act::Speak(vec![Line::Say(FIRST), Line::Say(SECOND), Line::Finish]);
    let heard = broken_after(vec![Line::Say(FIRST)], Continuation::Verified, vec![again]).await;
    is_incomplete(&heard, code::STREAM_CUT, FIRST);
    assert!(heard.seams.is_empty());
}

#[tokio::test(start_paused = true)]
async fn repeated_last_words_are_said_once() {
    let repeats = Act::says(&["the tide goes out, ", SECOND]);
    let heard = broken_after(vec![Line::Say(FIRST)], Continuation::Verified, vec![repeats]).await;
    assert_eq!(heard.text, format!("{FIRST}{SECOND}"));
}

#[tokio::test(start_paused = true)]
async fn there_is_one_continuation_and_no_second() {
    let cut_again = Act::Speak(vec![Line::Words(format!("{SECOND} {SECOND}"))]);
    let heard =
        broken_after(vec![Line::Say(FIRST)], Continuation::Verified, vec![cut_again, Act::says(&["never"])]).await;
    is_incomplete(&heard, code::STREAM_CUT, &format!("{FIRST}{SECOND} {SECOND}"));
    assert_eq!(heard.seams.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn thoughts_alone_are_begun_anew_elsewhere_and_the_seam_says_so() {
    let heard = broken_after(vec![Line::Think("hm")], Continuation::Unsupported, vec![Act::says(&["whole"])]).await;
    assert_eq!((heard.text.as_str(), heard.seams[0].method), ("whole", SeamMethod::Anew));
    assert_eq!(heard.finishes.len(), 1);
}

fn with_tool(model: &str) -> ChatAsk {
    let tool = Tool { name: "tide".into(), description: None, parameters: None, strict: None };
    let plain = ask(model);
    ChatAsk { request: ChatRequest { tools: vec![tool], ..plain.request }, ..plain }
}

#[tokio::test(start_paused = true)]
async fn an_open_call_is_asked_for_anew_and_comes_whole() {
    let whole = || vec![Line::Call(0, r#"{"at":"#), Line::Call(0, "7}"), Line::Finish];
    let (house, ..) = two(vec![Line::Call(0, r#"{"at":"#)], Continuation::Verified, vec![Act::Speak(whole())]).await;
    let heard = hear(&house, with_tool("genius")).await;
    assert_eq!(heard.calls.concat(), r#"{"at":7}"#);
    assert!(heard.error.is_none() && heard.seams.is_empty());
}

#[tokio::test(start_paused = true)]
async fn text_before_a_call_is_not_gone_on_from_and_half_a_call_is_not_shown() {
    let first = vec![Line::Say("Let me see."), Line::Call(0, r#"{"at":"#)];
    let (house, _, b) = two(first, Continuation::Verified, vec![Act::says(&["never"])]).await;
    let heard = hear(&house, with_tool("genius")).await;
    is_incomplete(&heard, code::STREAM_CUT, "Let me see.");
    assert!(heard.calls.is_empty() && b.asked().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_break_after_a_call_was_shown_ends_with_a_code_of_its_own() {
    let first = vec![Line::Call(0, r#"{"at":7}"#)];
    let (house, _, b) = two(first, Continuation::Verified, vec![Act::says(&["never"])]).await;
    let heard = hear(&house, with_tool("genius")).await;
    is_incomplete(&heard, code::TOOL_CALL_TRUNCATED, "");
    assert!(b.asked().is_empty());
}

#[tokio::test(start_paused = true)]
async fn arguments_that_are_shown_live_are_there_at_once_and_a_break_in_them_has_that_code() {
    let first = vec![Line::Call(0, r#"{"at":"#)];
    let (house, _, b) = two(first, Continuation::Verified, vec![Act::says(&["never"])]).await;
    let plain = with_tool("genius");
    let live = ChatAsk { request: ChatRequest { tool_arguments: ToolArguments::Live, ..plain.request }, ..plain };
    let heard = hear(&house, live).await;
    is_incomplete(&heard, code::TOOL_CALL_TRUNCATED, "");
    assert_eq!((heard.calls.concat().as_str(), b.asked().len()), (r#"{"at":"#, 0));
}

#[tokio::test(start_paused = true)]
async fn json_is_never_patched() {
    let (house, _, b) = two(vec![Line::Say(r#"{"at": "#)], Continuation::Verified, vec![Act::says(&["7}"])]).await;
    let plain = ask("genius");
    let json = ChatAsk { request: ChatRequest { format: AnswerFormat::Json, ..plain.request }, ..plain };
    is_incomplete(&hear(&house, json).await, code::STREAM_CUT, r#"{"at": "#);
    assert!(b.asked().is_empty());
}

#[tokio::test(start_paused = true)]
async fn the_engine_goes_on_to_the_letter() {
    let acts = vec![Act::Speak(vec![Line::Say("one ")]), Act::says(&[" two"])];
    let house = Plan::quick(acts).start().await;
    let heard = hear(&house, ask("quick")).await;
    assert_eq!((heard.text.as_str(), heard.seams[0].method), ("one  two", SeamMethod::Exact));
    assert_eq!(house.engine.asked()[1].messages.last().unwrap().as_text().as_deref(), Some("one "));
}

#[tokio::test(start_paused = true)]
async fn the_engine_goes_on_from_what_a_remote_model_wrote() {
    let mut plan = Plan::cloud(vec![Act::Speak(vec![Line::Say(FIRST)])]);
    plan.engine = vec![Act::says(&[SECOND])];
    plan.tiers.insert("genius".into(), vec!["cloud-b/big".into(), "smol".into()]);
    let any = ChatAsk { goes_on: GoesOn::AnyModel, ..ask("genius") };
    let heard = hear(&plan.start().await, any).await;
    assert_eq!((heard.text, heard.seams[0].method), (format!("{FIRST}{SECOND}"), SeamMethod::Prefill));
}

#[tokio::test(start_paused = true)]
async fn another_model_goes_on_only_where_that_was_asked_for() {
    for (goes_on, is_whole) in [(GoesOn::SameModel, false), (GoesOn::AnyModel, true)] {
        let a = Arc::new(Scripted::upstream("a", "big", [Act::Speak(vec![Line::Say(FIRST)])]));
        let other = Scripted::upstream("b", "other", [Act::says(&[SECOND])]);
        let b = Arc::new(other.continuing(Continuation::Verified));
        let mut plan = chain(&a, &b);
        plan.tiers.insert("genius".into(), vec!["a/big".into(), "b/other".into()]);
        let house = plan.start().await;
        let heard = hear(&house, ChatAsk { goes_on, ..ask("genius") }).await;
        if is_whole {
            assert_eq!((heard.text, heard.seams[0].to.as_str()), (format!("{FIRST}{SECOND}"), "b/other"));
        } else {
            is_incomplete(&heard, code::STREAM_CUT, FIRST);
            assert_eq!(b.asked().len(), 0);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_model_that_is_not_known_to_go_on_does_not_whoever_asks_for_it() {
    let (house, _, b) = two(vec![Line::Say(FIRST)], Continuation::Unknown, vec![Act::says(&["never"])]).await;
    is_incomplete(&hear(&house, ChatAsk { goes_on: GoesOn::AnyModel, ..ask("genius") }).await, code::STREAM_CUT, FIRST);
    assert!(b.asked().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_reader_who_leaves_during_the_recovery_stops_it() {
    let stalls = || vec![Act::Speak(vec![Line::Stall])];
    for goes in [true, false] {
        let (house, _, b) = two(vec![Line::Say(FIRST)], Continuation::Verified, stalls()).await;
        let asked = ask("genius");
        let token = asked.token.clone();
        let mut answer = house.gateway.chat(asked).await.unwrap();
        assert!(matches!(answer.stream.next().await, Some(Ok(piece)) if piece.chunk == Chunk::Text(FIRST.into())));
        let waiting = tokio::time::timeout(Duration::from_secs(5), answer.stream.next());
        assert!(waiting.await.is_err(), "it is being recovered");
        assert_eq!(b.asked().len(), 1);
        if goes {
            drop(answer);
        } else {
            token.cancel(CancelReason::ClientGone);
            let ended = answer.stream.next().await.unwrap().unwrap_err();
            assert_eq!(ended.cancel_reason(), Some(CancelReason::ClientGone));
        }
        assert_eq!(b.left(), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn the_deadline_holds_for_the_recovery_too() {
    let stalls = vec![Act::Speak(vec![Line::Stall])];
    let (house, ..) = two(vec![Line::Say(FIRST)], Continuation::Verified, stalls).await;
    let limited = ChatAsk { deadline: Some(Duration::from_secs(40)), ..ask("genius") };
    let began = steadfast::Clock::real().now();
    let heard = hear(&house, limited).await;
    is_incomplete(&heard, code::STREAM_CUT, FIRST);
    assert_eq!((steadfast::Clock::real().now() - began).as_secs(), 40);
}

#[tokio::test(start_paused = true)]
async fn the_page_sees_the_recovery_and_the_seam() {
    let (house, ..) = two(vec![Line::Say(FIRST)], Continuation::Verified, vec![Act::says(&[SECOND])]).await;
    let run = house.send("m1", "genius", "hi").await;
    let log = house.log(&run).await;
    let passed = [RunState::Connecting, RunState::Streaming, RunState::Recovering, RunState::Streaming, RunState::Done];
    assert_eq!(states(&run, &log), passed);
    let recovering = log.iter().find_map(|event| match &event.what {
        RunChange::Recovering { target, cause, .. } => Some((target.as_str(), cause.code.as_str())),
        _ => None,
    });
    assert_eq!(recovering, Some(("b", "STREAM_CUT")));
    assert_eq!(house.ended(&run).await.text, format!("{FIRST}{SECOND}"));
}
