//! A writer made of a memo says what the first one said, in its protocol, under its name.

use serde_json::json;
use steadfast_contract::{
    chunk::{FinishReason, Frame, Seam, SeamMethod},
    code,
    usage::Usage,
};

use super::*;

fn explain(_: Protocol) -> Explain {
    Box::new(|error| json!({ "code": error.code().name(), "message": "gone", "steadfast": {} }))
}

fn setting() -> Setting {
    let identity = Identity { id: "resp_1".into(), created: 7, model: "big".into(), stream_id: Some("resp_1".into()) };
    Setting { identity, own_events: OwnEvents::Told, explain: explain(Protocol::Responses) }
}

fn writers() -> [Box<dyn AnswerWriter>; 3] {
    let echo = json!({ "metadata": { "a": "b" } }).as_object().unwrap().clone();
    [
        Box::new(chat_completions::answer::write::Writer::new(setting(), UsageFrame::Wanted)),
        Box::new(messages::answer::write::Writer::new(setting())),
        Box::new(responses::answer::write::Writer::new(setting(), echo)),
    ]
}

fn seam() -> Seam {
    let (from, to) = ("a/m".to_owned(), "b/m".to_owned());
    Seam { at_chars: 3, from, to, method: SeamMethod::Prefill, cause: "STREAM_CUT".into(), attempt: 2 }
}

fn said(writer: &mut dyn AnswerWriter) {
    let call = ToolCallPart { index: 0, id: Some("c1".into()), name: Some("look".into()), arguments: "{}".into() };
    writer.begin();
    for chunk in [
        Chunk::Reasoning("hm".into()),
        Chunk::Text("Zoë".into()),
        Chunk::Status(Status::Seam(seam())),
        Chunk::Text(" goes".into()),
        Chunk::Text(" on".into()),
        Chunk::ToolCall(call),
    ] {
        writer.piece(chunk.into());
    }
}

fn finish() -> Chunk {
    let usage = Usage { prompt_tokens: 3, completion_tokens: 4, cached_tokens: 0 };
    Chunk::Finish { reason: FinishReason::ToolCalls, usage: Some(usage) }
}

fn again(writer: &dyn AnswerWriter, first: u64) -> (Box<dyn AnswerWriter>, Vec<Piece>) {
    // Through text, as a disk would have it.
    let memo = serde_json::from_str(&writer.memo().to_string()).unwrap();
    Writers(explain).again(&memo, first).unwrap()
}

fn told(writer: &mut dyn AnswerWriter, pieces: Vec<Piece>) -> Vec<Frame> {
    let mut frames = writer.begin();
    frames.extend(pieces.into_iter().flat_map(|piece| writer.piece(piece)));
    frames
}

#[test]
fn a_whole_answer_is_said_again_with_its_seam_in_its_place() {
    for mut writer in writers() {
        said(writer.as_mut());
        writer.piece(finish().into());
        let (mut second, pieces) = again(writer.as_ref(), 1);
        let chunks: Vec<_> = pieces.iter().map(|piece| piece.chunk.clone()).collect();
        assert_eq!(
            chunks[1..4],
            [Chunk::Text("Zoë".into()), Chunk::Status(Status::Seam(seam())), Chunk::Text(" goes on".into())]
        );
        assert_eq!(chunks.last(), Some(&finish()));
        told(second.as_mut(), pieces);
        assert_eq!(second.snapshot(), writer.snapshot());
        assert_eq!(second.memo(), writer.memo());
    }
}

#[test]
fn a_half_answer_ends_as_broken_in_every_protocol() {
    let ends = writers().map(|mut writer| {
        said(writer.as_mut());
        let (mut second, pieces) = again(writer.as_ref(), 1);
        assert!(pieces.iter().all(|piece| !matches!(piece.chunk, Chunk::Finish { .. })));
        told(second.as_mut(), pieces);
        let end = second.fail(&code::interrupted());
        assert_eq!(end.len(), 1);
        let event = end[0].event.as_deref().unwrap_or_default().to_owned();
        (event, serde_json::from_slice::<Value>(&end[0].data).unwrap())
    });
    let [(_, chat), (messages, _), (responses, response)] = &ends;
    assert_eq!((&chat["id"], &chat["choices"][0]["finish_reason"]), (&json!("resp_1"), &json!("error")));
    assert_eq!((messages.as_str(), responses.as_str()), ("error", "response.incomplete"));
    assert_eq!(response["response"]["status"], "incomplete");
    assert_eq!(response["response"]["incomplete_details"]["reason"], "interrupted");
    assert_eq!(response["response"]["metadata"]["a"], "b");
    assert_eq!(response["response"]["output"][1]["content"][0]["text"], "Zoë goes on");
}

#[test]
fn events_that_are_numbered_go_on_from_the_logs_place() {
    let [_, _, mut writer] = writers();
    said(writer.as_mut());
    let (mut second, pieces) = again(writer.as_ref(), 101);
    let frames = told(second.as_mut(), pieces);
    for (place, frame) in (101_u64..).zip(&frames) {
        let event: Value = serde_json::from_slice(&frame.data).unwrap();
        assert_eq!(event["sequence_number"], place - 1);
    }
}

#[test]
fn what_is_no_memo_is_refused() {
    for wrong in [json!(null), json!({}), json!({ "protocol": "gopher" })] {
        assert_eq!(Writers(explain).again(&wrong, 1).err().unwrap().code(), steadfast::Code::CORRUPT);
    }
}
