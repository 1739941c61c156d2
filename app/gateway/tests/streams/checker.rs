//! The checker itself: what each broken law looks like, told to it by hand. A checker that finds nothing is worth
//! nothing.

use bytes::Bytes;
use serde_json::json;
use steadfast::CancelReason;
use steadfast_contract::{
    chat::Protocol,
    chunk::{Chunk, FinishReason, Frame, Seam, SeamMethod, Status, ToolCallPart},
    code,
    stream_log::{AnswerWriter, LogItem, Numbered, Snapshot, StreamState},
};
use steadfast_gateway::testing::{Law, Plain, StreamChecker};

use crate::speaker::voice;

fn watched() -> (StreamChecker, Box<dyn AnswerWriter>) {
    let checker = StreamChecker::new().reading(Plain::words, Plain::words_of).knowing_voices(voice);
    let writer = checker.writer("s", "ann", Box::new(Plain::default()));
    (checker, writer)
}

fn text(words: &str) -> Chunk {
    Chunk::Text(words.to_owned())
}

fn finish() -> Chunk {
    Chunk::Finish { reason: FinishReason::Stop, usage: None }
}

fn frame(seq: u64, data: &str) -> LogItem {
    let frame = Frame { protocol: Protocol::ChatCompletions, event: None, data: Bytes::from(data.to_owned()) };
    LogItem::Frame(Numbered { epoch: 1, seq, frame })
}

fn content(seq: u64, words: &str) -> LogItem {
    frame(seq, &json!({ "content": words }).to_string())
}

fn snapshot(through: u64, words: &str) -> LogItem {
    LogItem::Snapshot(Snapshot { epoch: 1, through, value: json!({ "content": words }) })
}

#[track_caller]
fn assert_broken(checker: &StreamChecker, law: Law) {
    let broken = checker.verdict().unwrap_err();
    assert_eq!(broken.law, law, "{broken}");
    assert!(!broken.story.is_empty());
}

#[test]
fn a_stream_as_it_should_be_breaks_nothing() {
    let (checker, mut writer) = watched();
    writer.piece(text("a/0:1 ").into());
    writer.piece(finish().into());
    let reader = checker.attached("s", "ann", 0);
    checker.delivered("s", reader, &content(1, "a/0:1 "));
    checker.looked_up("s", 1, Some(&content(1, "a/0:1 ")));
    let late = checker.attached("s", "ann", 0);
    checker.delivered("s", late, &snapshot(3, "a/0:1 "));
    checker.ended("s", &StreamState::Completed);
    checker.acknowledged("s", Some(3));
    checker.verdict().unwrap();
}

#[test]
fn l1_a_frame_that_was_sent_and_not_logged() {
    let (checker, mut writer) = watched();
    writer.piece(text("a").into());
    let reader = checker.attached("s", "ann", 0);
    checker.delivered("s", reader, &content(1, "a"));
    checker.looked_up("s", 1, None);
    assert_broken(&checker, Law::LogBeforeSend);

    let (checker, _writer) = watched();
    let reader = checker.attached("s", "ann", 0);
    checker.delivered("s", reader, &content(1, "a"));
    assert_broken(&checker, Law::LogBeforeSend);
}

#[test]
fn l2_a_writer_that_goes_on_after_it_was_fenced_off() {
    let (checker, mut writer) = watched();
    writer.fail(&code::stream_cut("a"));
    writer.piece(text("still here").into());
    assert_broken(&checker, Law::OneWriter);
}

#[test]
fn l3_a_gap_a_repetition_and_a_snapshot_that_goes_back_or_leaves_out() {
    for (items, law) in [
        (vec![content(1, "a"), content(3, "c")], Law::GaplessOrder),
        (vec![content(1, "a"), content(1, "a")], Law::GaplessOrder),
        (vec![content(1, "a"), content(2, "b"), snapshot(1, "a")], Law::GaplessOrder),
        (vec![snapshot(2, "a")], Law::GaplessOrder),
        (vec![content(1, "a"), snapshot(2, "xb")], Law::PrefixImmutability),
        (vec![content(1, "x")], Law::PrefixImmutability),
    ] {
        let (checker, mut writer) = watched();
        ["a", "b", "c"].into_iter().for_each(|words| drop(writer.piece(text(words).into())));
        let reader = checker.attached("s", "ann", 0);
        items.iter().for_each(|item| checker.delivered("s", reader, item));
        assert_broken(&checker, law);
    }
}

#[test]
fn l4_readers_that_were_told_different_things_where_the_writing_is_not_watched() {
    let checker = StreamChecker::new();
    let (one, two) = (checker.attached("s", "ann", 0), checker.attached("s", "ann", 0));
    checker.delivered("s", one, &content(1, "a"));
    checker.delivered("s", two, &content(1, "b"));
    assert_broken(&checker, Law::PrefixImmutability);
}

#[test]
fn l5_two_ends_none_and_a_good_marker_after_a_break() {
    let (checker, mut writer) = watched();
    writer.piece(finish().into());
    writer.fail(&code::stream_cut("a"));
    assert_broken(&checker, Law::OneTerminal);

    let checker = StreamChecker::new();
    checker.ended("s", &StreamState::Cancelled { reason: CancelReason::UserStop });
    checker.ended("s", &StreamState::Completed);
    assert_broken(&checker, Law::OneTerminal);

    let checker = StreamChecker::new();
    checker.ended("s", &StreamState::Running);
    assert_broken(&checker, Law::OneTerminal);

    let checker = StreamChecker::new();
    let reader = checker.attached("s", "ann", 0);
    checker.delivered("s", reader, &frame(1, "[DONE]"));
    checker.ended("s", &StreamState::Incomplete { reason: "STREAM_CUT".into() });
    assert_broken(&checker, Law::OneTerminal);
}

#[test]
fn l6_an_answer_called_whole_without_the_upstreams_word() {
    let (checker, mut writer) = watched();
    writer.piece(text("half").into());
    checker.ended("s", &StreamState::Completed);
    assert_broken(&checker, Law::EvidenceOfCompletion);
}

#[test]
fn l7_something_acknowledged_that_is_not_there() {
    let (checker, _writer) = watched();
    checker.acknowledged("s", None);
    assert_broken(&checker, Law::DurableAcknowledgement);

    let (checker, mut writer) = watched();
    writer.piece(finish().into());
    checker.ended("s", &StreamState::Completed);
    checker.acknowledged("s", Some(1)); // the end is missing
    assert_broken(&checker, Law::DurableAcknowledgement);
}

#[test]
fn l8_a_stranger_who_was_let_in() {
    let (checker, _writer) = watched();
    checker.attached("s", "bob", 0);
    assert_broken(&checker, Law::Ownership);
}

#[test]
fn l9_another_attempt_that_goes_on_without_a_word() {
    let (checker, mut writer) = watched();
    writer.piece(text("a/0:1 ").into());
    writer.piece(text("b/0:1 ").into());
    assert_broken(&checker, Law::TruthfulSeams);
}

#[test]
fn l9_a_seam_that_names_another_place() {
    for (at_chars, is_true) in [(6, true), (5, false), (7, false)] {
        let (checker, mut writer) = watched();
        writer.piece(text("a/0:1 ").into());
        let (from, to) = ("a/big".to_owned(), "b/big".to_owned());
        let seam = Seam { at_chars, from, to, method: SeamMethod::Prefill, cause: "STREAM_CUT".into(), attempt: 2 };
        writer.piece(Chunk::Status(Status::Seam(seam)).into());
        writer.piece(text("b/0:1 ").into());
        if is_true {
            checker.verdict().unwrap();
        } else {
            assert_broken(&checker, Law::TruthfulSeams);
        }
    }
}

#[test]
fn l10_a_call_that_is_asked_for_twice() {
    let (checker, mut writer) = watched();
    let call = || Chunk::ToolCall(ToolCallPart { id: Some("call-1".into()), ..ToolCallPart::default() });
    writer.piece(call().into());
    writer.piece(call().into());
    assert_broken(&checker, Law::NoDoubleEffect);
}
