//! Every story in every protocol, as a client reads it.

use serde_json::json;
use steadfast_contract::{
    chat::Protocol,
    chunk::{Chunk, FinishReason, Frame, Weight},
    stream_log::AnswerWriter,
};
use steadfast_wire::{
    answer::{Identity, OwnEvents, Setting},
    chat_completions::{answer::write as chat, question::read::UsageFrame},
    messages::answer::write as messages,
    responses::answer::write as responses,
};

use crate::{
    golden,
    stories::{Story, finish, on_wire, seam, text, unwired},
};

pub(crate) fn setting(own_events: OwnEvents) -> Setting {
    let identity = Identity { id: "x_1".into(), created: 7, model: "quick".into(), stream_id: Some("rsp_1".into()) };
    let explain = |error: &steadfast::Error| json!({ "message": error.message(), "code": error.code().name(), "steadfast": { "request_id": "req_1" } });
    Setting { identity, own_events, explain: Box::new(explain) }
}

fn chat_writer(usage: UsageFrame) -> Box<dyn AnswerWriter> {
    Box::new(chat::Writer::new(setting(OwnEvents::Withheld), usage))
}

fn messages_writer() -> Box<dyn AnswerWriter> {
    Box::new(messages::Writer::new(setting(OwnEvents::Withheld)))
}

fn frames(mut writer: Box<dyn AnswerWriter>, story: Story) -> Vec<Frame> {
    let mut frames = writer.begin();
    for piece in story.pieces {
        frames.extend(writer.piece(piece));
    }
    frames.extend(story.breaks.iter().flat_map(|error| writer.fail(error)));
    frames
}

fn lines(frames: &[Frame]) -> String {
    let line = |frame: &Frame| {
        let event = frame.event.as_ref().map_or_else(String::new, |event| format!("event: {event}\n"));
        format!("{event}data: {}\n", std::str::from_utf8(&frame.data).unwrap())
    };
    frames.iter().map(line).collect()
}

#[test]
fn every_story_is_written_in_every_protocol() {
    for story in unwired() {
        let name = story.name;
        golden("chat_completions/answer/write", name, &lines(&frames(chat_writer(UsageFrame::Wanted), story)));
    }
    for story in unwired() {
        golden("messages/answer/write", story.name, &lines(&frames(messages_writer(), story)));
    }
    for story in unwired() {
        let name = story.name;
        let writer = responses::Writer::new(setting(OwnEvents::Withheld), serde_json::Map::new());
        golden("responses/answer/write", name, &lines(&frames(Box::new(writer), story)));
    }
}

#[test]
fn a_bad_end_has_no_marker_of_a_good_one() {
    for story in unwired().into_iter().filter(|story| story.breaks.is_some()) {
        assert!(!lines(&frames(chat_writer(UsageFrame::Wanted), story)).contains("[DONE]"));
    }
    for story in unwired().into_iter().filter(|story| story.breaks.is_some()) {
        assert!(!lines(&frames(messages_writer(), story)).contains("message_stop"));
    }
}

fn on_chat(chunk: Chunk, data: &'static str) -> steadfast_contract::chunk::Piece {
    on_wire(chunk, Protocol::ChatCompletions, &[(None, data)])
}

const PREAMBLE: &str =
    r#"{"id":"up-1","created":5,"model":"m1","choices":[{"index":0,"delta":{"role":"assistant"}}],"x":1}"#;
const HELLO: &str = r#"{"id":"up-1", "choices":[{"index":0,"delta":{"content":"Hello"},"finish_reason":"stop"}]}"#;
const USAGE: &str = r#"{"id":"up-1","choices":[],"usage":{"prompt_tokens":9}}"#;

fn passed(ending: &'static str) -> Story {
    let mut end = finish(FinishReason::Stop);
    end.wire = on_chat(Chunk::Other(Weight::Preamble), ending).wire;
    let pieces = vec![
        on_chat(Chunk::Other(Weight::Preamble), PREAMBLE),
        on_chat(Chunk::Text("Hello".into()), HELLO),
        Chunk::Reasoning("said by the frame before".into()).into(),
        end,
    ];
    Story { name: "passed", pieces, breaks: None }
}

#[test]
fn frames_of_the_clients_own_protocol_pass_untouched() {
    let data: Vec<_> =
        frames(chat_writer(UsageFrame::Wanted), passed(USAGE)).into_iter().map(|frame| frame.data).collect();
    assert_eq!(data, [PREAMBLE, HELLO, USAGE, "[DONE]"]);
}

#[test]
fn usage_that_nobody_asked_for_is_dropped_and_one_that_is_missing_is_told() {
    let unwanted = frames(chat_writer(UsageFrame::Unwanted), passed(USAGE));
    assert_eq!(
        unwanted.iter().map(|frame| &frame.data[..]).collect::<Vec<_>>(),
        [PREAMBLE.as_bytes(), HELLO.as_bytes(), b"[DONE]"]
    );
    let told = lines(&frames(chat_writer(UsageFrame::Wanted), passed(HELLO)));
    assert!(told.contains(r#""id":"up-1","object":"chat.completion.chunk","created":5,"model":"m1","choices":[],"usage":{"prompt_tokens":9,"#), "{told}");
}

#[test]
fn an_answer_of_two_attempts_has_one_id_and_one_role() {
    let other = r#"{"id":"up-2","created":6,"model":"m2","choices":[{"index":0,"delta":{"role":"assistant","content":", you"}}]}"#;
    let pieces = vec![
        on_chat(Chunk::Other(Weight::Preamble), PREAMBLE),
        on_chat(Chunk::Text("Hello".into()), HELLO),
        seam(),
        on_chat(Chunk::Text(", you".into()), other),
        finish(FinishReason::Stop),
    ];
    let written = lines(&frames(chat_writer(UsageFrame::Unwanted), Story { name: "", pieces, breaks: None }));
    assert!(!written.contains("up-2") && written.matches("role").count() == 1, "{written}");
    assert!(written.contains(r#""id":"up-1","object":"chat.completion.chunk","created":5,"model":"m1""#), "{written}");
}

#[test]
fn a_message_that_goes_on_elsewhere_goes_on_in_its_open_block() {
    let frame = |chunk, event, data| on_wire(chunk, Protocol::Messages, &[(Some(event), data)]);
    let start = r#"{"type":"message_start","message":{"id":"msg_up"}}"#;
    let block = r#"{"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}"#;
    let delta = r#"{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"Hello"}}"#;
    let pieces = vec![
        frame(Chunk::Other(Weight::Preamble), "message_start", start),
        frame(Chunk::Other(Weight::Preamble), "content_block_start", block),
        frame(Chunk::Text("Hello".into()), "content_block_delta", delta),
        seam(),
        text(", you"),
        finish(FinishReason::Stop),
    ];
    let written = frames(messages_writer(), Story { name: "", pieces, breaks: None });
    assert_eq!(
        written[..3].iter().map(|frame| &frame.data[..]).collect::<Vec<_>>(),
        [start.as_bytes(), block.as_bytes(), delta.as_bytes()]
    );
    golden("messages/answer/write", "passed_on_and_joined", &lines(&written));
}

#[test]
fn a_frame_of_another_protocol_is_never_passed_on() {
    let foreign = on_wire(Chunk::Text("Hello".into()), Protocol::Messages, &[(Some("content_block_delta"), "{}")]);
    let story = Story { name: "", pieces: vec![foreign, finish(FinishReason::Stop)], breaks: None };
    let written = lines(&frames(chat_writer(UsageFrame::Unwanted), story));
    assert!(written.contains(r#""content":"Hello""#) && !written.contains("event:"), "{written}");
}

#[test]
fn the_seam_is_told_to_those_who_ask() {
    let mut writer = chat::Writer::new(setting(OwnEvents::Told), UsageFrame::Unwanted);
    let told = lines(&writer.piece(seam()));
    assert!(told.starts_with("event: steadfast.seam\ndata: {\"kind\":\"seam\""), "{told}");
}

#[test]
fn events_of_a_response_are_numbered_without_a_gap() {
    for story in unwired() {
        let writer = responses::Writer::new(setting(OwnEvents::Told), serde_json::Map::new());
        for (number, frame) in frames(Box::new(writer), story).iter().enumerate() {
            let event: serde_json::Value = serde_json::from_slice(&frame.data).unwrap();
            assert_eq!(event["sequence_number"], number);
            assert_eq!(event["type"].as_str(), frame.event.as_deref());
        }
    }
}

#[test]
fn a_snapshot_holds_everything_so_far() {
    let mut writer = chat_writer(UsageFrame::Unwanted);
    writer.piece(text("Hel"));
    writer.piece(text("lo"));
    assert_eq!(writer.snapshot()["choices"][0]["content"], "Hello");
    let mut writer = messages_writer();
    writer.piece(text("Hello"));
    assert_eq!(writer.snapshot()["content"][0]["text"], "Hello");
}
