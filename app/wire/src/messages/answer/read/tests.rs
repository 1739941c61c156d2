//! What the servers send, and what must not pass for an end.

use super::*;

fn read(events: &[&str]) -> (Vec<Piece>, Result<Piece, Broken>) {
    let (mut reader, mut found) = (Reader::default(), Vec::new());
    for event in events {
        match reader.event("", Bytes::copy_from_slice(event.as_bytes()), &mut found) {
            Ok(Progress::GoesOn) => {}
            Ok(Progress::Over) => break,
            Err(broken) => return (found, Err(broken)),
        }
    }
    let end = reader.end();
    (found, end)
}

const START: &str = r#"{"type":"message_start","message":{"id":"msg_1","usage":{"input_tokens":3,"cache_read_input_tokens":4,"cache_creation_input_tokens":5,"output_tokens":1}}}"#;
const TEXT: &str = r#"{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"Hi"}}"#;
const DELTA: &str = r#"{"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":9}}"#;
const STOP: &str = r#"{"type":"message_stop"}"#;

#[test]
fn the_end_has_the_reason_and_all_figures() {
    let (found, end) = read(&[START, TEXT, DELTA, r#"{"type":"ping"}"#, STOP, TEXT]);
    assert_eq!(found[1].chunk, Chunk::Text("Hi".into()));
    assert_eq!(found[1].wire[0].event.as_deref(), Some("content_block_delta"));
    let usage = Some(Usage { prompt_tokens: 12, completion_tokens: 9, cached_tokens: 4 });
    let end = end.unwrap();
    assert_eq!(end.chunk, Chunk::Finish { reason: FinishReason::Stop, usage });
    assert_eq!(end.wire.len(), 3);
    assert_eq!(end.wire[2].data, STOP);
}

#[test]
fn only_message_stop_is_an_end() {
    assert_eq!(read(&[START, TEXT]).1, Err(Broken::Cut));
    assert_eq!(read(&[START, TEXT, DELTA]).1, Err(Broken::Cut));
    assert_eq!(read(&[]).1, Err(Broken::Cut));
}

#[test]
fn errors_and_foreign_words_are_told_apart() {
    let error = r#"{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}"#;
    assert_eq!(read(&[START, error]).1, Err(Broken::Told(error.into())));
    let plain = r#"{"error":{"message":"x"}}"#;
    assert_eq!(read(&[plain]).1, Err(Broken::Told(plain.into())));
    for foreign in ["{", "[]", r#"{"choices":[]}"#, "nonsense"] {
        assert!(matches!(read(&[foreign]).1, Err(Broken::Unreadable(_))), "{foreign}");
    }
    let (found, _) = read(&[r#"{"type":"some_day","x":1}"#, r#"{"type":"ping"}"#]);
    assert_eq!(found[0].chunk, Chunk::Other(Weight::Preamble));
    assert_eq!(found[1].chunk, Chunk::Status(Status::Alive));
}

#[test]
fn a_call_without_arguments_has_the_empty_object() {
    let start = r#"{"type":"content_block_start","index":1,"content_block":{"type":"tool_use","id":"t","name":"now","input":{}}}"#;
    let empty = r#"{"type":"content_block_delta","index":1,"delta":{"type":"input_json_delta","partial_json":""}}"#;
    let stop = r#"{"type":"content_block_stop","index":1}"#;
    let (found, end) = read(&[START, start, empty, stop, stop, DELTA, STOP]);
    let parts: Vec<_> = found.iter().map(|piece| &piece.chunk).collect();
    let part = |id: Option<&str>, name: Option<&str>, arguments: &str| {
        Chunk::ToolCall(ToolCallPart {
            index: 0,
            id: id.map(Into::into),
            name: name.map(Into::into),
            arguments: arguments.into(),
        })
    };
    let nothing = Chunk::Other(Weight::Preamble);
    assert_eq!(parts, [&nothing, &part(Some("t"), Some("now"), ""), &nothing, &part(None, None, "{}"), &nothing]);
    assert!(matches!(end.unwrap().chunk, Chunk::Finish { reason: FinishReason::ToolCalls, .. }));
}

#[test]
fn a_body_is_one_frame_with_the_first_thing_it_says() {
    let body = r#"{"type":"message","content":[{"type":"thinking","thinking":"hm","signature":"s"},{"type":"text","text":"Hi"},
        {"type":"tool_use","id":"t","name":"f","input":{"a":1}},{"type":"tool_use","id":"u","name":"g","input":{}}],
        "stop_reason":"tool_use","usage":{"input_tokens":-1,"output_tokens":1e30}}"#;
    let (mut reader, mut found) = (Reader::default(), Vec::new());
    reader.whole(body.into(), &mut found).unwrap();
    let frames: Vec<_> = found.iter().map(|piece| piece.wire.len()).collect();
    assert_eq!(frames, [1, 0, 0, 0, 0, 0]);
    let usage = Some(Usage { prompt_tokens: 0, completion_tokens: u32::MAX, cached_tokens: 0 });
    assert_eq!(found[5].chunk, Chunk::Finish { reason: FinishReason::ToolCalls, usage });
    assert!(matches!(&found[4].chunk, Chunk::ToolCall(part) if part.index == 1 && part.arguments == "{}"));
    let error = r#"{"type":"error","error":{"type":"api_error","message":"x"}}"#;
    assert_eq!(Reader::default().whole(error.into(), &mut Vec::new()), Err(Broken::Told(error.into())));
    for none in ["{}", "<html>", r#"{"type":"message"}"#] {
        assert!(matches!(Reader::default().whole(none.into(), &mut Vec::new()), Err(Broken::Unreadable(_))), "{none}");
    }
}
