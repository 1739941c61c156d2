//! The same question for an answer in one piece, sent twice under one key.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use steadfast::{CancelReason, CancelToken, Code, Error};
use steadfast_contract::code;
use steadfast_gateway::{Arrival, FromCache, IdempotencyKey, OnceAsk, WholeReply};
use steadfast_providers::scripted::Gate;

use crate::house::{House, Plan};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// A house, and how often the work was begun in it.
struct Desk {
    house: House,
    begun: Arc<AtomicUsize>,
    stopped: Arc<AtomicUsize>,
}

impl Desk {
    async fn open() -> Self {
        Self { house: Plan::quick(vec![]).start().await, begun: Arc::default(), stopped: Arc::default() }
    }

    /// Work that answers its own number once `gate` is open, or fails when it is told to.
    async fn ask(&self, ask: OnceAsk, gate: Gate, fails: bool) -> Result<(String, Arrival), Error> {
        let (begun, stopped) = (Arc::clone(&self.begun), Arc::clone(&self.stopped));
        let work = move |token: CancelToken| async move {
            let number = begun.fetch_add(1, Ordering::Relaxed) + 1;
            let guard = Stopped(Some((stopped, token)));
            gate.passed().await;
            guard.ends_well();
            if fails { Err(Error::unavailable("x")) } else { Ok(reply(&number.to_string())) }
        };
        let (reply, arrival) = self.house.gateway.answer_once(ask, work).await?;
        Ok((String::from_utf8(reply.body.to_vec()).unwrap(), arrival))
    }

    async fn answered(&self, ask: OnceAsk) -> Result<(String, Arrival), Error> {
        self.ask(ask, open(), false).await
    }

    fn begun(&self) -> usize {
        self.begun.load(Ordering::Relaxed)
    }
}

/// Counts work that was dropped in the middle, by a token that says why.
struct Stopped(Option<(Arc<AtomicUsize>, CancelToken)>);

impl Stopped {
    fn ends_well(mut self) {
        self.0 = None;
    }
}

impl Drop for Stopped {
    fn drop(&mut self) {
        if let Some((stopped, token)) = &self.0 {
            assert_eq!(token.reason(), Some(CancelReason::ClientGone));
            stopped.fetch_add(1, Ordering::Relaxed);
        }
    }
}

fn open() -> Gate {
    let gate = Gate::closed();
    gate.open();
    gate
}

fn reply(body: &str) -> WholeReply {
    let (model, target) = ("big".to_owned(), "cloud-b".to_owned());
    WholeReply { body: body.to_owned().into(), model, target, attempts: vec![], cached: FromCache::Unasked }
}

fn by(principal: &str, key: &str, body: &str) -> OnceAsk {
    OnceAsk {
        principal: principal.to_owned(),
        key: IdempotencyKey::new(key, body.as_bytes()).unwrap(),
        deadline: None,
        token: CancelToken::root("caller"),
    }
}

fn ann() -> OnceAsk {
    by("ann", "k", "{}")
}

#[tokio::test(start_paused = true)]
async fn sent_twice_at_once_it_is_answered_once_and_later_it_is_the_same_answer() {
    let (desk, gate) = (Desk::open().await, Gate::closed());
    let opens = async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        gate.open();
    };
    let (first, second, ()) =
        tokio::join!(desk.ask(ann(), gate.clone(), false), desk.ask(ann(), gate.clone(), false), opens);
    assert_eq!(first.unwrap(), ("1".to_owned(), Arrival::New));
    assert_eq!(second.unwrap(), ("1".to_owned(), Arrival::Attached));
    tokio::time::advance(DAY - Duration::from_secs(2)).await;
    assert_eq!(desk.answered(ann()).await.unwrap(), ("1".to_owned(), Arrival::Replayed));
    tokio::time::advance(Duration::from_secs(2)).await;
    assert_eq!(desk.answered(ann()).await.unwrap(), ("2".to_owned(), Arrival::New));
}

#[tokio::test(start_paused = true)]
async fn another_question_under_the_same_key_is_refused_and_somebody_elses_key_is_another() {
    let desk = Desk::open().await;
    desk.answered(ann()).await.unwrap();
    assert_eq!(desk.answered(by("ann", "k", "[]")).await.unwrap_err().code(), code::KEY_REUSED);
    assert_eq!(desk.answered(by("bob", "k", "[]")).await.unwrap().0, "2");
}

#[tokio::test(start_paused = true)]
async fn a_failure_is_told_to_both_and_sent_again_it_is_tried_again() {
    let (desk, gate) = (Desk::open().await, Gate::closed());
    let opens = async { gate.open() };
    let (first, second, ()) =
        tokio::join!(desk.ask(ann(), gate.clone(), true), desk.ask(ann(), gate.clone(), true), opens);
    for ended in [first, second] {
        assert_eq!(ended.unwrap_err().code(), Code::UNAVAILABLE);
    }
    assert_eq!(desk.begun(), 1);
    assert_eq!(desk.answered(by("ann", "k", "[]")).await.unwrap(), ("2".to_owned(), Arrival::New), "the key is free");
}

#[tokio::test(start_paused = true)]
async fn the_sender_may_come_back_on_another_line_and_with_the_last_one_the_work_ends() {
    let (desk, gate) = (Desk::open().await, Gate::closed());
    let lost = tokio::time::timeout(Duration::from_secs(2), desk.ask(ann(), gate.clone(), false));
    let comes_back = async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        desk.ask(ann(), gate.clone(), false).await
    };
    let opens = async {
        tokio::time::sleep(Duration::from_secs(3)).await;
        gate.open();
    };
    let (lost, back, ()) = tokio::join!(lost, comes_back, opens);
    assert!(lost.is_err());
    assert_eq!(back.unwrap(), ("1".to_owned(), Arrival::Attached));

    let never = Gate::closed();
    let left = tokio::time::timeout(Duration::from_secs(1), desk.ask(by("ann", "l", "{}"), never, false)).await;
    assert!(left.is_err());
    assert_eq!(desk.answered(by("ann", "l", "{}")).await.unwrap(), ("3".to_owned(), Arrival::New));
    assert_eq!(desk.stopped.load(Ordering::Relaxed), 1);
}

#[tokio::test(start_paused = true)]
async fn each_waits_for_as_long_as_it_likes() {
    let (desk, gate) = (Desk::open().await, Gate::closed());
    let hurried = OnceAsk { deadline: Some(Duration::from_secs(1)), ..ann() };
    let opens = async {
        tokio::time::sleep(Duration::from_secs(5)).await;
        gate.open();
    };
    let (hurried, patient, ()) =
        tokio::join!(desk.ask(hurried, gate.clone(), false), desk.ask(ann(), gate.clone(), false), opens);
    assert_eq!(hurried.unwrap_err().cancel_reason(), Some(CancelReason::Deadline));
    assert_eq!(patient.unwrap().0, "1");
}
