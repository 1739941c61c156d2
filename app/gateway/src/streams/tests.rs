//! The log by itself: numbers, bounds, fences, ends.

use std::time::Duration;

use steadfast::{CancelReason, Clock, Error};
use steadfast_contract::{
    chunk::{Chunk, FinishReason, Piece},
    code,
    stream_log::{LogItem, StreamState},
};

use super::{
    bounds::Bounds,
    ledger::Ledger,
    log::{Closed, EndShown, Log},
    spec::{Keep, Opening},
};
use crate::{cached::FromCache, testing::Plain as Words};

fn log(events: usize, bytes: usize, ledger: &Ledger) -> Log {
    let mut log = Log::new(Box::new(Words::default()), Bounds { events, bytes }, ledger.share());
    log.open(
        1,
        Opening { model: "big".into(), target: "cloud-b".into(), attempts: Vec::new(), cached: FromCache::Unasked },
    )
    .unwrap();
    log
}

fn say(log: &mut Log, words: &str) -> Result<(), Closed> {
    log.piece(1, Piece::from(Chunk::Text(words.to_owned())), Clock::manual().now())
}

fn finish(log: &mut Log) {
    let finish = Chunk::Finish { reason: FinishReason::Stop, usage: None };
    log.piece(1, finish.into(), Clock::manual().now()).unwrap();
}

fn seqs(items: &[LogItem]) -> Vec<u64> {
    items.iter().map(LogItem::seq).collect()
}

#[test]
fn frames_are_numbered_from_one_and_read_from_any_place() {
    let mut log = log(100, 10_000, &Ledger::default());
    ["a", "b", "c"].iter().for_each(|words| say(&mut log, words).unwrap());
    assert_eq!(seqs(&log.read(0, 64)), [1, 2, 3, 4]); // the first is the protocol's own beginning
    assert_eq!(seqs(&log.read(1, 1)), [2]);
    assert!(log.read(4, 64).is_empty());
    assert!(log.read(u64::MAX, 64).is_empty());
}

#[test]
fn a_log_that_grew_too_long_gives_a_snapshot_and_then_what_follows_it() {
    let mut log = log(4, 10_000, &Ledger::default());
    ["a", "b", "c", "d"].iter().for_each(|words| say(&mut log, words).unwrap());
    let behind = log.read(0, 64);
    let [LogItem::Snapshot(snapshot)] = &behind[..] else { panic!("{behind:?}") };
    assert_eq!((snapshot.through, snapshot.value["content"].as_str()), (5, Some("abcd")));
    say(&mut log, "e").unwrap();
    assert_eq!(seqs(&log.read(snapshot.through, 64)), [6]);
    assert_eq!(seqs(&log.read(3, 64)), [4, 5, 6]); // who kept up meets no snapshot
}

#[test]
fn bytes_are_bounded_too_and_a_whole_answer_in_one_frame_stays() {
    let ledger = Ledger::default();
    let mut log = log(1_000, 2_000, &ledger);
    (0..100).for_each(|_| say(&mut log, &"x".repeat(100)).unwrap());
    assert!(matches!(log.read(0, 1)[..], [LogItem::Snapshot(_)]));
    say(&mut log, &"y".repeat(10_000)).unwrap();
    assert_eq!(seqs(&log.read(101, 64)), [102]);
    assert!(ledger.bytes() > 20_000); // what the writer remembers is counted as well
    drop(log);
    assert_eq!(ledger.bytes(), 0);
}

#[test]
fn who_was_fenced_off_writes_nothing_more() {
    let mut log = log(100, 10_000, &Ledger::default());
    say(&mut log, "a").unwrap();
    let epoch = log.take_over();
    assert_eq!(say(&mut log, "b"), Err(Closed));
    log.fail(epoch, Error::cancelled(CancelReason::UserStop), Clock::manual().now()).unwrap();
    assert_eq!(log.read(2, 64)[0].epoch(), 2);
    assert_eq!((log.epoch_at(2), log.epoch_at(3), log.epoch_at(4)), (Some(1), Some(2), None));
}

#[test]
fn only_an_end_that_is_to_be_kept_waits_for_that() {
    let rows = [
        (Keep::WhileRead, EndShown::AtOnce),
        (Keep::Resumable(Duration::ZERO), EndShown::OnceKept),
        (Keep::Background, EndShown::OnceKept),
    ];
    for (keep, shown) in rows {
        assert_eq!(EndShown::from(keep), shown);
    }
}

#[test]
fn there_is_one_end_and_nothing_after_it() {
    let mut log = log(100, 10_000, &Ledger::default());
    finish(&mut log);
    assert_eq!(log.state(), &StreamState::Completed);
    assert_eq!(say(&mut log, "more"), Err(Closed));
    assert_eq!(log.fail(1, code::stream_cut("b"), Clock::manual().now()), Err(Closed));
}

#[test]
fn a_break_is_incomplete_after_the_first_words_and_failed_before_them() {
    let now = Clock::manual().now();
    let mut broken = log(100, 10_000, &Ledger::default());
    broken.fail(1, code::stream_cut("b"), now).unwrap();
    assert_eq!(broken.state(), &StreamState::Incomplete { reason: "STREAM_CUT".into() });

    let bounds = Bounds { events: 100, bytes: 10_000 };
    let mut never = Log::new(Box::new(Words::default()), bounds, Ledger::default().share());
    never.fail(1, Error::unavailable("b"), now + Duration::ZERO).unwrap();
    assert_eq!(never.state(), &StreamState::Failed { code: steadfast::Code::UNAVAILABLE });
    assert_eq!(never.last(), 0); // the status code is still free
    assert_eq!(seqs(&never.read(0, 64)), [1, 2]); // a reader in the middle of a stream is told in frames
    assert_eq!(never.read(2, 64), []);
}
