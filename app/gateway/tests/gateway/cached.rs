//! Answers that are given again: to whom, for how long, and what is never kept.

use std::{sync::Arc, time::Duration};

use futures_util::StreamExt;
use steadfast::{CancelReason, CancelToken, Code, Error};
use steadfast_contract::{
    chat::{ChatRequest, Protocol, Sampling, Source},
    chunk::{Chunk, Status},
    code,
    provider::Delivery,
};
use steadfast_gateway::{Answer, CacheAsk, CacheSettings, CacheWish, ChatAsk, FromCache, GatewaySettings};
use steadfast_providers::scripted::{Act, Gate, Line};

use crate::{
    house::{House, Plan},
    talk::ask,
};

const FRESH: Duration = Duration::from_secs(60);
const STALE: Duration = Duration::from_secs(600);

async fn house(acts: Vec<Act>) -> House {
    let cache = CacheSettings { fresh_for: FRESH, stale_for: STALE, max_bytes: 1024 * 1024 };
    let settings = GatewaySettings { cache: Some(cache), attempts: 1, ..GatewaySettings::default() };
    Plan { settings, ..Plan::cloud(acts) }.start().await
}

/// Everybody asks the same.
fn greedy() -> ChatAsk {
    let plain = ask("cloud-b/big");
    let body = br#"{"model":"cloud-b/big","messages":[{"role":"user","content":"hi"}],"temperature":0}"#;
    let request = ChatRequest {
        sampling: Sampling { temperature: Some(0.0), ..Sampling::default() },
        source: Some(Source { protocol: Protocol::ChatCompletions, body: body.as_slice().into(), headers: vec![] }),
        ..plain.request
    };
    ChatAsk { request, cache: Some(of("ann", CacheWish::Unsaid)), ..plain }
}

fn of(principal: &str, wish: CacheWish) -> CacheAsk {
    CacheAsk { principal: principal.to_owned(), wish, max_age: None, max_stale: None }
}

fn wishing(wish: CacheWish) -> ChatAsk {
    ChatAsk { cache: Some(of("ann", wish)), ..greedy() }
}

/// The text, how it came about, and whether its reader was told that it is old.
async fn heard(house: &House, ask: ChatAsk) -> Result<(String, FromCache, bool), Error> {
    read(house.gateway.chat(ask).await?).await
}

async fn read(mut answer: Answer) -> Result<(String, FromCache, bool), Error> {
    let (mut text, mut marked) = (String::new(), false);
    while let Some(piece) = answer.stream.next().await {
        match piece?.chunk {
            Chunk::Text(words) => text.push_str(&words),
            Chunk::Status(Status::Stale { .. }) => marked = true,
            Chunk::ToolCall(part) => text.push_str(&part.arguments),
            _ => {}
        }
    }
    Ok((text, answer.cached, marked))
}

/// For tasks that were told to end.
async fn a_moment() {
    for _ in 0..10 {
        tokio::task::yield_now().await;
    }
}

fn asked(house: &House) -> usize {
    house.cloud.asked().len()
}

fn refused() -> Act {
    Act::Refuse(Error::unavailable("cloud-b"))
}

fn cut() -> Act {
    Act::Speak(vec![Line::Say("hel")])
}

#[tokio::test(start_paused = true)]
async fn equal_questions_at_the_same_time_are_one_question() {
    for delivery in [Delivery::Streamed, Delivery::Whole] {
        let gate = Gate::closed();
        let house = house(vec![Act::Speak(vec![Line::Wait(gate.clone()), Line::Say("hello"), Line::Finish])]).await;
        let one = || heard(&house, ChatAsk { delivery, ..greedy() });
        let opens = async {
            tokio::time::sleep(Duration::from_secs(1)).await;
            gate.open();
        };
        let (first, second, ()) = tokio::join!(one(), one(), opens);
        assert_eq!(first.unwrap(), ("hello".to_owned(), FromCache::Missed, false));
        assert_eq!(second.unwrap().0, "hello");
        assert_eq!(asked(&house), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn who_joins_in_the_middle_of_a_stream_reads_it_from_its_beginning_as_it_comes() {
    let gate = Gate::closed();
    let lines = vec![Line::Say("hel"), Line::Wait(gate.clone()), Line::Say("lo"), Line::Finish];
    let house = house(vec![Act::Speak(lines)]).await;
    let mut first = house.gateway.chat(greedy()).await.unwrap();
    assert!(matches!(first.stream.next().await, Some(Ok(piece)) if piece.chunk == Chunk::Text("hel".into())));
    let mut second = house.gateway.chat(greedy()).await.unwrap();
    assert!(matches!(second.stream.next().await, Some(Ok(piece)) if piece.chunk == Chunk::Text("hel".into())));
    gate.open();
    assert_eq!((read(first).await.unwrap().0, read(second).await.unwrap().0), ("lo".to_owned(), "lo".to_owned()));
    assert_eq!(asked(&house), 1);
}

#[tokio::test(start_paused = true)]
async fn an_answer_stands_while_it_is_fresh_and_then_is_asked_for_anew() {
    let house = house(vec![Act::says(&["one"]), Act::says(&["two"])]).await;
    assert_eq!(heard(&house, greedy()).await.unwrap().1, FromCache::Missed);
    tokio::time::advance(FRESH - Duration::from_secs(1)).await;
    let age = FRESH - Duration::from_secs(1);
    assert_eq!(heard(&house, greedy()).await.unwrap(), ("one".to_owned(), FromCache::Hit { age }, false));
    let picky = CacheAsk { max_age: Some(Duration::from_secs(5)), ..of("ann", CacheWish::Unsaid) };
    let picky = heard(&house, ChatAsk { cache: Some(picky), ..greedy() }).await.unwrap();
    assert_eq!((picky.0.as_str(), picky.1), ("two", FromCache::Missed));
}

#[tokio::test(start_paused = true)]
async fn when_nobody_can_answer_the_old_answer_is_given_and_marked() {
    let house = house(vec![Act::says(&["old"]), refused(), cut(), refused()]).await;
    heard(&house, greedy()).await.unwrap();
    tokio::time::advance(FRESH).await;
    let stale = FromCache::Stale { age: FRESH, code: Code::UNAVAILABLE };
    assert_eq!(heard(&house, greedy()).await.unwrap(), ("old".to_owned(), stale, true));
    // In one piece nothing of the broken one was shown, so the old one may still stand in.
    let whole = heard(&house, ChatAsk { delivery: Delivery::Whole, ..greedy() }).await.unwrap();
    assert_eq!(whole, ("old".to_owned(), FromCache::Stale { age: FRESH, code: code::STREAM_CUT }, true));
    tokio::time::advance(STALE).await;
    assert_eq!(heard(&house, greedy()).await.unwrap_err().last_attempt().code(), Code::UNAVAILABLE);
}

#[tokio::test(start_paused = true)]
async fn a_mistake_of_the_caller_is_not_papered_over() {
    let house = house(vec![Act::says(&["old"]), Act::Refuse(Error::validation("no"))]).await;
    heard(&house, greedy()).await.unwrap();
    tokio::time::advance(FRESH).await;
    assert_eq!(heard(&house, greedy()).await.unwrap_err().code(), Code::VALIDATION);
}

#[tokio::test(start_paused = true)]
async fn who_waits_no_longer_gets_the_old_answer_too() {
    let house = house(vec![Act::says(&["old"]), Act::Speak(vec![Line::Stall])]).await;
    heard(&house, greedy()).await.unwrap();
    tokio::time::advance(FRESH).await;
    let hurried = ChatAsk { deadline: Some(Duration::from_secs(3)), ..greedy() };
    let (text, cached, marked) = heard(&house, hurried).await.unwrap();
    let age = FRESH + Duration::from_secs(3);
    assert_eq!((text.as_str(), cached, marked), ("old", FromCache::Stale { age, code: Code::TIMEOUT }, true));
    a_moment().await;
    assert_eq!(house.cloud.left(), 1, "nobody waits for the new one");
}

#[tokio::test(start_paused = true)]
async fn a_cut_answer_is_told_to_all_as_cut_and_never_kept() {
    for delivery in [Delivery::Streamed, Delivery::Whole] {
        let house = house(vec![cut(), Act::says(&["hello"])]).await;
        let one = || heard(&house, ChatAsk { delivery, ..greedy() });
        let (first, second) = tokio::join!(one(), one());
        for ended in [first, second] {
            assert_eq!(ended.unwrap_err().code(), code::STREAM_CUT);
        }
        assert_eq!(asked(&house), 1);
        let (text, cached, _) = heard(&house, greedy()).await.unwrap();
        assert_eq!((text.as_str(), cached), ("hello", FromCache::Missed));
    }
}

#[tokio::test(start_paused = true)]
async fn a_failure_is_told_to_all_and_the_next_one_asks_anew() {
    let house = house(vec![refused(), Act::says(&["hello"])]).await;
    let (first, second) = tokio::join!(heard(&house, greedy()), heard(&house, greedy()));
    assert!(first.is_err() && second.is_err());
    assert_eq!(asked(&house), 1);
    assert_eq!(heard(&house, greedy()).await.unwrap().1, FromCache::Missed);
}

#[tokio::test(start_paused = true)]
async fn who_leaves_takes_nothing_from_the_others_and_the_last_one_ends_it() {
    let gate = Gate::closed();
    let lines = vec![Line::Say("hel"), Line::Wait(gate.clone()), Line::Say("lo"), Line::Finish];
    let house = house(vec![Act::Speak(lines), Act::Speak(vec![Line::Say("a"), Line::Stall])]).await;
    let (first, second) = (house.gateway.chat(greedy()).await.unwrap(), house.gateway.chat(greedy()).await.unwrap());
    drop(first);
    gate.open();
    assert_eq!(read(second).await.unwrap().0, "hello");
    assert_eq!((asked(&house), house.cloud.left()), (1, 0));

    let both = [wishing(CacheWish::Refresh), wishing(CacheWish::Refresh)].map(|ask| house.gateway.chat(ask));
    let both = futures_util::future::join_all(both).await;
    drop(both);
    a_moment().await;
    assert_eq!((asked(&house), house.cloud.left()), (2, 1));
}

#[tokio::test(start_paused = true)]
async fn a_stopped_caller_is_told_so_and_the_others_go_on() {
    let gate = Gate::closed();
    let house = house(vec![Act::Speak(vec![Line::Wait(gate.clone()), Line::Say("hello"), Line::Finish])]).await;
    let token = CancelToken::root("caller");
    let stopped = heard(&house, ChatAsk { token: token.clone(), ..greedy() });
    let stops = async {
        token.cancel(CancelReason::UserStop);
        gate.open();
    };
    let (stopped, other, ()) = tokio::join!(stopped, heard(&house, greedy()), stops);
    assert_eq!(stopped.unwrap_err().cancel_reason(), Some(CancelReason::UserStop));
    assert_eq!((other.unwrap().0.as_str(), asked(&house)), ("hello", 1));
}

#[tokio::test(start_paused = true)]
async fn what_somebody_else_was_told_is_nobody_elses() {
    let house = house(vec![Act::says(&["for ann"]), Act::says(&["for bob"])]).await;
    heard(&house, greedy()).await.unwrap();
    let bobs = ChatAsk { cache: Some(of("bob", CacheWish::Use)), ..greedy() };
    assert_eq!(heard(&house, bobs).await.unwrap().0, "for bob");
}

#[tokio::test(start_paused = true)]
async fn an_answer_in_one_piece_answers_a_stream_and_the_other_way_round() {
    for (first, second) in [(Delivery::Whole, Delivery::Streamed), (Delivery::Streamed, Delivery::Whole)] {
        let house = house(vec![Act::says(&["hel", "lo"])]).await;
        heard(&house, ChatAsk { delivery: first, ..greedy() }).await.unwrap();
        let (text, cached, _) = heard(&house, ChatAsk { delivery: second, ..greedy() }).await.unwrap();
        assert_eq!((text.as_str(), cached), ("hello", FromCache::Hit { age: Duration::ZERO }));
    }
}

#[tokio::test(start_paused = true)]
async fn a_new_answer_that_was_wished_for_takes_the_place_of_the_old_one() {
    let house = house(vec![Act::says(&["one"]), Act::says(&["two"]), refused()]).await;
    heard(&house, greedy()).await.unwrap();
    assert_eq!(heard(&house, wishing(CacheWish::Refresh)).await.unwrap().0, "two");
    assert_eq!(heard(&house, greedy()).await.unwrap().0, "two");
    assert!(heard(&house, wishing(CacheWish::Refresh)).await.is_err(), "who wants a new one is given no old one");
}

#[tokio::test(start_paused = true)]
async fn calls_are_given_again_to_those_who_wish_it_and_never_when_they_are_old() {
    let call = || Act::Speak(vec![Line::Call(0, r#"{"at":7}"#), Line::Finish]);
    let house = house(vec![call(), refused()]).await;
    heard(&house, wishing(CacheWish::Use)).await.unwrap();
    let (calls, cached, _) = heard(&house, wishing(CacheWish::Use)).await.unwrap();
    assert_eq!((calls.as_str(), cached), (r#"{"at":7}"#, FromCache::Hit { age: Duration::ZERO }));
    tokio::time::advance(FRESH).await;
    assert!(heard(&house, wishing(CacheWish::Use)).await.is_err());
}

#[tokio::test(start_paused = true)]
async fn without_the_setting_or_with_some_chance_in_it_every_question_is_asked() {
    let off = Plan::cloud(vec![Act::says(&["one"]), Act::says(&["two"])]).start().await;
    let house = house(vec![Act::says(&["one"]), Act::says(&["two"])]).await;
    let warm = || {
        let ask = greedy();
        ChatAsk { request: ChatRequest { sampling: Sampling::default(), ..ask.request }, ..ask }
    };
    for (house, ask) in [(&off, &greedy as &dyn Fn() -> ChatAsk), (&house, &warm)] {
        for expected in ["one", "two"] {
            let (text, cached, _) = heard(house, ask()).await.unwrap();
            assert_eq!((text.as_str(), cached), (expected, FromCache::Unasked));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn with_other_settings_nothing_old_is_given() {
    let house = house(vec![Act::says(&["one"]), Act::says(&["two"])]).await;
    heard(&house, greedy()).await.unwrap();
    let providers = vec![Arc::clone(&house.cloud) as Arc<dyn steadfast_contract::provider::Provider>];
    house.gateway.change_routes(providers, GatewaySettings::default());
    assert_eq!(heard(&house, greedy()).await.unwrap().0, "two");
}
